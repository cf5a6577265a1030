// The FPM part of the snooper's control protocol (snoop.proto): converts the state of zebra's FPM connection to protobuf.
// Every field of a question is checked.
import { endpointText, parseIp, parseMac } from '../base/address.js'
import type { FpmStatus } from '../fpm/fpm.js'
import type { FpmView, HostRoute, NexthopEntry, Path, RemoteMac, RouteTable } from '../fpm/view.js'
import type { Heard } from '../fpm/sync-state.js'
import type { snoop as proto } from '../gen/snoop.js'
import { toEpoch } from '../base/clock.js'
import { counters, QuestionError, type Target, targetFromProto } from './snoop-codec.js'

export const FPM_TABLES = ['routes', 'macs', 'nexthops', 'status'] as const
export type FpmQuestion = Target & {
  readonly what: (typeof FPM_TABLES)[number]
  readonly table: number | undefined
}

/** Throws QuestionError. */
export function fpmQuestionFromProto({ what: name, table, ...wire }: proto.GetFpm.$Properties): FpmQuestion {
  const what = FPM_TABLES.find((known) => known === name)
  if (what === undefined) throw new QuestionError(`FPM has no such table; known are ${FPM_TABLES.join(', ')}`)
  return { what, table: table == null || table === 0 ? undefined : table, ...targetFromProto(wire) }
}

/**
 * Whether zebra's FPM configuration is as it is to be: `looking` before the first look; `kept`: it is. It is not where
 * zebra has another server (`other-server`), the older module (`old-module`) or none (`no-module`), a zebra that may crash
 * when FPM connects (`may-crash`), or does not answer (`unreachable`).
 */
export type EnsureState = 'looking' | 'kept' | 'other-server' | 'old-module' | 'no-module' | 'may-crash' | 'unreachable'

/** `why`: why it is not kept; '' if it is. `times`: how often it was set. `last`: monotonic milliseconds of the last time. */
export type FpmEnsured = {
  readonly state: EnsureState
  readonly why: string
  readonly times: number
  readonly last: number | undefined
}

/**
 * zebra's FPM connection, running or not. `off`: it is not wanted. `error`: why nothing listens; '' if something does.
 * `ensured` is undefined if zebra's configuration is left alone.
 */
type FpmSummary = {
  readonly off: boolean
  readonly error: string
  readonly ensured: FpmEnsured | undefined
  status(): FpmStatus | undefined
}

/** @param fpm is undefined if the connection is not wanted */
export function fpmStatusToProto(fpm: FpmSummary | undefined): proto.FpmStatus.$Properties {
  if (fpm === undefined || fpm.off) return { off: true }
  const status = fpm.status()
  return status === undefined ? { error: fpm.error } : runningToProto(status, fpm.ensured)
}

function runningToProto(
  { view, forward, ...status }: FpmStatus,
  ensured: FpmEnsured | undefined,
): proto.FpmStatus.$Properties {
  const { messages, ...others } = status.counters
  const leftOut = Object.entries(view.leftOut).map(([name, value]) => [`left-out-${name}`, value] as const)
  return {
    listening: status.listening.map(endpointText),
    peer: status.peer ?? '',
    format: status.format ?? '',
    phase: view.phase,
    since: view.since === undefined ? 0 : toEpoch(view.since),
    connections: view.connections,
    macs: view.macs,
    hostRoutes: view.hostRoutes,
    nexthops: view.nexthops,
    mplsRoutes: view.mplsRoutes,
    srv6LocalSids: view.srv6LocalSids,
    tables: view.tables.map(({ in: where, hostRoutes, routes }) => ({
      in: routeTableToProto(where),
      hostRoutes,
      routes,
    })),
    counters: counters({ ...others, ...messages, ...Object.fromEntries(leftOut) }),
    backlog: status.backlog,
    ensure: ensured === undefined ? null : ensuredToProto(ensured),
    forward:
      forward === undefined
        ? null
        : { to: forward.to, state: forward.state, queued: forward.queued, counters: counters(forward.counters) },
  }
}

const ensuredToProto = ({ state, why, times, last }: FpmEnsured): proto.FpmEnsure.$Properties => ({
  ...{ state, why, times },
  last: last === undefined ? 0 : toEpoch(last),
})

export const isMacMeant = (entry: RemoteMac, { vni, mac, ip }: FpmQuestion): boolean =>
  (vni === undefined || entry.vni === vni) &&
  (mac === undefined || entry.mac === mac) &&
  (ip === undefined || entry.vtep === ip)

/** Whether a question asks for a route; `paths` are the paths of the route, as far as they are known. */
export const isRouteMeant = (route: HostRoute, paths: readonly Path[], { vni, mac, ip, table }: FpmQuestion): boolean =>
  mac === undefined &&
  (table === undefined || ('table' in route.in && route.in.table === table)) &&
  (vni === undefined || paths.some((path) => path.vni === vni)) &&
  (ip === undefined || route.ip === ip || paths.some(({ gateway }) => gateway === ip))

export const isNexthopMeant = ({ path }: NexthopEntry, { vni, mac, ip, table }: FpmQuestion): boolean =>
  mac === undefined &&
  table === undefined &&
  (vni === undefined || path?.vni === vni) &&
  (ip === undefined || path?.gateway === ip)

export function macToProto(entry: RemoteMac, view: FpmView): proto.FpmMac.$Properties {
  const { vni, mac, vtep, nexthopId, ifindex, vlan, sticky } = entry
  return {
    vni: vni ?? 0,
    mac: parseMac(mac) ?? NOTHING,
    vtep: ipBytes(vtep),
    nexthopId: nexthopId ?? 0,
    ifindex,
    vlan: vlan ?? 0,
    sticky,
    router: view.isRouterMac(entry),
    heard: heardToProto(entry, view),
  }
}

export function routeToProto(
  route: HostRoute,
  paths: readonly Path[] | undefined,
  view: FpmView,
): proto.FpmRoute.$Properties {
  const { ip, in: where, protocol, type, metric, nexthopId } = route
  return {
    ip: ipBytes(ip),
    in: routeTableToProto(where),
    protocol,
    type,
    metric: metric ?? 0,
    nexthopId: nexthopId ?? 0,
    paths: (paths ?? []).map(pathToProto),
    unresolved: paths === undefined,
    heard: heardToProto(route, view),
  }
}

export function nexthopToProto(entry: NexthopEntry, view: FpmView): proto.FpmNexthop.$Properties {
  const { id, path, group } = entry
  return {
    id,
    path: path === undefined ? null : pathToProto(path),
    group: (group ?? []).map(({ id, weight }) => ({ id, weight })),
    heard: heardToProto(entry, view),
  }
}

const pathToProto = ({ gateway, ifindex, weight, onlink, vni }: Path): proto.FpmPath.$Properties => ({
  gateway: ipBytes(gateway),
  ifindex: ifindex ?? 0,
  weight,
  onlink,
  vni: vni ?? 0,
})

const heardToProto = (entry: Heard, view: FpmView): proto.FpmHeard.$Properties => ({
  freshness: view.freshness(entry),
  at: toEpoch(entry.at),
})

const routeTableToProto = (where: RouteTable): proto.FpmRouteTable.$Properties =>
  'vrf' in where ? { vrf: where.vrf, isVrf: true } : { table: where.table }

const ipBytes = (ip: string | undefined): Uint8Array => (ip === undefined ? NOTHING : (parseIp(ip) ?? NOTHING))

const NOTHING = new Uint8Array(0)
