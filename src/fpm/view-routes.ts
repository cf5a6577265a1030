// Host routes, which may be those of EVPN hosts, in full; all other routes only as numbers.
import type { FpmRoute, GoneRoute, RouteTable } from './message.js'
import type { Heard, SyncState } from './sync-state.js'
import { update, type Update } from './update.js'
import { pathText, type Path, toPath } from './view-nexthops.js'

/** A route to one address. */
export type HostRoute = Readonly<Heard> & {
  readonly ip: string
  readonly in: RouteTable
  readonly protocol: string
  readonly type: string
  readonly metric: number | undefined
  /** what says the paths, unless they are in `paths`; see FpmView.paths */
  readonly nexthopId: number | undefined
  readonly paths: readonly Path[]
}

export type HostRouteChange = { type: 'host-route'; update: Update; route: HostRoute }

/** `routes`: those that are no host routes. */
export type TableSummary = { in: RouteTable; hostRoutes: number; routes: number }

type Table = {
  readonly in: RouteTable
  readonly hosts: Map<string, HostRoute>
  readonly others: KeySet
}

const HOST_LENGTH = { 4: 32, 6: 128 } as const
export const isHostRoute = ({ family, prefixLength, source }: GoneRoute): boolean =>
  prefixLength === HOST_LENGTH[family] && source === undefined

const tableKey = (table: RouteTable): string => ('vrf' in table ? `vrf ${table.vrf}` : `${table.table}`)

export type RouteLimits = {
  /** host routes, and apart from them the different paths they have */
  hostRoutes: number
  /** all others */
  routes: number
  /** a deletion may have to be looked for in all of them */
  tables: number
}

export class RouteTables {
  private readonly tables = new Map<string, Table>()
  private readonly shared: SharedPaths
  private hosts = 0
  private others = 0
  hostRoutesLeftOut = 0
  routesLeftOut = 0

  constructor(
    private readonly syncState: SyncState,
    private readonly limits: RouteLimits,
    private readonly changed: (change: HostRouteChange) => void,
  ) {
    this.shared = new SharedPaths(limits.hostRoutes)
  }

  get hostRoutes(): number {
    return this.hosts
  }

  find(ip: string): HostRoute[] {
    const found: HostRoute[] = []
    for (const { hosts } of this.tables.values()) {
      const route = hosts.get(ip)
      if (route !== undefined) found.push(route)
    }
    return found
  }

  findIn(table: RouteTable, ip: string): HostRoute | undefined {
    return this.tables.get(tableKey(table))?.hosts.get(ip)
  }

  *all(): Generator<HostRoute> {
    for (const { hosts } of this.tables.values()) yield* hosts.values()
  }

  summaries(): TableSummary[] {
    return [...this.tables.values()].map(({ in: table, hosts, others }) => ({
      in: table,
      hostRoutes: hosts.size,
      routes: others.size,
    }))
  }

  add(route: FpmRoute, heard: Heard): void {
    const key = tableKey(route.in)
    const known = this.tables.get(key)
    if (known === undefined && this.tables.size >= this.limits.tables) {
      if (isHostRoute(route)) this.hostRoutesLeftOut++
      else this.routesLeftOut++
      return
    }
    const table = known ?? this.addTable(key, route.in)
    if (isHostRoute(route)) this.addHost(key, table, route, heard)
    else this.addOther(key, table, route)
  }

  /** Where no table is named it is forgotten in all: which of them still has it, nobody knows. */
  remove(route: GoneRoute): void {
    if (route.in === undefined) for (const [key, table] of this.tables) this.removeFrom(key, table, route)
    else {
      const key = tableKey(route.in)
      const table = this.tables.get(key)
      if (table !== undefined) this.removeFrom(key, table, route)
    }
  }

  private removeFrom(key: string, table: Table, route: GoneRoute): void {
    if (isHostRoute(route)) {
      const known = table.hosts.get(route.prefix)
      if (known !== undefined) this.dropHost(key, table, known)
      return
    }
    if (table.others.delete(prefixKey(route))) this.others--
    this.dropIfEmpty(key, table)
  }

  /** zebra tells everything again: what it has said so far is only a memory. */
  age(): void {
    for (const { others } of this.tables.values()) others.age()
  }

  /** Forgets the routes of earlier connections than this one. */
  removeBefore(connection: number): void {
    for (const [key, table] of this.tables) {
      for (const route of table.hosts.values()) if (route.connection < connection) this.dropHost(key, table, route)
      if (connection >= this.syncState.connection)
        this.others -= table.others.dropAged(connection > this.syncState.connection)
      this.dropIfEmpty(key, table)
    }
  }

  private addHost(key: string, table: Table, route: FpmRoute, heard: Heard): void {
    const before = table.hosts.get(route.prefix)
    const paths = this.room(before) ? this.shared.take(route.nexthops.map(toPath)) : undefined
    if (paths === undefined) {
      this.hostRoutesLeftOut++
      // what is known of it is wrong now
      if (before !== undefined) this.dropHost(key, table, before)
      else this.dropIfEmpty(key, table)
      return
    }
    const { protocol, type, metric, nexthopId } = route
    const entry = { ip: route.prefix, in: table.in, protocol, type, metric, nexthopId, paths, ...heard }
    const what = update(before, before !== undefined && sameRoute(before, entry), this.syncState)
    table.hosts.set(route.prefix, entry)
    if (before === undefined) this.hosts++
    else this.shared.give(before.paths)
    if (what !== undefined) this.changed({ type: 'host-route', update: what, route: entry })
  }

  private room(before: HostRoute | undefined): boolean {
    return before !== undefined || this.hosts < this.limits.hostRoutes
  }

  private addOther(key: string, table: Table, route: FpmRoute): void {
    const prefix = prefixKey(route)
    if (this.others >= this.limits.routes && !table.others.has(prefix)) {
      this.routesLeftOut++
      this.dropIfEmpty(key, table)
      return
    }
    if (table.others.add(prefix)) this.others++
  }

  private dropHost(key: string, table: Table, route: HostRoute): void {
    table.hosts.delete(route.ip)
    this.shared.give(route.paths)
    this.hosts--
    this.dropIfEmpty(key, table)
    this.changed({ type: 'host-route', update: 'removed', route })
  }

  private dropIfEmpty(key: string, { hosts, others }: Table): void {
    if (hosts.size === 0 && others.size === 0) this.tables.delete(key)
  }

  private addTable(key: string, where: RouteTable): Table {
    const table = { in: where, hosts: new Map<string, HostRoute>(), others: new KeySet() }
    this.tables.set(key, table)
    return table
  }
}

// shared paths are the same object
const sameRoute = (a: HostRoute, b: HostRoute): boolean =>
  a.nexthopId === b.nexthopId &&
  a.paths === b.paths &&
  a.type === b.type &&
  a.protocol === b.protocol &&
  a.metric === b.metric

/** Lists of paths, each kept once however many routes have it. */
class SharedPaths {
  private readonly lists = new Map<string, { readonly paths: readonly Path[]; users: number }>()
  private used = 0

  constructor(private readonly limit: number) {}

  /** The list that equals `paths`, to be given back; undefined if there is no room for it. */
  take(paths: readonly Path[]): readonly Path[] | undefined {
    const key = listKey(paths)
    const known = this.lists.get(key)
    if (known !== undefined) {
      known.users++
      return known.paths
    }
    if (this.used + paths.length > this.limit) return undefined
    this.used += paths.length
    this.lists.set(key, { paths, users: 1 })
    return paths
  }

  give(paths: readonly Path[]): void {
    const key = listKey(paths)
    const known = this.lists.get(key)
    if (known === undefined || --known.users > 0) return
    this.used -= paths.length
    this.lists.delete(key)
  }
}

const listKey = (paths: readonly Path[]): string => paths.map(pathText).join(' ')

/** Numbers that stand for prefixes: `aged` ones were there before, `fresh` ones have been said since. */
export class KeySet {
  private fresh = new Set<number>()
  private aged = new Set<number>()

  get size(): number {
    return this.fresh.size + this.aged.size
  }

  has(key: number): boolean {
    return this.fresh.has(key) || this.aged.has(key)
  }

  /** Whether it is new. */
  add(key: number): boolean {
    if (this.fresh.has(key)) return false
    this.fresh.add(key)
    return !this.aged.delete(key)
  }

  /** Whether it was there. */
  delete(key: number): boolean {
    return this.fresh.delete(key) || this.aged.delete(key)
  }

  age(): void {
    if (this.aged.size === 0) [this.fresh, this.aged] = [this.aged, this.fresh]
    else for (const key of this.fresh) this.aged.add(key)
    if (this.fresh.size > 0) this.fresh = new Set()
  }

  /** Drops the aged ones, or `all`; returns how many. */
  dropAged(all = false): number {
    const dropped = this.aged.size + (all ? this.fresh.size : 0)
    this.aged = new Set()
    if (all) this.fresh = new Set()
    return dropped
  }
}

const prefixKey = ({ prefix, prefixLength, source = '' }: GoneRoute): number =>
  keyOf(`${prefix}/${prefixLength} ${source}`)

/**
 * 53 bits that stand for a text (FNV-1a, twice): a number needs a fraction of its memory. Two of a million texts are
 * the same number with a probability of 1 in 10,000: then a route is missing in a sum.
 */
export function keyOf(text: string): number {
  let [low, high] = [0x811c9dc5, 0x9747b28c]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
  }
  return ((high ^ (high >>> 15)) & 0x1fffff) * 0x100000000 + (low >>> 0)
}
