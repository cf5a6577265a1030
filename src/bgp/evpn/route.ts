// EVPN routes (RFC 7432 7, RFC 9136 3.1) as a session's decisions see them.
import type { Prefix } from '../../base/prefix.js'
import type { RouteDistinguisher } from './rd.js'

/** Ten bytes as `00:11:…:99`. */
export type Esi = string
/** No Ethernet segment: a host behind one node alone (RFC 7432 5). */
export const ZERO_ESI: Esi = '00:00:00:00:00:00:00:00:00:00'

/** Type 1, Ethernet auto-discovery per ES or per EVI. `label`: 24 bits, with VXLAN the VNI (RFC 8365 5.1.3). */
export type EthernetAdRoute = {
  readonly kind: 'ethernet-ad'
  readonly rd: RouteDistinguisher
  readonly esi: Esi
  readonly ethernetTag: number
  readonly label: number
}

/** Type 2, MAC/IP advertisement. */
export type MacIpRoute = {
  readonly kind: 'mac-ip'
  readonly rd: RouteDistinguisher
  readonly esi: Esi
  readonly ethernetTag: number
  readonly mac: string
  /** undefined for the MAC alone. */
  readonly ip: string | undefined
  /** The L2VNI, then the L3VNI of a routed subnet (RFC 9135 4.1): 24 bits each. */
  readonly labels: readonly [l2: number] | readonly [l2: number, l3: number]
}

/** Type 3, inclusive multicast Ethernet tag: where to flood to. */
export type InclusiveMulticastRoute = {
  readonly kind: 'inclusive-multicast'
  readonly rd: RouteDistinguisher
  readonly ethernetTag: number
  readonly originator: string
}

/** Type 4, Ethernet segment: who is on it. */
export type EthernetSegmentRoute = {
  readonly kind: 'ethernet-segment'
  readonly rd: RouteDistinguisher
  readonly esi: Esi
  readonly originator: string
}

/** Type 5, IP prefix. */
export type IpPrefixRoute = {
  readonly kind: 'ip-prefix'
  readonly rd: RouteDistinguisher
  readonly esi: Esi
  readonly ethernetTag: number
  readonly prefix: Prefix
  /** All zeros where the route is not resolved by a gateway address. */
  readonly gateway: string
  readonly label: number
}

/** A route type that is not one of these; RFC 7606 5.4 says to ignore it. */
export type UnknownRoute = { readonly kind: 'unknown'; readonly type: number; readonly value: Buffer }

/**
 * A known route type whose value is wrong. It is to be treated as withdrawn (RFC 9136 3.1): nothing can be done with it,
 * and the routes around it are sound, because its length is.
 */
export type MalformedRoute = {
  readonly kind: 'malformed'
  readonly type: number
  readonly value: Buffer
  readonly problem: string
}

export type EvpnRoute =
  | EthernetAdRoute
  | MacIpRoute
  | InclusiveMulticastRoute
  | EthernetSegmentRoute
  | IpPrefixRoute
  | UnknownRoute
  | MalformedRoute

/** Those that this program originates. */
export type OriginatedRoute = MacIpRoute | InclusiveMulticastRoute
