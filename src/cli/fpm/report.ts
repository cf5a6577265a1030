// Defines what zebra's FPM connection has told, as the snooper hands it over. `--json` prints these names.
import { formatIp, formatMac } from '../../base/address.js'
import { snoop as proto } from '../../gen/snoop.js'
import { type Counters, counters } from '../counters.js'

export type FpmTableReport = { table: number | null; vrf: number | null; hostRoutes: number; routes: number }
export type FpmForwardReport = { to: string; state: string; queued: number; counters: Counters }

/** `state`: an EnsureState of src/control/fpm-codec.ts. `last`: when it was set last; 0 if it never was. */
export type FpmEnsureReport = { state: string; why: string; times: number; last: number }

export type FpmStatusReport = {
  /** Whether the configuration turns it off. */
  off: boolean
  /** Why the snooper does not listen; empty if it does. */
  error: string
  listening: string[]
  /** zebra's end of the connection; empty while there is none. */
  peer: string
  format: string
  /** `disconnected`, `replaying`, `live`. */
  phase: string
  /** When zebra connected; 0 while it is not. */
  since: number
  connections: number
  macs: number
  hostRoutes: number
  nexthops: number
  mplsRoutes: number
  srv6LocalSids: number
  tables: FpmTableReport[]
  counters: Counters
  backlog: number
  forward: FpmForwardReport | null
  /** Whether zebra's configuration is as it is to be; null if it is left alone. */
  ensure: FpmEnsureReport | null
}

/** `freshness` is live, replayed or stale; `at` is when zebra last said it. */
type Heard = { freshness: string; at: number }
/** `vni` is null where zebra does not say it, `vtep` behind an Ethernet segment, which `nexthopId` names. */
export type FpmMacReport = Heard & {
  vni: number | null
  mac: string
  vtep: string | null
  nexthopId: number | null
  ifindex: number
  vlan: number | null
  sticky: boolean
  router: boolean
}
export type FpmPathReport = {
  gateway: string | null
  ifindex: number | null
  weight: number
  onlink: boolean
  vni: number | null
}
/** A route to one address; `resolved` says whether zebra has told the nexthop that it names. */
export type FpmRouteReport = Heard & {
  ip: string
  table: number | null
  vrf: number | null
  protocol: string
  type: string
  metric: number
  nexthopId: number | null
  resolved: boolean
  paths: FpmPathReport[]
}
export type FpmNexthopReport = Heard & {
  id: number
  path: FpmPathReport | null
  group: { id: number; weight: number }[]
}

export type FpmReport = {
  status: FpmStatusReport
  macs: FpmMacReport[]
  routes: FpmRouteReport[]
  nexthops: FpmNexthopReport[]
}

/** Adds one part of the answer. Throws RangeError on an address of the wrong length. */
export function addFpmPart(report: FpmReport, part: proto.Fpm.$Properties): void {
  if (part.status != null) report.status = fpmStatusReport(part.status)
  report.macs.push(...(part.macs ?? []).map(macReport))
  report.routes.push(...(part.routes ?? []).map(routeReport))
  report.nexthops.push(...(part.nexthops ?? []).map(nexthopReport))
}

export function fpmStatusReport(properties: proto.FpmStatus.$Properties): FpmStatusReport {
  const status = proto.FpmStatus.create(properties)
  return {
    off: status.off,
    error: status.error,
    listening: [...status.listening],
    peer: status.peer,
    format: status.format,
    phase: status.phase,
    since: status.since,
    connections: status.connections,
    macs: status.macs,
    hostRoutes: status.hostRoutes,
    nexthops: status.nexthops,
    mplsRoutes: status.mplsRoutes,
    srv6LocalSids: status.srv6LocalSids,
    tables: status.tables.map((table) => {
      const { in: routeTable, hostRoutes, routes } = proto.FpmTable.create(table)
      return { ...routeTableOf(routeTable), hostRoutes, routes }
    }),
    counters: counters(status.counters),
    backlog: status.backlog,
    forward: status.forward == null ? null : forwardReport(status.forward),
    ensure: status.ensure == null ? null : ensureReport(status.ensure),
  }
}

function forwardReport(properties: proto.FpmForward.$Properties): FpmForwardReport {
  const forward = proto.FpmForward.create(properties)
  return { to: forward.to, state: forward.state, queued: forward.queued, counters: counters(forward.counters) }
}

function ensureReport(properties: proto.FpmEnsure.$Properties): FpmEnsureReport {
  const { state, why, times, last } = proto.FpmEnsure.create(properties)
  return { state, why, times, last }
}

function macReport(properties: proto.FpmMac.$Properties): FpmMacReport {
  const { vni, mac, vtep, nexthopId, ifindex, vlan, sticky, router, heard } = proto.FpmMac.create(properties)
  if (mac.length !== 6) throw new RangeError(`a MAC address has 6 bytes, not ${mac.length}`)
  return {
    vni: vni || null,
    mac: formatMac(Buffer.from(mac)),
    vtep: ipOf(vtep),
    nexthopId: nexthopId || null,
    ifindex,
    vlan: vlan || null,
    sticky,
    router,
    ...heardOf(heard),
  }
}

function routeReport(properties: proto.FpmRoute.$Properties): FpmRouteReport {
  const route = proto.FpmRoute.create(properties)
  const { protocol, type, metric, nexthopId } = route
  return {
    ip: formatIp(route.ip),
    ...routeTableOf(route.in),
    protocol,
    type,
    metric,
    nexthopId: nexthopId || null,
    resolved: !route.unresolved,
    paths: route.paths.map(pathReport),
    ...heardOf(route.heard),
  }
}

function nexthopReport(properties: proto.FpmNexthop.$Properties): FpmNexthopReport {
  const { id, path, group, heard } = proto.FpmNexthop.create(properties)
  return {
    id,
    path: path == null ? null : pathReport(path),
    group: group.map((member) => {
      const { id, weight } = proto.FpmMember.create(member)
      return { id, weight }
    }),
    ...heardOf(heard),
  }
}

function pathReport(properties: proto.FpmPath.$Properties): FpmPathReport {
  const { gateway, ifindex, weight, onlink, vni } = proto.FpmPath.create(properties)
  return { gateway: ipOf(gateway), ifindex: ifindex || null, weight, onlink, vni: vni || null }
}

function routeTableOf(properties: proto.FpmRouteTable.$Properties | null | undefined): {
  table: number | null
  vrf: number | null
} {
  const { table, vrf, isVrf } = proto.FpmRouteTable.create(properties ?? {})
  return isVrf ? { table: null, vrf } : { table, vrf: null }
}

function heardOf(properties: proto.FpmHeard.$Properties | null | undefined): Heard {
  const { freshness, at } = proto.FpmHeard.create(properties ?? {})
  return { freshness, at }
}

const ipOf = (bytes: Uint8Array): string | null => (bytes.length === 0 ? null : formatIp(bytes))
