// Who is where: the truth that everything else is compared with. Pure.
import type { Host } from '../lab/frames.js'
import type { NodeNumber } from './schedule.js'
import type { Random } from './random.js'

export interface Port {
  readonly index: number
  readonly node: NodeNumber
  /** Name of the device, `tap3` for example. */
  readonly name: string
  /** The MAC of the VM itself, which has no address that anybody was told of. */
  readonly mac: string
}

export interface WorldHost extends Host {
  readonly index: number
  /** Index of the port it is behind; undefined: it has left. */
  port: number | undefined
  /** When it last moved, newest first: numbers of operations. */
  moves: number[]
  /** The node it was at last, even if it has left. */
  lastNode: NodeNumber | undefined
  /** It has been at both nodes, so that the sequence number of its routes was above 0. */
  hasCrossed: boolean
}

/** A route of a node's kernel, which its bgpd announces. */
export interface WorldRoute {
  readonly prefix: string
  readonly node: NodeNumber
  up: boolean
}

export type Operation =
  /** A host says where it is. */
  | { kind: 'speak'; host: number }
  /** It is behind another port now, and says so. */
  | { kind: 'move'; host: number; from: number; port: number }
  /** It ends without a word; its bridge forgets it. */
  | { kind: 'leave'; host: number; from: number }
  | { kind: 'join'; host: number; port: number }
  /** The port goes down and comes up again; every host behind it speaks again. */
  | { kind: 'flap'; port: number }
  /** Routes appear or vanish. */
  | { kind: 'routes'; node: NodeNumber; routes: readonly number[]; up: boolean }

const WEIGHTS: readonly (readonly [Operation['kind'], number])[] = [
  ['speak', 30],
  ['move', 25],
  ['leave', 12],
  ['join', 15],
  ['flap', 1],
  ['routes', 8],
]
/** A host that moves oftener is taken for a duplicate by zebra and by macipd: 5 moves in 180 s (RFC 7432 section 15.1). */
const MAX_MOVES = 3
const WINDOW_S = 200
const ROUTES_AT_ONCE = 50

export class World {
  private count = 0

  constructor(
    readonly ports: readonly Port[],
    readonly hosts: readonly WorldHost[],
    readonly routes: readonly WorldRoute[],
    /** Operations per second. */
    private readonly rate: number,
  ) {}

  portOf(host: WorldHost): Port | undefined {
    return host.port === undefined ? undefined : this.ports[host.port]
  }

  hostsAt(port: number): WorldHost[] {
    return this.hosts.filter((host) => host.port === port)
  }

  /** What happens next; the same for the same world and the same random numbers. */
  next(random: Random): Operation {
    for (;;) {
      const [kind] = random.weighted(WEIGHTS, ([, weight]) => weight)
      const operation = this.possible(kind, random)
      if (operation !== undefined) return operation
    }
  }

  private possible(kind: Operation['kind'], random: Random): Operation | undefined {
    const host = random.pick(this.hosts)
    const port = random.pick(this.ports).index
    switch (kind) {
      case 'speak':
        return host.port === undefined ? undefined : { kind, host: host.index }
      case 'move':
        if (host.port === undefined || host.port === port || !this.mayMove(host)) return undefined
        return { kind, host: host.index, from: host.port, port }
      case 'leave':
        return host.port === undefined ? undefined : { kind, host: host.index, from: host.port }
      case 'join':
        return host.port !== undefined || !this.mayMove(host) ? undefined : { kind, host: host.index, port }
      case 'flap':
        return { kind, port }
      case 'routes': {
        if (this.routes.length === 0) return undefined
        const first = random.int(0, this.routes.length - 1)
        const chosen = this.routes.slice(first, first + ROUTES_AT_ONCE)
        const node = chosen[0]?.node ?? 1
        const up = chosen[0]?.up === false
        const routes = chosen.flatMap((route, index) => (route.node === node && route.up !== up ? [first + index] : []))
        return { kind, node, routes, up }
      }
    }
  }

  private mayMove({ moves }: WorldHost): boolean {
    const oldest = moves[MAX_MOVES - 1]
    return oldest === undefined || this.count - oldest > WINDOW_S * this.rate
  }

  apply(operation: Operation): void {
    this.count++
    switch (operation.kind) {
      case 'speak':
      case 'flap':
        return
      case 'move':
      case 'join': {
        const host = this.host(operation.host)
        const { node } = this.port(operation.port)
        host.port = operation.port
        host.hasCrossed ||= host.lastNode !== undefined && host.lastNode !== node
        host.lastNode = node
        host.moves = [this.count, ...host.moves].slice(0, MAX_MOVES)
        return
      }
      case 'leave':
        this.host(operation.host).port = undefined
        return
      case 'routes':
        for (const index of operation.routes) {
          const route = this.routes[index]
          if (route !== undefined) route.up = operation.up
        }
    }
  }

  /** Behind that port from the beginning, or nowhere yet. */
  static host(host: Host, index: number, port: Port | undefined): WorldHost {
    return { ...host, index, port: port?.index, moves: [], lastNode: port?.node, hasCrossed: false }
  }

  host(index: number): WorldHost {
    const host = this.hosts[index]
    if (host === undefined) throw new RangeError(`there is no host ${index}`)
    return host
  }

  port(index: number): Port {
    const port = this.ports[index]
    if (port === undefined) throw new RangeError(`there is no port ${index}`)
    return port
  }
}

/** /32 prefixes, one half on either node; all of them are up. */
export const routes = (count: number): WorldRoute[] =>
  Array.from({ length: count }, (_, index) => ({
    prefix: `198.${18 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}/32`,
    node: index < count / 2 ? 1 : 2,
    up: true,
  }))
