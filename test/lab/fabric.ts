// A lab with macipd on its first node: what most tests, the demo and the measurements look at.
import { isDeepStrictEqual } from 'node:util'
import { Lab, type LabOptions } from './lab.js'
import type { Router } from './router.js'
import type { MacipRoute } from './show.js'
import type { Vm } from './vm.js'

export class Fabric implements AsyncDisposable {
  private constructor(readonly lab: Lab) {}

  /** zebra, bgpd through the relay, and the snooper on n1; zebra and bgpd alone on n2; converged. */
  static async start(options: LabOptions): Promise<Fabric> {
    const fabric = new Fabric(await Lab.start(options))
    try {
      await fabric.startDaemons()
      return fabric
    } catch (error) {
      await fabric.lab.stop()
      throw error
    }
  }

  private async startDaemons(): Promise<void> {
    const { near, far } = this
    const nearDaemons = async (): Promise<void> => {
      await near.startZebra()
      await near.startRelay()
      await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
      await near.startSnoop()
    }
    const farDaemons = async (): Promise<void> => {
      await far.startZebra()
      await far.startBgpd()
    }
    await Promise.all([nearDaemons(), farDaemons()])
    await this.lab.converged()
  }

  get near(): Router {
    return this.lab.nodes[0]
  }

  get far(): Router {
    return this.lab.nodes[1]
  }

  /** The VM on the near node. */
  get vm(): Vm {
    return this.lab.vms[0]
  }

  /** Waits until the far node has exactly these IPs of a VM in MAC+IP routes. */
  farRoutes(ips: readonly string[], vm: Vm = this.vm): Promise<MacipRoute[]> {
    return this.lab.waitFor(
      `${this.far.name} to have the routes of ${ips.join(', ') || 'no IP'} for ${vm.mac}`,
      async () => (await this.far.macipRoutes()).filter(({ mac, ip }) => mac === vm.mac && ip !== undefined),
      (routes) => isDeepStrictEqual(routes.map(({ ip }) => ip).sort(), [...ips].sort()),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.stop()
  }
}
