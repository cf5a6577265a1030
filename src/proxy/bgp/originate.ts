// What the proxy announces, as routes of BGP.
import { type ExtendedCommunity, TUNNEL_VXLAN } from '../../bgp/attributes/extended-communities.js'
import type { Attributes } from '../../bgp/attributes/table.js'
import { type OriginatedRoute, ZERO_ESI } from '../../bgp/evpn/route.js'
import type { RouteDistinguisher } from '../../bgp/evpn/rd.js'
import type { Announcement } from '../decision/model.js'
import { type RouteSettings, vniSettings } from './settings.js'

/** What an UPDATE has to say of a route. @param internal iBGP */
export function attributesOf(announcement: Announcement, settings: RouteSettings, internal: boolean): Attributes {
  const { vni, vtep } = announcement
  const tunnel = { kind: 'ingress-replication', endpoint: vtep } as const
  return {
    origin: 'igp',
    asPath: internal ? [] : [{ kind: 'sequence', as: [settings.localAs] }],
    ...(internal ? { localPref: DEFAULT_LOCAL_PREF } : {}),
    communities: [settings.mark],
    extendedCommunities: extendedCommunities(announcement, settings),
    ...(announcement.type === 'imet' ? { pmsiTunnel: { flags: 0, label: vni, tunnel } } : {}),
    unknown: [],
  }
}

/**
 * Which route is meant. A MAC that goes from VTEP to VTEP keeps its route distinguisher: its new route takes the place of
 * the old one.
 */
export function routeOf(announcement: Announcement, settings: RouteSettings): OriginatedRoute {
  const { vni, vtep } = announcement
  const rd: RouteDistinguisher = { type: 'ipv4', ip: settings.routerId, number: vniSettings(vni, settings).index }
  if (announcement.type === 'imet') return { kind: 'inclusive-multicast', rd, ethernetTag: 0, originator: vtep }
  const { mac, ip } = announcement
  return { kind: 'mac-ip', rd, esi: ZERO_ESI, ethernetTag: 0, mac, ip, labels: [vni] }
}

/** RFC 4271 leaves it to the speaker; this is FRR's. */
const DEFAULT_LOCAL_PREF = 100

function extendedCommunities(announcement: Announcement, settings: RouteSettings): ExtendedCommunity[] {
  const { routeTargets } = vniSettings(announcement.vni, settings)
  const communities: ExtendedCommunity[] = [
    ...routeTargets.map((target): ExtendedCommunity => ({ kind: 'route-target', target })),
    { kind: 'encapsulation', tunnelType: TUNNEL_VXLAN },
  ]
  if (announcement.type === 'imet') return communities
  const { seq, isSticky, isRouter } = announcement
  // RFC 7432 7.7: a route without it has the sequence number 0
  if (seq > 0 || isSticky) communities.push({ kind: 'mac-mobility', sticky: isSticky, sequence: seq })
  if (isRouter) communities.push({ kind: 'arp-nd', router: true, override: false, immutable: false })
  return communities
}
