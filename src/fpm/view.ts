// zebra's forwarding state as its FPM connection shows it. Pure: takes messages and the time, and reports changes.
//
// It knows remote MACs that zebra programmed while it was connected to us (dplane_fpm_nl only), router MACs and host
// routes. It never has MACs programmed before, IP neighbours, VTEPs to flood to, or anything local. That a MAC is
// missing here therefore proves nothing; nor does stale state (see sync-state.ts). If zebra itself was restarted, its
// old MACs are gone, which this connection does not show: a caller that detects a restart calls `forgetStaleMacs`.
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

/** A change of `phase` to `disconnected` makes everything stale, without further changes. */
export type FpmChange = MacChange | HostRouteChange | NexthopChange | { type: 'phase'; phase: Phase }

export type FpmLimits = RouteLimits & {
  macs: number
  /** Maximum number of nexthop objects plus members of groups. */
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

/** More than the VRFs of any node. */
const MAX_L3_VNIS = 65_536

export type FpmViewOptions = Partial<SyncOptions> & { limits?: Partial<FpmLimits>; vniOf?: VniOf }

export type FpmViewStatus = {
  phase: Phase
  /** When zebra connected, monotonic milliseconds; MACs programmed before are not known. */
  since: number | undefined
  connections: number
  macs: number
  hostRoutes: number
  nexthops: number
  mplsRoutes: number
  srv6LocalSids: number
  tables: TableSummary[]
  /** What was not kept because of the limits. */
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

  /** Must be called when zebra has connected and begins to send everything. */
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

  /** Takes in a message; may be called only between `opened` and `closed`. */
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

  /** The next time at which `tick` must be called; undefined until another method has been called. */
  deadline(): number | undefined {
    return this.syncState.deadline()
  }

  /** Handles what is due: the end of a replay, and the expiry of stale state. */
  tick(now: number): void {
    const { synced, expired } = this.syncState.due(now)
    if (synced) {
      this.finishSync()
      this.changed({ type: 'phase', phase: this.syncState.phase })
    }
    if (expired !== undefined) this.expire(expired)
  }

  /** Must be called after a restart of zebra: MACs not received on this connection are no longer programmed. */
  forgetStaleMacs(): void {
    this.macs.removeIf((mac) => this.syncState.freshness(mac) === 'stale')
  }

  /** Removes what zebra sends at every connection and has not sent at this one. */
  private finishSync(): void {
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

  /** Looks a MAC up by VNI (not known before 9.0) or by VXLAN device and VLAN; `mac` in lower case. */
  remoteMac(domain: MacDomain, mac: string): RemoteMac | undefined {
    return this.macs.find(domain, mac)
  }

  remoteMacs(): Iterable<RemoteMac> {
    return this.macs.all()
  }

  /** Whether it is the router MAC of a VTEP: it was sent as only those are, or zebra routes into its VNI. */
  isRouterMac({ router, vni }: RemoteMac): boolean {
    return router || (vni !== undefined && this.l3Vnis.has(vni))
  }

  /** Returns the host routes to `ip` (canonical text), one from each table that has it. */
  hostRoutes(ip: string): HostRoute[] {
    return this.routes.find(ip)
  }

  hostRoute(table: RouteTable, ip: string): HostRoute | undefined {
    return this.routes.findIn(table, ip)
  }

  allHostRoutes(): Iterable<HostRoute> {
    return this.routes.all()
  }

  /** Where a host route leads; undefined if it refers to a nexthop that zebra has not sent. */
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
