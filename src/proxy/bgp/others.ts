// What an UPDATE says of other speakers' routes.
import type { ExtendedCommunity } from '../../bgp/attributes/extended-communities.js'
import type { Attributes } from '../../bgp/attributes/table.js'
import { rdText } from '../../bgp/evpn/rd.js'
import type { EvpnRoute } from '../../bgp/evpn/route.js'
import type { Update } from '../../bgp/update.js'
import type { Input } from '../decision/input.js'
import type { OtherRoute } from '../decision/model.js'
import type { RouteSettings } from './settings.js'

type RouteInput = Extract<Input, { type: 'route' | 'route-withdrawn' }>

/** Routes of this proxy that come back, of VNIs that are not configured, and of types that tell nothing, are left out. */
export function inputsOf(session: string, update: Update, settings: RouteSettings): RouteInput[] {
  const inputs: RouteInput[] = []
  for (const part of update.withdrawn) {
    if (part.family !== 'evpn') continue
    for (const route of part.routes) {
      const key = keyOf(session, route, settings)
      if (key !== undefined) inputs.push({ type: 'route-withdrawn', key })
    }
  }
  for (const part of update.announced) {
    if (part.family !== 'evpn') continue
    for (const route of part.routes) {
      const key = keyOf(session, route, settings)
      if (key === undefined) continue
      const vni = vniOf(route, update.attributes)
      const isOurs = update.attributes.originatorId === settings.routerId
      // a route that is not ours to know takes the place of one that was
      if (vni === undefined || !settings.vnis.has(vni) || isOurs) inputs.push({ type: 'route-withdrawn', key })
      else inputs.push({ type: 'route', route: otherRoute(key, vni, part.nextHop, route, update.attributes, settings) })
    }
  }
  return inputs
}

/** What is wrong with routes that cannot be read, and count as withdrawn. */
export const malformedRoutes = ({ withdrawn, announced }: Update): string[] =>
  [...withdrawn, ...announced]
    .flatMap((part) => (part.family === 'evpn' ? part.routes : []))
    .flatMap((route) => (route.kind === 'malformed' ? [route.problem] : []))

/** Names the route as BGP tells routes apart, without the VNI, which a withdrawal need not have. */
function keyOf(session: string, route: EvpnRoute, { routerId }: RouteSettings): string | undefined {
  if (route.kind !== 'mac-ip' && route.kind !== 'inclusive-multicast') return undefined
  const { rd, ethernetTag } = route
  if (rd.type === 'ipv4' && rd.ip === routerId) return undefined
  const what = route.kind === 'mac-ip' ? `${route.mac} ${route.ip ?? ''}` : route.originator
  return `${session} ${rdText(rd)} ${ethernetTag} ${what}`
}

/** With VXLAN, the label is the VNI (RFC 8365 5.1.3). */
function vniOf(route: EvpnRoute, { pmsiTunnel }: Attributes): number | undefined {
  if (route.kind === 'mac-ip') return route.labels[0]
  return route.kind === 'inclusive-multicast' ? pmsiTunnel?.label : undefined
}

function otherRoute(
  key: string,
  vni: number,
  nextHop: string,
  route: EvpnRoute,
  attributes: Attributes,
  settings: RouteSettings,
): OtherRoute {
  const isMarked = attributes.communities?.includes(settings.mark) === true
  if (route.kind !== 'mac-ip') return { key, vni, nextHop, isMarked, macIp: undefined }
  const mobility = find(attributes, 'mac-mobility')
  const macIp = {
    mac: route.mac,
    ip: route.ip,
    seq: mobility?.sequence ?? 0,
    isSticky: mobility?.sticky ?? false,
    isGateway: find(attributes, 'default-gateway') !== undefined,
  }
  return { key, vni, nextHop, isMarked, macIp }
}

const find = <K extends ExtendedCommunity['kind']>(
  { extendedCommunities = [] }: Attributes,
  kind: K,
): Extract<ExtendedCommunity, { kind: K }> | undefined =>
  extendedCommunities.find((it): it is Extract<ExtendedCommunity, { kind: K }> => it.kind === kind)
