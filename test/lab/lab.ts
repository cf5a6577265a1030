import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ExitCode, FatalError } from '../../src/daemon/exit.js'
import { findTree, type Release, type Tree } from './frr.js'
import { detach, endHolder, type Holder, type LabState, listLabs, reserve, startHolder, writeState } from './holder.js'
import { prepareNode, Router } from './router.js'
import type { Space } from './space.js'
import { Vm } from './vm.js'
import { waitFor, type WaitOptions } from './wait.js'

export interface LabOptions {
  /** FRR release of both nodes. */
  frr: Release
  /** Default: a random one. */
  name?: string
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
  static async start({ frr, name = randomBytes(5).toString('hex') }: LabOptions): Promise<Lab> {
    requireRoot()
    const tree = findTree(frr)
    const state: LabState = { name, release: frr, owner: process.pid, vms: [1, 2] }
    const lab = Lab.of(await hold(state, tree))
    try {
      await lab.connect()
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
    const added = holder.state.vms.slice(2).map((node, index) => new Vm(index + 3, nodes[node - 1] ?? nodes[0], holder))
    return new Lab(holder, nodes, [new Vm(1, nodes[0], holder), new Vm(2, nodes[1], holder), ...added])
  }

  private async connect(): Promise<void> {
    const [n1, n2] = this.nodes
    await Promise.all([n1.create(), n2.create()])
    await n1.ip(`link add fabric type veth peer name fabric netns ${n2.namespaces.net}`)
    await Promise.all(this.nodes.map((node) => node.bridge()))
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
    const { state } = this.holder
    this.holder = { ...this.holder, state: { ...state, vms: [...state.vms, node.number] } }
    writeState(this.holder.state)
    await vm.plug()
    return vm
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
    await Promise.all([knows(n1, n2), knows(n2, n1)])
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

async function hold(state: LabState, tree: Tree): Promise<Holder> {
  const directory = reserve(state)
  try {
    mkdirSync(join(directory, 'netns'))
    for (const number of [1, 2]) prepareNode(directory, number, tree)
    return await startHolder(state, tree.path, ['n1', 'n2'])
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}
