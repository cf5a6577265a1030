// Hosts and routes in motion: carries out what the world says, on the fabric.
import { setTimeout as sleep } from 'node:timers/promises'
import { reason } from '../src/base/exit.js'
import { arpAnnouncement, neighborAdvertisement, unansweredFrame } from '../lab/frames.js'
import type { Vm } from '../lab/vm.js'
import type { Node } from './node.js'
import type { Random } from './random.js'
import { Responder } from './responder.js'
import type { NodeNumber } from './schedule.js'
import type { Operation, Port, World, WorldHost } from './world.js'

/** New hosts per second: of more at once zebra loses the kernel's messages. */
const JOINS_PER_S = 1000
const JOINS_AT_ONCE = 50
const HISTORY = 10
const MAX_DOWN_MS = 500

export class Traffic implements Disposable {
  private readonly spokeAt = new Map<WorldHost, number>()
  private readonly responders: Responder[]
  private running: Promise<void> | undefined
  private pausing = false
  operations = 0
  /** What bridges are to forget when bgpd is back. */
  private readonly toForget: { host: WorldHost; port: Port }[] = []
  /** Routes that are to change then, too. */
  private readonly toChange: { node: NodeNumber; routes: readonly number[]; up: boolean }[] = []
  /** Of each host, the last things that happened to it. */
  private readonly histories = new Map<string, string[]>()

  /** @param vms by the index of their port */
  constructor(
    private readonly world: World,
    private readonly nodes: readonly [Node, Node],
    private readonly vms: readonly Vm[],
    private readonly random: Random,
    private readonly rate: number,
  ) {
    const byMac = new Map(world.hosts.map((host) => [host.mac, host]))
    this.responders = vms.map(
      (vm, port) =>
        new Responder(vm, (mac) => {
          const host = byMac.get(mac)
          return host?.port === port ? host : undefined
        }),
    )
  }

  [Symbol.dispose](): void {
    for (const responder of this.responders) responder[Symbol.dispose]()
  }

  /** Everybody says where it is, and all routes are there. */
  async begin(): Promise<void> {
    await Promise.all(this.nodes.map(({ number }) => this.routes(number, this.world.routes.keys(), true)))
    let sent = 0
    for (const host of this.world.hosts) {
      if (host.port === undefined) continue
      this.speak(host)
      if (++sent % JOINS_AT_ONCE === 0) await sleep((JOINS_AT_ONCE * 1000) / JOINS_PER_S)
    }
  }

  /** Goes on until `pause`. */
  resume(): void {
    this.pausing = false
    this.running = this.run()
    // `pause` fails if this does
    this.running.catch(() => undefined)
  }

  /** Resolves when what was begun is done. */
  async pause(): Promise<void> {
    this.pausing = true
    await this.running
  }

  private async run(): Promise<void> {
    let due = performance.now()
    while (!this.pausing) {
      const operation = this.world.next(this.random)
      this.world.apply(operation)
      if ('host' in operation) this.note(this.world.host(operation.host), operation.kind)
      await this.perform(operation)
      this.operations++
      due = Math.max(due + 1000 / this.rate, performance.now() - 1000)
      await sleep(Math.max(0, due - performance.now()))
    }
  }

  private note({ mac, port }: WorldHost, what: string): void {
    const known = this.histories.get(mac) ?? []
    const { node, name } = port === undefined ? { node: 0, name: 'nowhere' } : this.world.port(port)
    const where = port === undefined ? name : `${name} of n${node}`
    this.histories.set(mac, [...known, `${new Date().toISOString()} ${what}, now at ${where}`].slice(-HISTORY))
  }

  historyOf(mac: string): readonly string[] {
    return this.histories.get(mac) ?? []
  }

  private async perform(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'speak':
      case 'join':
        this.speak(this.world.host(operation.host))
        return
      case 'move': {
        const [from, to] = [this.world.port(operation.from), this.world.port(operation.port)]
        const host = this.world.host(operation.host)
        this.speak(host)
        // the port it came from is taken away after it: its bridge forgets it, unless it knows that it is elsewhere
        if (from.node !== to.node) await this.forget(host, from)
        return
      }
      case 'leave':
        await this.forget(this.world.host(operation.host), this.world.port(operation.from))
        return
      case 'flap':
        await this.flap(this.world.port(operation.port))
        return
      case 'routes':
        await this.routes(operation.node, operation.routes, operation.up)
    }
  }

  private speak(host: WorldHost): void {
    const vm = host.port === undefined ? undefined : this.vms[host.port]
    if (vm === undefined) throw new Error(`${host.mac} is nowhere`)
    vm.sendFrames([arpAnnouncement(host), neighborAdvertisement(host)])
    this.spokeAt.set(host, performance.now())
  }

  /** Does what had to wait for bgpd; then, see `speakAgain`. */
  async settle(everybody: ReadonlySet<NodeNumber>): Promise<number> {
    for (const { node, routes, up } of this.toChange.splice(0)) await this.changeRoutes(node, routes, up)
    for (const { host, port } of this.toForget.splice(0)) if (host.port !== port.index) await this.forget(host, port)
    return this.speakAgain(everybody)
  }

  /** Whoever spoke while nobody listened says it again; so does everybody of the nodes named. Returns how many that were. */
  private speakAgain(everybody: ReadonlySet<NodeNumber>): number {
    let count = 0
    for (const host of this.world.hosts) {
      const port = this.world.portOf(host)
      if (port === undefined) continue
      const node = this.nodes[port.node - 1]
      const wasHeard = node?.wasDeaf(this.spokeAt.get(host) ?? 0) !== true
      if (wasHeard && !everybody.has(port.node)) continue
      this.speak(host)
      this.note(host, 'spoke again, unheard before')
      count++
    }
    return count
  }

  /**
   * Everybody sends a frame that says nothing of addresses, as hosts do all the time. Bridges learn from it: when a host
   * moves while zebra or bgpd is away, FRR takes its MAC from a bridge now and then, or puts it where it was, with macipd
   * or without.
   */
  hum(): void {
    const { vms, world } = this
    for (const port of world.ports)
      vms[port.index]?.sendFrames([port, ...world.hostsAt(port.index)].map(({ mac }) => unansweredFrame(mac)))
  }

  /** A bridge forgets a host behind a port; if it has it elsewhere by now, nothing happens. */
  private async forget(host: WorldHost, port: Port): Promise<void> {
    const { name, node } = port
    // zebra would have the MAC for good, with macipd or without
    if (this.nodes[node - 1]?.isSeparated === true) {
      this.toForget.push({ host, port })
      return
    }
    const { mac } = host
    await this.nodes[node - 1]?.router
      .exec(['bridge', 'fdb', 'del', mac, 'dev', name, 'master'])
      .catch((error: unknown) => {
        if (!reason(error).includes('No such file or directory')) throw error
      })
  }

  private async flap({ index, mac, node }: Port): Promise<void> {
    const vm = this.vms[index]
    const downMs = this.random.int(0, MAX_DOWN_MS)
    // its bridge would forget who has left, and zebra overlook that
    const isKept = this.nodes[node - 1]?.isSeparated === true || this.toForget.some(({ port }) => port.index === index)
    if (!isKept) await vm?.flap(downMs)
    vm?.send(unansweredFrame(mac))
    for (const host of this.world.hostsAt(index)) {
      this.speak(host)
      this.note(host, 'port flapped')
    }
  }

  private async routes(node: NodeNumber, routes: Iterable<number>, up: boolean): Promise<void> {
    // zebra might overlook it, with macipd or without; what comes after it has to wait, too
    if (this.nodes[node - 1]?.isSeparated === true || this.toChange.some((each) => each.node === node)) {
      this.toChange.push({ node, routes: [...routes], up })
      return
    }
    await this.changeRoutes(node, routes, up)
  }

  private async changeRoutes(node: NodeNumber, routes: Iterable<number>, up: boolean): Promise<void> {
    const lines = [...routes].flatMap((index) => {
      const route = this.world.routes[index]
      return route?.node === node ? [`route ${up ? 'add' : 'del'} blackhole ${route.prefix}`] : []
    })
    if (lines.length > 0) await this.nodes[node - 1]?.router.ip(...lines)
  }
}
