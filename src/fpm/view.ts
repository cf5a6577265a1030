// zebra's forwarding state as its FPM connection tells it. Pure: messages and the time come in, changes go out.
//
// What it tells: remote MACs that zebra programmed while it was connected to us (dplane_fpm_nl only), router MACs,
// host routes. What it never tells: MACs programmed before, IP neighbours, VTEPs to flood to, anything local. That a MAC
// is not here therefore proves nothing; nor does what is stale (see syncState.ts). If zebra itself was started anew, its
// old MACs are gone, which this connection does not show: whoever sees that calls `forgetStaleMacs`.
import type { Heard } from './sync-state.js'
import { type Freshness, SyncState, SYNC_DEFAULTS, type SyncOptions, type Phase } from './sync-state.js'
import type { FpmMessage, FpmRoute, RouteTable } from './message.js'
import { type MacChange, type MacDomain, MacTable, type RemoteMac, type VniOf } from './view-macs.js'
import { type NexthopChange, type NexthopEntry, NexthopTable, type Path } from './view-nexthops.js'
import {
  type HostRoute,
  type HostRouteChange,
  KeySet,
  keyOf,
  type RouteLimits,
  RouteTables,
  type TableSummary,
} from './view-routes.js'

export type { VniOf, Freshness, HostRoute, MacDomain, NexthopEntry, Path, Phase, RemoteMac, RouteTable, TableSummary }

/** `phase`: when it becomes `disconnected`, everything is stale without further changes. */
export type FpmChange = MacChange | HostRouteChange | NexthopChange | { type: 'phase'; phase: Phase }

export type FpmLimits = RouteLimits & {
  macs: number
  /** objects, and members of groups */
  nexthops: number
  mplsRoutes: number
  srv6LocalSids: number
}

export const FPM_LIMITS: FpmLimits = {
  macs: 250_000,
  hostRoutes: 500_000,
  routes: 2_000_000,
  tables: 16_384,
  nexthops: 250_000,
  mplsRoutes: 250_000,
  srv6LocalSids: 65_536,
}

/** Above what a node has VRFs. */
const MAX_L3_VNIS = 65_536

export type FpmViewOptions = Partial<SyncOptions> & { limits?: Partial<FpmLimits>; vniOf?: VniOf }

export type FpmViewStatus = {
  phase: Phase
  /** when zebra connected, monotonic milliseconds: MACs programmed before are not known */
  since: number | undefined
  connections: number
  macs: number
  hostRoutes: number
  nexthops: number
  mplsRoutes: number
  srv6LocalSids: number
  tables: TableSummary[]
  /** what was not kept because of the limits */
  leftOut: { macs: number; hostRoutes: number; routes: number; nexthops: number; others: number }
}

export class FpmView {
  private readonly syncState: SyncState
  private readonly limits: FpmLimits
  private readonly macs: MacTable
  private readonly routes: RouteTables
  private readonly nexthops: NexthopTable
  private readonly mpls = new KeySet()
  private readonly srv6 = new KeySet()
  private readonly l3Vnis = new Set<number>()
  private othersLeftOut = 0

  /** @param changed must not change the view */
  constructor(
    { limits, vniOf = () => undefined, ...syncState }: FpmViewOptions = {},
    private readonly changed: (change: FpmChange) => void = () => undefined,
  ) {
    this.limits = { ...FPM_LIMITS, ...limits }
    this.syncState = new SyncState({ ...SYNC_DEFAULTS, ...syncState })
    this.macs = new MacTable(this.syncState, this.limits.macs, changed, vniOf)
    this.routes = new RouteTables(this.syncState, this.limits, changed)
    this.nexthops = new NexthopTable(this.syncState, this.limits.nexthops, changed)
  }

  /** zebra has connected and begins to tell everything. */
  opened(now: number): void {
    this.syncState.opened(now)
    this.routes.age()
    this.mpls.age()
    this.srv6.age()
    this.changed({ type: 'phase', phase: this.syncState.phase })
  }

  closed(now: number): void {
    this.syncState.closed(now)
    this.changed({ type: 'phase', phase: this.syncState.phase })
  }

  /** Only between `opened` and `closed`. */
  apply(message: FpmMessage, now: number): void {
    const heard = this.syncState.hear(now)
    switch (message.kind) {
      case 'route':
        if (message.gone) this.routes.remove(message.route)
        else this.addRoute(message.route, heard)
        return
      case 'nexthop':
        if (message.gone) this.nexthops.remove(message.nexthop.id)
        else this.nexthops.add(message.nexthop, heard)
        return
      case 'mac':
        if (message.gone) this.macs.remove(message.mac)
        else if (message.mac.remote) this.macs.add(message.mac, heard)
        return
      case 'mpls-route':
        this.applyKey(this.mpls, message.route.label, message.gone, this.limits.mplsRoutes)
        return
      case 'srv6-localsid':
        this.applyKey(this.srv6, keyOf(message.localSid.sid), message.gone, this.limits.srv6LocalSids)
        return
      case 'other':
      case 'malformed':
        return
    }
  }

  private addRoute(route: FpmRoute, heard: Heard): void {
    for (const { encap } of route.nexthops)
      if (encap?.kind === 'vxlan' && this.l3Vnis.size < MAX_L3_VNIS) this.l3Vnis.add(encap.vni)
    this.routes.add(route, heard)
  }

  private applyKey(keys: KeySet, key: number, gone: boolean, limit: number): void {
    if (gone) keys.delete(key)
    else if (keys.size < limit || keys.has(key)) keys.add(key)
    else this.othersLeftOut++
  }

  /** When `tick` has something to do; undefined for never, until something else happens. */
  deadline(): number | undefined {
    return this.syncState.deadline()
  }

  /** Does what time brings: the end of a replay, and of what has been stale too long. */
  tick(now: number): void {
    const { settled, expired } = this.syncState.due(now)
    if (settled) {
      this.settle()
      this.changed({ type: 'phase', phase: this.syncState.phase })
    }
    if (expired !== undefined) this.expire(expired)
  }

  /** zebra was started anew: what was not heard since it connected is no longer programmed. */
  forgetStaleMacs(): void {
    this.macs.removeIf((mac) => this.syncState.freshness(mac) === 'stale')
  }

  /** What zebra tells again whenever it connects, and has not told now, is gone. */
  private settle(): void {
    const { connection } = this.syncState
    this.macs.removeIf((mac) => this.isRouterMac(mac) && mac.connection < connection)
    this.routes.removeBefore(connection)
    this.nexthops.removeIf((nexthop) => nexthop.connection < connection)
    this.mpls.dropAged()
    this.srv6.dropAged()
  }

  private expire(connection: number): void {
    this.macs.removeIf((mac) => mac.connection <= connection)
    this.routes.removeBefore(connection + 1)
    this.nexthops.removeIf((nexthop) => nexthop.connection <= connection)
    if (connection < this.syncState.connection) return
    this.mpls.dropAged(true)
    this.srv6.dropAged(true)
    this.l3Vnis.clear()
  }

  get phase(): Phase {
    return this.syncState.phase
  }

  freshness(entry: Heard): Freshness {
    return this.syncState.freshness(entry)
  }

  /** By VNI (not known before 9.0) or by VXLAN device and VLAN; `mac` in lower case. */
  remoteMac(domain: MacDomain, mac: string): RemoteMac | undefined {
    return this.macs.find(domain, mac)
  }

  remoteMacs(): Iterable<RemoteMac> {
    return this.macs.all()
  }

  /** The router MAC of a VTEP and not a host's: it was sent as only those are, or zebra routes into its VNI. */
  isRouterMac({ router, vni }: RemoteMac): boolean {
    return router || (vni !== undefined && this.l3Vnis.has(vni))
  }

  /** One from each table that has it; `ip` in canonical text. */
  hostRoutes(ip: string): HostRoute[] {
    return this.routes.find(ip)
  }

  hostRoute(table: RouteTable, ip: string): HostRoute | undefined {
    return this.routes.findIn(table, ip)
  }

  allHostRoutes(): Iterable<HostRoute> {
    return this.routes.all()
  }

  /** Where a host route leads; undefined if it names a nexthop that zebra has not told. */
  paths({ nexthopId, paths }: Pick<HostRoute, 'nexthopId' | 'paths'>): readonly Path[] | undefined {
    return nexthopId === undefined ? paths : this.nexthops.resolve(nexthopId)
  }

  nexthop(id: number): NexthopEntry | undefined {
    return this.nexthops.get(id)
  }

  allNexthops(): Iterable<NexthopEntry> {
    return this.nexthops.all()
  }

  status(): FpmViewStatus {
    const { macs, routes, nexthops } = this
    return {
      phase: this.syncState.phase,
      since: this.syncState.since,
      connections: this.syncState.connection,
      macs: macs.size,
      hostRoutes: routes.hostRoutes,
      nexthops: nexthops.size,
      mplsRoutes: this.mpls.size,
      srv6LocalSids: this.srv6.size,
      tables: routes.summaries(),
      leftOut: {
        macs: macs.leftOut,
        hostRoutes: routes.hostRoutesLeftOut,
        routes: routes.routesLeftOut,
        nexthops: nexthops.leftOut,
        others: this.othersLeftOut,
      },
    }
  }
}
