// A lab with macipd on its first node: what most tests, the demo and the measurements look at.
import { inspect, isDeepStrictEqual } from 'node:util'
import { reason } from '../src/base/exit.js'
import type { FakeServiceManager } from './fake-service-manager.js'
import { Lab, type LabOptions, type MoveOptions } from './lab.js'
import type { Daemon } from './process.js'
import type { Router } from './router.js'
import type { MacipRoute } from './show.js'
import type { Vm } from './vm.js'

/** Of macipd on one node. */
export interface NodeOptions {
  /** Further arguments of `macipd relay`. */
  relay?: readonly string[]
  /** Further arguments of `macipd snoop`. */
  snoop?: readonly string[]
  /** Makes the service manager that starts the relay. */
  manager?: (node: Router) => FakeServiceManager
  /** Starts the relay with this command, instead of the fabric; resolves when bgpd can connect. */
  startRelay?: (command: readonly string[]) => Promise<void>
  /** Starts the relay as `Router.startRelayInView` does. */
  relayInView?: boolean
  /** Text of the configuration file of both. */
  config?: string
}

export interface FabricOptions extends LabOptions {
  /** macipd on both nodes, not on the near one alone. */
  both?: boolean
  near?: NodeOptions
  far?: NodeOptions
  /** Puts something between bgpd and the relay; resolves to the socket (as the near node sees it) bgpd connects to. */
  tap?: (near: Router) => Promise<string>
}

export class Fabric implements AsyncDisposable {
  /** The near relay's, if the options make one. */
  private manager: FakeServiceManager | undefined

  private constructor(
    readonly lab: Lab,
    private readonly options: Omit<FabricOptions, keyof LabOptions>,
  ) {}

  /** zebra, bgpd through the relay, and the snooper on n1; zebra and bgpd alone on n2 unless `both`; converged. */
  static async start(options: FabricOptions): Promise<Fabric> {
    const lab = await Lab.start(options)
    const fabric = new Fabric(lab, options)
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
    await Promise.all([this.startMacipd(near), this.options.both ? this.startMacipd(far) : startFrr(far)])
    await this.lab.converged()
  }

  private async startMacipd(node: Router): Promise<void> {
    await node.startZebra()
    const { relay = [], startRelay } = this.optionsOf(node)
    if (startRelay === undefined) await this.startRelay(node)
    else await startRelay(node.relayCommand([...relay, ...this.configOf(node)]))
    const tap = node === this.near ? this.options.tap : undefined
    await node.startBgpd({ zapi: (await tap?.(node)) ?? '/run/macipd/zserv.api' })
    await this.startSnoop(node)
  }

  /** As the options of the fabric say for this node. */
  async startRelay(node: Router): Promise<Daemon> {
    const { relay = [], manager, relayInView = false } = this.optionsOf(node)
    const args = [...relay, ...this.configOf(node)]
    if (relayInView) return node.startRelayInView(...args)
    if (manager === undefined) return node.startRelay(...args)
    this.manager ??= manager(node)
    return node.startRelayUnit(this.manager, ...args)
  }

  /** As the options of the fabric say for this node. */
  startSnoop(node: Router): Promise<Daemon> {
    const { snoop = [] } = this.optionsOf(node)
    return node.startSnoop(...snoop, ...this.configOf(node))
  }

  private optionsOf(node: Router): NodeOptions {
    return (node === this.near ? this.options.near : this.options.far) ?? {}
  }

  private configOf(node: Router): string[] {
    const { config } = this.optionsOf(node)
    return config === undefined ? [] : ['--config', node.writeConfig(config)]
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

  /** One more VM; resolves when its port is snooped, if there is a snooper. */
  async addVm(node = this.near): Promise<Vm> {
    const vm = await this.lab.addVm(node)
    await this.snooped(node, vm)
    return vm
  }

  /** `Lab.move`; the VM arrives when its new port is snooped, if there is a snooper. */
  async move(vm: Vm, to: Router, options: Omit<MoveOptions, 'ready'> = {}): Promise<void> {
    await this.lab.move(vm, to, { ...options, ready: () => this.snooped(to, vm) })
  }

  /** Waits until a VM's port on a node is snooped; at once on a node without a snooper. */
  private async snooped(node: Router, { port }: Vm): Promise<void> {
    if (node !== this.near && !this.options.both) return
    await this.lab.waitFor(
      `${port} of ${node.name} to be snooped`,
      () => node.snoopStatus(),
      ({ ports }) => ports.some(({ name, attached }) => name === port && attached !== ''),
    )
  }

  /** An ARP announcement and a neighbour advertisement of a VM. */
  static announce(vm: Vm): void {
    vm.announce()
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
  async farRoutes(ips: readonly string[], vm: Vm = this.vm): Promise<MacipRoute[]> {
    try {
      return await this.lab.waitFor(
        `${this.far.name} to have the routes of ${ips.join(', ') || 'no IP'} for ${vm.mac}`,
        async () => (await this.far.macipRoutes()).filter(({ mac, ip }) => mac === vm.mac && ip !== undefined),
        (routes) => isDeepStrictEqual(routes.map(({ ip }) => ip).sort(), [...ips].sort()),
      )
    } catch (error) {
      throw new Error(`${reason(error)}\n${await this.explained(vm)}`, { cause: error })
    }
  }

  /** What the near node says about the addresses of a VM, or why it says nothing. */
  private async explained({ mac, ipv4, ipv6 }: Vm): Promise<string> {
    const show = (answer: unknown): string => inspect(answer, { depth: 8, breakLength: 120 })
    const answers = [mac, ipv4, ipv6].map(async (address) => {
      return `${this.near.name}# macipctl explain ${address}\n${await this.near.explain(address).then(show, reason)}`
    })
    return (await Promise.all(answers)).join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.stop()
    this.manager?.[Symbol.dispose]()
  }
}

async function startFrr(node: Router): Promise<void> {
  await node.startZebra()
  await node.startBgpd()
}
