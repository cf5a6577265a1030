// MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760 3 and 4) of EVPN; other families stay bytes.
import type { Reader } from '../base/cursor.js'
import { readEvpnRoutes } from './evpn/nlri.js'
import type { EvpnRoute } from './evpn/route.js'
import { EVPN, type Family, readFamily, sameFamily } from './family.js'

/** Attribute codes. */
export const MP_REACH_NLRI = 14
export const MP_UNREACH_NLRI = 15

export type MpReach =
  /** `nextHop`: IPv4 or IPv6, the VTEP (RFC 8365 5.1.3) */
  | { readonly family: 'evpn'; readonly nextHop: string; readonly routes: readonly EvpnRoute[] }
  | ({ readonly family: 'other'; readonly nextHop: Buffer; readonly nlri: Buffer } & Family)

export type MpUnreach =
  | { readonly family: 'evpn'; readonly routes: readonly EvpnRoute[] }
  | ({ readonly family: 'other'; readonly nlri: Buffer } & Family)

/** | AFI u16 | SAFI u8 | next hop's length u8 | next hop | reserved u8 | NLRI |; throws DecodeError */
export function readMpReach(value: Reader): MpReach {
  const family = readFamily(value)
  const length = value.u8('next hop length')
  if (!sameFamily(family, EVPN)) {
    const nextHop = value.bytes('next hop', length)
    value.u8('reserved')
    return { family: 'other', ...family, nextHop, nlri: value.bytes('NLRI', value.remaining) }
  }
  if (length !== 4 && length !== 16) throw value.fault('next hop length', 1, `${length}, expected 4 or 16`)
  const nextHop = value.ip('next hop', length)
  value.u8('reserved')
  return { family: 'evpn', nextHop, routes: readEvpnRoutes(value) }
}

/** | AFI u16 | SAFI u8 | withdrawn routes |; throws DecodeError */
export function readMpUnreach(value: Reader): MpUnreach {
  const family = readFamily(value)
  if (sameFamily(family, EVPN)) return { family: 'evpn', routes: readEvpnRoutes(value) }
  return { family: 'other', ...family, nlri: value.bytes('withdrawn routes', value.remaining) }
}
