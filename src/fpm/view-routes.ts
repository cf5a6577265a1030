// Host routes, which may lead to EVPN hosts, are kept in full; all other routes are only counted.
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
  /** The nexthop object of the route, unless `paths` has its paths; see FpmView.paths. */
  readonly nexthopId: number | undefined
  readonly paths: readonly Path[]
}

export type HostRouteChange = { type: 'host-route'; update: Update; route: HostRoute }

/** `routes` counts those that are not host routes. */
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
  /** Maximum number of host routes, and of different lists of paths. */
  hostRoutes: number
  /** Maximum number of other routes. */
  routes: number
  /** Maximum number of tables: a deletion may have to search all of them. */
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

  /** Removes a route. A deletion without a table removes it from all, since it is not known which one is meant. */
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

  /** Marks all routes as stale, because zebra begins to send everything again. */
  age(): void {
    for (const { others } of this.tables.values()) others.age()
  }

  /** Removes the routes that were last received before this connection. */
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
      // the stored route is out of date now
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

// lists of paths are shared, so equal lists are identical objects
const sameRoute = (a: HostRoute, b: HostRoute): boolean =>
  a.nexthopId === b.nexthopId &&
  a.paths === b.paths &&
  a.type === b.type &&
  a.protocol === b.protocol &&
  a.metric === b.metric

/** Lists of paths; equal lists are stored once, however many routes use them. */
class SharedPaths {
  private readonly lists = new Map<string, { readonly paths: readonly Path[]; users: number }>()
  private used = 0

  constructor(private readonly limit: number) {}

  /** Returns the shared list that equals `paths`; must be given back. undefined if there is no room for it. */
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

/** A set of prefixes as numbers: `aged` ones were received before the replay, `fresh` ones since. */
export class KeySet {
  private fresh = new Set<number>()
  private aged = new Set<number>()

  get size(): number {
    return this.fresh.size + this.aged.size
  }

  has(key: number): boolean {
    return this.fresh.has(key) || this.aged.has(key)
  }

  /** Returns whether the key is new. */
  add(key: number): boolean {
    if (this.fresh.has(key)) return false
    this.fresh.add(key)
    return !this.aged.delete(key)
  }

  /** Returns whether the key was there. */
  delete(key: number): boolean {
    return this.fresh.delete(key) || this.aged.delete(key)
  }

  age(): void {
    if (this.aged.size === 0) [this.fresh, this.aged] = [this.aged, this.fresh]
    else for (const key of this.fresh) this.aged.add(key)
    if (this.fresh.size > 0) this.fresh = new Set()
  }

  /** Drops the aged keys, or `all`; returns how many. */
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
 * A 53-bit hash of a text (FNV-1a, twice), because a number needs a fraction of the text's memory. Among a million
 * texts two have the same hash with a probability of 1 in 10,000; then one route is missing in a count.
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
