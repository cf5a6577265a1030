// The fabric under chaos: two nodes, ports, hosts and routes, as many as are wanted.
import { appendFileSync } from 'node:fs'
import type { Release } from '../lab/frr.js'
import { hosts } from '../lab/hosts.js'
import { Lab } from '../lab/lab.js'
import type { Vm } from '../lab/vm.js'
import { Node } from './node.js'
import { Random } from './random.js'
import { Traffic } from './traffic.js'
import { routes, World } from './world.js'

export interface FabricOptions {
  readonly frr: Release
  readonly seed: number
  readonly hosts: number
  readonly routes: number
  /** Ports of each node. */
  readonly ports: number
  /** Operations per second. */
  readonly rate: number
  /** False: FRR is alone. */
  readonly macipd: boolean
  /** FRR logs what it does with MACs and routes, also after it was started again. */
  readonly frrDebug?: true
}

const FRR_DEBUG = { 'zebra.conf': 'debug zebra vxlan\ndebug zebra rib\n', 'bgpd.conf': 'debug bgp zebra\n' } as const

/** Hosts that speak are never so old, and the kernel forgets none by itself. */
const AGEING_S = 3600
/** One host in so many has not come yet. */
const ABSENT = 10

export class ChaosFabric implements AsyncDisposable {
  private constructor(
    readonly lab: Lab,
    readonly nodes: readonly [Node, Node],
    readonly world: World,
    readonly traffic: Traffic,
  ) {}

  /** Everything is started and the hosts have spoken; nothing is awaited beyond that. */
  static async start(options: FabricOptions): Promise<ChaosFabric> {
    const lab = await Lab.start({ frr: options.frr, ageing: AGEING_S })
    try {
      const vms: Vm[] = [...lab.vms]
      for (let count = 1; count < options.ports; count++) for (const node of lab.nodes) vms.push(await lab.addVm(node))
      const [n1, n2] = lab.nodes.map(
        (router) => new Node(router, options.macipd ? Node.makeRunDir(router) : undefined),
      ) as [Node, Node]
      if (options.frrDebug)
        for (const { router } of [n1, n2])
          for (const [file, lines] of Object.entries(FRR_DEBUG)) appendFileSync(router.path(`/etc/frr/${file}`), lines)
      await Promise.all([n1.start(), n2.start()])
      await lab.converged()
      const random = new Random(options.seed)
      const ports = vms.map((vm, index) => ({ index, node: vm.router.number, name: vm.port, mac: vm.mac }))
      const all = hosts(0, options.hosts).map((host, index) =>
        World.host(host, index, random.int(1, ABSENT) === 1 ? undefined : random.pick(ports)),
      )
      const world = new World(ports, all, routes(options.routes), options.rate)
      const traffic = new Traffic(world, [n1, n2], vms, random.fork(), options.rate)
      await traffic.begin()
      return new ChaosFabric(lab, [n1, n2], world, traffic)
    } catch (error) {
      await lab.stop()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.traffic[Symbol.dispose]()
    await this.lab.stop()
    for (const node of this.nodes) node[Symbol.dispose]()
  }
}
