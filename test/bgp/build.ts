// Builds BGP messages byte by byte, without the code under test.
import { hex, u16, u32 } from '../zapi/build.js'

export { hex, u16, u32 }

export const u8 = (value: number): string => value.toString(16).padStart(2, '0')
export const ascii = (text: string): string => Buffer.from(text).toString('hex')

/** A whole message: marker, length, type, body. */
export function message(type: number, ...body: string[]): Buffer {
  const bytes = hex(...body)
  return hex('ff'.repeat(16), u16(19 + bytes.length), u8(type), bytes.toString('hex'))
}

export const OPEN = 1
export const UPDATE = 2
export const NOTIFICATION = 3
export const KEEPALIVE = 4
export const ROUTE_REFRESH = 5

/** Flags in hex, code, value in hex; with a length of one byte. */
export function attribute(flags: string, code: number, ...value: string[]): string {
  const bytes = hex(...value)
  return `${flags}${u8(code)}${u8(bytes.length)}${bytes.toString('hex')}`
}

/** Attributes in hex, one after the other; withdrawn IPv4 routes and IPv4 NLRI in hex. */
export function update(attributes: readonly string[], { withdrawn = '', nlri = '' } = {}): Buffer {
  const [gone, all] = [hex(withdrawn), hex(...attributes)]
  return message(UPDATE, u16(gone.length), withdrawn, u16(all.length), ...attributes, nlri)
}

// what most UPDATEs have
export const ORIGIN_IGP = attribute('40', 1, '00')
/** 65001 65002 in four octets. */
export const AS_PATH = attribute('40', 2, '02 02 0000fde9 0000fdea')
export const EMPTY_AS_PATH = attribute('40', 2)
export const NEXT_HOP = attribute('40', 3, 'c0000201')
export const LOCAL_PREF = attribute('40', 5, '00000064')

/** 192.0.2.1:2 */
export const RD = '0001 c0000201 0002'
export const NO_ESI = '00'.repeat(10)
export const ESI = '03 44 38 39 ff ff 01 00 00 01'
export const ESI_TEXT = '03:44:38:39:ff:ff:01:00:00:01'
export const MAC = 'bc2411000001'
export const MAC_TEXT = 'bc:24:11:00:00:01'

/** Type, length and value of an EVPN route. */
export function route(type: number, ...value: string[]): string {
  const bytes = hex(...value)
  return `${u8(type)}${u8(bytes.length)}${bytes.toString('hex')}`
}

/** bc:24:11:00:00:01 alone, VNI 100. */
export const MAC_ROUTE = route(2, RD, NO_ESI, '00000000', '30', MAC, '00', '000064')
export const MULTICAST_ROUTE = route(3, RD, '00000000', '20', 'c0000201')

/** MP_REACH_NLRI of EVPN with next hop 192.0.2.1. */
export const reach = (...routes: string[]): string => attribute('80', 14, '0019 46', '04 c0000201', '00', ...routes)
export const unreach = (...routes: string[]): string => attribute('80', 15, '0019 46', ...routes)
