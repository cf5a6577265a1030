import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ExitCode, FatalError, reason } from '../src/base/exit.js'
import { type BondMode, BondedHost } from './bonded-host.js'
import { findTree, type Release, type Tree } from './frr.js'
import {
  detach,
  endHolder,
  type Holder,
  type LabState,
  listLabs,
  PID_SPACE,
  reserve,
  startHolder,
  writeState,
} from './holder.js'
import type { PingResult } from './ping.js'
import { prepareNode } from './node-directories.js'
import { Router } from './router.js'
import type { MacipRoute } from './show.js'
import type { Space } from './space.js'
import { Vm } from './vm.js'
import { waitFor, type WaitOptions } from './wait.js'

export interface LabOptions {
  /** FRR release of both nodes. */
  frr: Release
  /** Default: a random one. */
  name?: string
  /** The VMs' subnet belongs to a tenant (TENANT) and is routed between the nodes; needs a kernel with VRFs. */
  tenant?: boolean
  /** Seconds after which the bridges forget a MAC that is silent; default: the kernel's 300. */
  ageing?: number
}

export interface MoveOptions {
  /** Whether the VM tells everyone where it is when it has arrived; default true. */
  announce?: boolean
  /** What has to have happened before the VM arrives: its port on the new node is there by then. */
  ready?: () => Promise<unknown>
  /** What has to have happened before the port on the old node goes; default: nothing. */
  until?: () => Promise<unknown>
}

/**
 * Two nodes of an EVPN fabric with real FRR, each a router and a VM, in namespaces of their own.
 * Whatever ends this process, everything of the lab is gone afterwards; `await using` takes it away in order.
 */
export class Lab implements AsyncDisposable {
  private constructor(
    private holder: Holder,
    /** n1 and n2. */
    readonly nodes: readonly [Router, Router],
    /** vm1 on n1, vm2 on n2, then those added. */
    readonly vms: [Vm, Vm, ...Vm[]],
  ) {}

  /** Makes namespaces and links; FRR is not running yet. */
  static async start(options: LabOptions): Promise<Lab> {
    const { frr, name = randomBytes(5).toString('hex'), ageing, tenant = false } = options
    requireRoot()
    const tree = findTree(frr)
    const state: LabState = { name, release: frr, pidSpace: PID_SPACE, owner: process.pid, vms: [1, 2] }
    const lab = Lab.of(await hold(state, tree, tenant))
    try {
      await lab.connect(ageing, tenant)
      return lab
    } catch (error) {
      await lab.stop()
      throw error
    }
  }

  /** A lab that another process started. */
  static find(name: string): Lab {
    const holder = listLabs().find(({ state }) => state.name === name)
    if (holder === undefined) throw new FatalError(ExitCode.notRunning, `lab "${name}" is not up`)
    return Lab.of(holder)
  }

  private static of(holder: Holder): Lab {
    const tree = findTree(holder.state.release)
    const nodes = [new Router(1, holder, tree), new Router(2, holder, tree)] as const
    const vms = holder.state.vms.map((node, index) => new Vm(index + 1, nodes[node - 1] ?? nodes[0], holder))
    const [vm1 = new Vm(1, nodes[0], holder), vm2 = new Vm(2, nodes[1], holder), ...added] = vms
    return new Lab(holder, nodes, [vm1, vm2, ...added])
  }

  private async connect(ageing: number | undefined, tenant: boolean): Promise<void> {
    const [n1, n2] = this.nodes
    await Promise.all([n1.create(), n2.create()])
    await n1.ip(`link add fabric type veth peer name fabric netns ${n2.namespaces.net}`)
    await Promise.all(this.nodes.map((node) => node.bridge({ ageing, tenant })))
    await Promise.all(this.vms.map((vm) => vm.plug()))
  }

  get name(): string {
    return this.holder.state.name
  }

  get release(): Release {
    return this.holder.state.release
  }

  /** Routers and VMs by name: n1, n2, vm1, … */
  get spaces(): ReadonlyMap<string, Space> {
    return new Map([...this.nodes, ...this.vms].map((space) => [space.name, space]))
  }

  /** One more VM on a node. */
  async addVm(node: Router): Promise<Vm> {
    const vm = new Vm(this.vms.length + 1, node, this.holder)
    this.vms.push(vm)
    this.record()
    await vm.plug()
    return vm
  }

  /** A host that may have a link to each node: behind an Ethernet segment, once FRR is configured so. */
  async addBondedHost(mode: BondMode = 'broadcast'): Promise<BondedHost> {
    const host = new BondedHost(this.holder)
    await host.plug(this.nodes, mode)
    return host
  }

  /**
   * Moves a VM to the other node, as a live migration does: a port is made there, the VM arrives with all its state and
   * announces itself, and then the port it was behind is taken away. Which comes first, the
   * announcement at the new node or the end of the old port, is as open as on real nodes, unless `until` decides it.
   */
  async move(vm: Vm, to: Router, { announce = true, ready, until }: MoveOptions = {}): Promise<void> {
    const from = vm.router
    if (from === to) throw new Error(`${vm.name} is on ${to.name} already`)
    await vm.prepare(to)
    await ready?.()
    await vm.switchTo(to)
    this.record()
    if (announce) vm.announce()
    await until?.()
    await vm.leave(from)
  }

  /** Writes down which VM is on which node. */
  private record(): void {
    const state = { ...this.holder.state, vms: this.vms.map(({ router }) => router.number) }
    this.holder = { ...this.holder, state }
    writeState(state)
  }

  /** zebra and bgpd on both nodes, directly connected; resolves when the fabric has converged. */
  async startFrr(): Promise<void> {
    await Promise.all(
      this.nodes.map(async (node) => {
        await node.startZebra()
        await node.startBgpd()
      }),
    )
    await this.converged()
  }

  /** Waits until BGP is established both ways and each VTEP has the other in its flood list. */
  async converged(): Promise<void> {
    const [n1, n2] = this.nodes
    const knows = (node: Router, other: Router) =>
      this.waitFor(
        `${node.name} to know ${other.name} as VTEP`,
        () => node.remoteVteps(),
        (vteps) => vteps.includes(other.address),
      )
    try {
      await Promise.all([knows(n1, n2), knows(n2, n1)])
    } catch (error) {
      throw new Error(`${reason(error)}\n${await this.evpnState()}`, { cause: error })
    }
  }

  /**
   * What zebra and bgpd of each node believe about EVPN, what they have said about next hops, and the bytes that wait
   * between them, or that they do not answer.
   */
  async evpnState(): Promise<string> {
    const commands = [
      'show evpn vni',
      'show bgp summary',
      'show bgp l2vpn evpn vni',
      'show bgp l2vpn evpn route type multicast',
      // a route whose next hop bgpd does not find is in its table, and never the best
      'show bgp nexthop',
      'show ip nht',
    ]
    const vtysh = this.nodes.flatMap((node) =>
      commands.map(async (command) => `${node.name}# ${command}\n${await node.vtysh(command)}`),
    )
    const queues = this.nodes.map(async (node) => `${node.name}: queues of ZAPI\n${await node.zapiQueues()}`)
    const answers = this.nodes.map(
      async (node) => `${node.name}: next hops in ZAPI\n${await node.zapiMessages('--family', 'nexthop')}`,
    )
    return (await Promise.allSettled([...queues, ...vtysh, ...answers]))
      .map((each) => (each.status === 'fulfilled' ? each.value : reason(each.reason)))
      .join('\n')
  }

  /** Waits until an echo request of a VM is answered. */
  waitForPing(from: Vm, ip: string): Promise<PingResult> {
    return this.waitFor(
      `${ip} to answer ${from.name}`,
      () => from.ping(ip, { timeoutMs: 200 }),
      ({ received }) => received > 0,
    )
  }

  /** All routes for a MAC, or one of its IPs, as each node sees them. */
  async routesOf(mac: string, ip?: string): Promise<MacipRoute[][]> {
    const views = await Promise.all(this.nodes.map((node) => node.macipRoutes()))
    return views.map((routes) => routes.filter((route) => route.mac === mac && route.ip === ip))
  }

  /**
   * Waits until either node has exactly one route for a MAC, or for one of its IPs, and it is this node's; resolves
   * with it as the other node sees it.
   */
  async advertisedBy(node: Router, mac: string, ip?: string): Promise<MacipRoute> {
    const views = await this.waitFor(
      `${node.name} and nobody else to advertise ${mac} ${ip ?? ''}`,
      () => this.routesOf(mac, ip),
      (all) => all.every(([route, ...others]) => route?.nextHop === node.address && others.length === 0),
    )
    const [route] = views[2 - node.number] ?? []
    if (route === undefined) throw new Error(`no route of ${node.name}`)
    return route
  }

  /** Waits until no node has a route for a MAC, or one of its IPs. */
  async advertisedByNobody(mac: string, ip?: string): Promise<void> {
    await this.waitFor(
      `nobody to advertise ${mac} ${ip ?? ''}`,
      () => this.routesOf(mac, ip),
      (all) => all.every((routes) => routes.length === 0),
    )
  }

  /** `waitFor` whose failure shows the last lines of every daemon's log. */
  waitFor<T>(
    description: string,
    probe: () => T | Promise<T>,
    accept: (value: T) => boolean,
    options: WaitOptions = {},
  ): Promise<T> {
    return waitFor(description, probe, accept, { context: () => this.logTails(), ...options })
  }

  /** The last lines each daemon of the lab wrote. */
  logTails(): string {
    return [...this.spaces.values()].map((space) => space.logTails()).join('\n')
  }

  /** Lets the lab outlive this process. */
  detach(): void {
    detach(this.holder)
  }

  /** Ends every process of the lab and waits until nothing of it is left. */
  async stop(): Promise<void> {
    for (const vm of this.vms) vm.close()
    await endHolder(this.holder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Everything about labs needs root; throws where this process is not. */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return
  throw new FatalError(ExitCode.privilege, 'labs are network namespaces with real FRR daemons: run this as root')
}

async function hold(state: LabState, tree: Tree, tenant: boolean): Promise<Holder> {
  const directory = reserve(state)
  try {
    mkdirSync(join(directory, 'netns'))
    for (const number of [1, 2]) prepareNode(directory, number, tree, tenant)
    return await startHolder(state, tree.path, ['n1', 'n2'])
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}
