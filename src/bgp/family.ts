// Address families (RFC 4760 3): AFI and SAFI numbers of IANA.
import type { Reader, Writer } from '../base/cursor.js'

export type Family = { readonly afi: number; readonly safi: number }

/** L2VPN EVPN (RFC 7432 7). */
export const EVPN: Family = { afi: 25, safi: 70 }
export const IPV4_UNICAST: Family = { afi: 1, safi: 1 }

export const sameFamily = (a: Family, b: Family): boolean => a.afi === b.afi && a.safi === b.safi

/** AFI u16, SAFI u8. */
export const readFamily = (reader: Reader): Family => ({ afi: reader.u16('AFI'), safi: reader.u8('SAFI') })

export function writeFamily(writer: Writer, { afi, safi }: Family): void {
  writer.u16(afi)
  writer.u8(safi)
}
