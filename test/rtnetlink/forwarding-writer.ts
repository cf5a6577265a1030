// Writes routes, nexthop objects and FDB entries for tests; shares no code with the decoders.
import { isIPv4 } from 'node:net'
import { attr, hex, message, u16, u32, u8 } from './writer.js'

export const NEWROUTE = 24
export const DELROUTE = 25
export const NEWNEIGH = 28
export const DELNEIGH = 29
export const NEWNEXTHOP = 104
export const DELNEXTHOP = 105
export const REPLACE = 0x100
export const ONLINK = 4

/** An address as bytes, by way of the text alone: IPv6 only with all its groups written out. */
export function ip(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number))
  return hex(
    text
      .split(':')
      .map((group) => group.padStart(4, '0'))
      .join(''),
  )
}

export const u32be = (value: number): Buffer => Buffer.from(u32(value)).reverse()
/** Label stack entries; the last is the bottom of the stack. */
export const labels = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value, index) => u32be(value * 4096 + (index === values.length - 1 ? 0x100 : 0))))

type RouteHeader = {
  family?: number
  length?: number
  sourceLength?: number
  tos?: number
  table?: number
  protocol?: number
  scope?: number
  type?: number
  flags?: number
}

/** struct rtmsg */
export function rtmsg(header: RouteHeader = {}): Buffer {
  const { family = 2, length = 32, sourceLength = 0, tos = 0, table = 254 } = header
  const { protocol = 186, scope = 0, type = 1, flags = 0 } = header
  return Buffer.concat([...[family, length, sourceLength, tos, table, protocol, scope, type].map(u8), u32(flags)])
}

/** RTA_ENCAP_TYPE and RTA_ENCAP as FRR writes them for a VNI. */
export const vxlanEncap = (vni: number): Buffer => Buffer.concat([attr(21, u16(100)), attr(22, attr(0, u32(vni)))])

export const gateway = (text: string): Buffer => attr(5, ip(text))
export const oif = (ifindex: number): Buffer => attr(4, u32(ifindex))

/** struct rtnexthop and its attributes. */
export function rtnexthop(ifindex: number, weight: number, flags: number, ...attributes: Buffer[]): Buffer {
  const body = Buffer.concat(attributes)
  return Buffer.concat([u16(8 + body.length), u8(flags), u8(weight - 1), u32(ifindex), body])
}

/** RTM_NEWROUTE (`gone`: RTM_DELROUTE) of a prefix as dplane_fpm_nl orders it. */
export function route(
  prefix: string,
  length: number,
  attributes: Buffer[],
  { gone = false, table = 254, ...header }: RouteHeader & { gone?: boolean } = {},
): Buffer {
  const address = ip(prefix)
  // RT_TABLE_UNSPEC and RTA_TABLE where it does not fit
  const small = table < 256
  const body = [
    rtmsg({ family: address.length === 4 ? 2 : 10, length, table: small ? table : 0, ...header }),
    attr(1, address),
    attr(6, u32(20)),
    ...(small ? [] : [attr(15, u32(table))]),
  ]
  return message(gone ? DELROUTE : NEWROUTE, [...body, ...attributes], { flags: gone ? 1 : 0x501 })
}

/** RTM_NEWNEXTHOP (`gone`: RTM_DELNEXTHOP). */
export function nexthop(
  id: number,
  attributes: Buffer[],
  { family = 2, flags = 0, gone = false }: { family?: number; flags?: number; gone?: boolean } = {},
): Buffer {
  const nhmsg = [u8(family), u8(0), u8(11), u8(0), u32(flags)]
  return message(gone ? DELNEXTHOP : NEWNEXTHOP, [...nhmsg, attr(1, u32(id)), ...attributes], { flags: 0x501 })
}

/** NHA_GROUP */
export const group = (...members: [id: number, weight: number][]): Buffer =>
  attr(2, ...members.map(([id, weight]) => Buffer.concat([u32(id), u16(weight - 1), u16(0)])))

export const SELF = 2
export const MASTER = 4
export const EXT_LEARNED = 0x10
export const STICKY = 0x40

/** RTM_NEWNEIGH (`gone`: RTM_DELNEIGH) of the family AF_BRIDGE; `mac` as hex. */
export function fdb(
  ifindex: number,
  mac: string,
  attributes: Buffer[],
  { flags = SELF | MASTER | EXT_LEARNED, state = 2, gone = false, family = 7 } = {},
): Buffer {
  const ndmsg = [u8(family), Buffer.alloc(3), u32(ifindex), u16(state), u8(flags), u8(0)]
  return message(gone ? DELNEIGH : NEWNEIGH, [...ndmsg, attr(2, hex(mac)), ...attributes], { flags: 0x501 })
}
