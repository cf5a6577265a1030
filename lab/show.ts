// What vtysh shows, in the shapes of every release the lab runs.
import * as v from 'valibot'

export interface MacipRoute {
  readonly rd: string
  readonly mac: string
  /** Absent in a route for the MAC alone. */
  readonly ip?: string
  /** The VTEP that advertises it. */
  readonly nextHop: string
  /** MAC mobility sequence number (RFC 7432 section 7.7); 0 without the community. */
  readonly sequence: number
  /** The R flag of the EVPN ARP/ND community (RFC 9047 section 2.1). */
  readonly router?: true
  /** The MAC is sticky (RFC 7432 section 15.2). */
  readonly sticky?: true
  /** Announced because another node of the Ethernet segment has heard the host (draft-rbickhart-evpn-ip-mac-proxy-adv). */
  readonly proxy?: true
  /** The Ethernet segment. */
  readonly esi?: string
}

const Route = v.object({
  prefix: v.string(),
  paths: v.array(
    v.array(
      v.object({
        bestpath: v.optional(v.boolean(), false),
        esi: v.optional(v.string()),
        extendedCommunity: v.object({ string: v.string() }),
        nexthops: v.tupleWithRest([v.object({ ip: v.string() })], v.unknown()),
      }),
    ),
  ),
})
const PREFIX = /^\[2\]:\[\d+\]:\[48\]:\[([0-9a-f:]{17})\](?::\[\d+\]:\[(.+)\])?$/

/** `show bgp l2vpn evpn route type macip json`: the best path of each route. */
export function parseMacipRoutes(json: unknown): MacipRoute[] {
  const routes: MacipRoute[] = []
  for (const [rd, entries] of Object.entries(v.parse(v.record(v.string(), v.unknown()), json))) {
    // beside the RDs there are totals
    if (typeof entries !== 'object' || entries === null) continue
    for (const [prefix, entry] of Object.entries(entries)) {
      const [, mac, ip] = PREFIX.exec(prefix) ?? []
      if (mac === undefined) continue
      const best = v
        .parse(Route, entry)
        .paths.flat()
        .find((path) => path.bestpath)
      if (best === undefined) continue
      const communities = best.extendedCommunity.string
      routes.push({
        rd,
        mac,
        ...(ip !== undefined && { ip }),
        nextHop: best.nexthops[0].ip,
        sequence: Number(/\bMM:(\d+)/.exec(communities)?.[1] ?? 0),
        ...(/\bND:Router Flag/.test(communities) && { router: true }),
        ...(/\bMM:\d+, sticky MAC/.test(communities) && { sticky: true }),
        ...(/\bND:Proxy/.test(communities) && { proxy: true }),
        ...(best.esi !== undefined && { esi: best.esi }),
      })
    }
  }
  return routes
}

const Vni = v.object({
  /** 8.4: the addresses themselves, absent without any; later: their number. */
  numRemoteVteps: v.optional(v.union([v.array(v.string()), v.number()])),
  remoteVteps: v.optional(v.array(v.object({ ip: v.string() })), []),
})

/** `show evpn vni VNI json`: addresses of the VTEPs it floods to. */
export function parseRemoteVteps(json: unknown): string[] {
  const { numRemoteVteps, remoteVteps } = v.parse(Vni, json)
  return Array.isArray(numRemoteVteps) ? numRemoteVteps : remoteVteps.map(({ ip }) => ip)
}

const Neighbors = v.record(v.string(), v.object({ messageStats: v.object({ updatesSent: v.number() }) }))

/** `show bgp neighbors json`: the UPDATEs sent to all of them. */
export function parseUpdatesSent(json: unknown): number {
  return Object.values(v.parse(Neighbors, json)).reduce((sum, { messageStats }) => sum + messageStats.updatesSent, 0)
}

/** For how many seconds each of bgpd's two connections has lasted, from `show zebra client`. */
export function parseBgpdConnectedSeconds(text: string): number[] {
  const times = [...text.matchAll(/^Client: (?:bgp|vnc)\b[^]*?^Connect Time: (\d+):(\d+):(\d+)/gm)].map(
    ([, hours, minutes, seconds]) => (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds),
  )
  if (times.length < 2) throw new Error(text)
  return times
}
