// Compares what ZAPI and FPM say of the same thing. It is pure.
//
// ZAPI, as the relay saw it, says what zebra told bgpd is local, and what bgpd told zebra is remote. FPM says what zebra
// programs. Only what FPM has said on the present connection counts; that it has not said something proves nothing,
// because it tells no MACs again.
import { groupBy } from '../../base/group.js'
import type { FpmMacReport, FpmReport, FpmRouteReport } from '../fpm/report.js'
import type { BindingReport } from '../report.js'
import type { RemoteMac, ViewsReport } from '../show/report.js'

export type Disagreement =
  /** zebra announces the MAC as local, and has programmed it as remote. */
  | (Common & { kind: 'local-and-remote'; zapi: { seq: number; remoteSeq: number | null } })
  /** bgpd has told zebra another VTEP than the one that is programmed. */
  | (Common & { kind: 'vtep'; zapi: { vteps: string[]; remoteSeq: number } })
  /** A host route leads to another VTEP, for an IP that is announced from here. */
  | (Common & {
      kind: 'host-route'
      ip: string
      route: { table: number | null; vrf: number | null; vni: number | null }
    })

type Common = {
  vni: number
  mac: string
  /** What FPM says: the VTEP, since when at least (milliseconds since the epoch), and how sure it is. */
  fpm: { vtep: string; since: number; freshness: string }
  /** The bindings of macipd for the MAC. */
  bindings: { ip: string; port: string; state: string; reason: string }[]
}

export type Comparison = {
  disagreements: Disagreement[]
  /** MACs that ZAPI and FPM say the same of; announced IPs that no host route leads away from. */
  agree: { macs: number; hostRoutes: number }
  /** Counts what proves nothing. */
  notComparable: {
    /** bgpd told zebra of them, and FPM has not: they were programmed before it connected, or not at all. */
    neverSaid: number
    /** FPM said it of an earlier connection. */
    stale: number
    /** FPM does not say the VNI (zebra before 9.0), or names an Ethernet segment instead of a VTEP. */
    unclear: number
    /** FPM says it of a VNI or MAC that bgpd and zebra do not speak of. */
    onlyFpm: number
    /**
     * zebra announces it as local with a higher sequence number: it has come here, and what was programmed before is
     * not taken back but replaced, which FPM does not show.
     */
    superseded: number
    /** The IPs of these host routes are in several VNIs, so it is not known whose they are. */
    ambiguousRoutes: number
  }
}

/** What the sources say at one time. */
export type Evidence = {
  views: ViewsReport
  bindings: readonly BindingReport[]
  macs: FpmReport['macs']
  routes: FpmReport['routes']
}

export function compare(evidence: Evidence): Comparison {
  const result: Comparison = {
    disagreements: [],
    agree: { macs: 0, hostRoutes: 0 },
    notComparable: { neverSaid: 0, stale: 0, unclear: 0, onlyFpm: 0, superseded: 0, ambiguousRoutes: 0 },
  }
  compareMacs(evidence, result)
  compareRoutes(evidence, result)
  result.disagreements.sort((a, b) => a.vni - b.vni || (a.mac < b.mac ? -1 : a.mac > b.mac ? 1 : 0))
  return result
}

const key = ({ vni, mac }: { vni: number; mac: string }): string => `${vni} ${mac}`

function compareMacs({ views, bindings, macs }: Evidence, result: Comparison): void {
  const { notComparable } = result
  const local = new Map(views.macs.filter(({ ip }) => ip === null).map((it) => [key(it), it]))
  const remote = groupBy(views.remote, key)
  const byMac = groupBy(bindings, key)
  const said = new Set<string>()
  for (const { vni, ...it } of macs) {
    if (it.freshness === 'stale') {
      notComparable.stale++
      continue
    }
    // routers have VNIs of their own, which bgpd and zebra do not speak of as MACs
    if (it.router) continue
    if (vni === null || it.vtep === null) {
      notComparable.unclear++
      continue
    }
    const name = key({ vni, mac: it.mac })
    said.add(name)
    const places = remote.get(name) ?? []
    const own = local.get(name)
    const vteps = [...new Set(places.map(({ vtep }) => vtep))]
    const common = { vni, mac: it.mac, fpm: saidOf(it, it.vtep), bindings: (byMac.get(name) ?? []).map(stateOf) }
    const remoteSeq = places.length === 0 ? null : highest(places)
    if (own !== undefined && own.seq > (remoteSeq ?? 0)) notComparable.superseded++
    else if (own !== undefined) {
      const zapi = { seq: own.seq, remoteSeq }
      result.disagreements.push({ kind: 'local-and-remote', zapi, ...common })
    } else if (remoteSeq === null) notComparable.onlyFpm++
    else if (vteps.includes(it.vtep)) result.agree.macs++
    else result.disagreements.push({ kind: 'vtep', zapi: { vteps, remoteSeq }, ...common })
  }
  for (const name of remote.keys()) if (!said.has(name) && !local.has(name)) notComparable.neverSaid++
}

function compareRoutes({ views, bindings, routes }: Evidence, result: Comparison): void {
  const here = new Set(views.vnis.map(({ vtep }) => vtep))
  const announced = groupBy(
    bindings.filter(({ state }) => state === 'active'),
    ({ ip }) => ip,
  )
  for (const route of routes) {
    const [binding, ...others] = announced.get(route.ip) ?? []
    const away = route.paths.find(
      ({ gateway, onlink, vni }) => gateway !== null && !here.has(gateway) && (vni !== null || onlink),
    )
    if (binding === undefined || away === undefined || away.gateway === null) continue
    if (route.freshness === 'stale') {
      result.notComparable.stale++
    } else if (others.length > 0) {
      result.notComparable.ambiguousRoutes++
    } else {
      result.disagreements.push({
        kind: 'host-route',
        vni: binding.vni,
        mac: binding.mac,
        ip: route.ip,
        route: { table: route.table, vrf: route.vrf, vni: away.vni },
        fpm: saidOf(route, away.gateway),
        bindings: [stateOf(binding)],
      })
    }
  }
  const contested = new Set(result.disagreements.flatMap((it) => (it.kind === 'host-route' ? [it.ip] : [])))
  result.agree.hostRoutes = [...announced.keys()].filter((ip) => !contested.has(ip)).length
}

/** Returns what is in both, as the second says it: the others were only in passing. */
export function lasting(first: readonly Disagreement[], second: readonly Disagreement[]): Disagreement[] {
  const before = new Set(first.map(nameOf))
  return second.filter((it) => before.has(nameOf(it)))
}

const nameOf = (it: Disagreement): string =>
  `${it.kind} ${key(it)} ${it.kind === 'host-route' ? it.ip : ''} ${it.fpm.vtep}`

const saidOf = (
  { at, freshness }: Pick<FpmMacReport | FpmRouteReport, 'at' | 'freshness'>,
  vtep: string,
): Common['fpm'] => ({
  vtep,
  since: at,
  freshness,
})

const stateOf = ({ ip, port, state, reason }: BindingReport): Common['bindings'][number] => ({
  ip,
  port,
  state,
  reason,
})

const highest = (places: readonly RemoteMac[]): number => Math.max(...places.map(({ seq }) => seq))
