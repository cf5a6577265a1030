// A lab with macipd on its first node: what most tests, the demo and the measurements look at.
import { isDeepStrictEqual } from 'node:util'
import { arpAnnouncement, neighborAdvertisement } from './frames.js'
import { Lab, type LabOptions } from './lab.js'
import type { Router } from './router.js'
import type { MacipRoute } from './show.js'
import type { Vm } from './vm.js'

export interface FabricOptions extends LabOptions {
  /** Puts something between bgpd and the relay; resolves to the socket (as the near node sees it) bgpd connects to. */
  tap?: (near: Router) => Promise<string>
}

export class Fabric implements AsyncDisposable {
  private constructor(readonly lab: Lab) {}

  /** zebra, bgpd through the relay, and the snooper on n1; zebra and bgpd alone on n2; converged. */
  static async start({ tap, ...options }: FabricOptions): Promise<Fabric> {
    const fabric = new Fabric(await Lab.start(options))
    try {
      await fabric.startDaemons(tap)
      return fabric
    } catch (error) {
      await fabric.lab.stop()
      throw error
    }
  }

  private async startDaemons(tap: FabricOptions['tap']): Promise<void> {
    const { near, far } = this
    const nearDaemons = async (): Promise<void> => {
      await near.startZebra()
      await near.startRelay()
      await near.startBgpd({ zapi: (await tap?.(near)) ?? '/run/macipd/zserv.api' })
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

  /** The VM on the far node. */
  get farVm(): Vm {
    return this.lab.vms[1]
  }

  /** One more VM on the near node; resolves when its port is snooped. */
  async addVm(): Promise<Vm> {
    const vm = await this.lab.addVm(this.near)
    const log = (): string => this.near.daemon('snoop').logTail()
    await this.lab.waitFor(`${vm.port} to be snooped`, log, (text) => text.includes(`"port":"${vm.port}"`))
    return vm
  }

  /** An ARP announcement and a neighbour advertisement of a VM. */
  static announce(vm: Vm): void {
    vm.sendFrames([arpAnnouncement(vm), neighborAdvertisement(vm)])
  }

  /** A VM of the near node announces itself; resolves with its routes at the far node. */
  async learn(vm: Vm = this.vm): Promise<MacipRoute[]> {
    Fabric.announce(vm)
    return this.farRoutes([vm.ipv4, vm.ipv6], vm)
  }

  /** bgpd's connections as the near node's zebra knows them: name and descriptor of each. */
  async zebraClients(): Promise<string[]> {
    const text = await this.near.vtysh('show zebra client')
    return [...text.matchAll(/^Client: (\S+)[^]*?^FD: (\d+)/gm)].map(([, name = '', fd = '']) => `${name} ${fd}`)
  }

  /** Waits until bgpd has opened all its connections: the synchronous one comes a second after the others. */
  async allConnected(): Promise<string[]> {
    const expected = this.lab.release === '8.4' ? 2 : 3
    const bgpds = (clients: readonly string[]): number => clients.filter((name) => /^(bgp|vnc) /.test(name)).length
    return this.lab.waitFor(
      `${expected} connections of bgpd`,
      () => this.zebraClients(),
      (clients) => bgpds(clients) === expected,
    )
  }

  /** The PID of the relay's worker. */
  workerPid(): number {
    const [worker, ...others] = this.near.daemon('relay').children()
    if (worker === undefined || others.length > 0) throw new Error('the relay does not have one worker')
    return worker
  }

  /** Kills the relay's worker; resolves when its successor has started. */
  async killWorker(): Promise<void> {
    const before = this.workerPid()
    process.kill(before, 'SIGKILL')
    await this.lab.waitFor(
      'another worker',
      () => this.workerPid(),
      (pid) => pid !== before,
    )
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
