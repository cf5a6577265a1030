// RTM_NEWROUTE and RTM_DELROUTE of IPv4, IPv6 and MPLS (linux/rtnetlink.h).
//
// struct rtmsg
//   0  rtm_family    u8
//   1  rtm_dst_len   u8
//   2  rtm_src_len   u8
//   3  rtm_tos       u8
//   4  rtm_table     u8   RTA_TABLE where it does not fit
//   5  rtm_protocol  u8   RTPROT_*
//   6  rtm_scope     u8
//   7  rtm_type      u8   RTN_*
//   8  rtm_flags     u32
import { formatIp } from '../base/address.js'
import { AF_INET, AF_INET6 } from './address.js'
import {
  type Attribute,
  Attributes,
  ipOf,
  u16Of,
  u32Of,
  unknownAttribute,
  type UnknownAttribute,
} from '../netlink/attributes.js'
import { decodeEncap, decodeLabels, type Encap } from './encap.js'
import { NetlinkDecodeError } from '../netlink/error.js'
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'

export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const NLM_F_REPLACE = 0x100

export const AF_MPLS = 28

const RTA_DST = 1
const RTA_SRC = 2
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_PREFSRC = 7
const RTA_METRICS = 8
const RTA_MULTIPATH = 9
const RTA_TABLE = 15
const RTA_VIA = 18
const RTA_NEWDST = 19
const RTA_ENCAP_TYPE = 21
const RTA_ENCAP = 22
const RTA_NH_ID = 30

const RTAX_MTU = 2

export const RTNH_F_ONLINK = 4

const SIZEOF_RTMSG = 12
const SIZEOF_RTNEXTHOP = 8
const LABEL_BITS = 20

export type RouteNexthop = {
  gateway: string | undefined
  /** undefined if the message has none. */
  ifindex: number | undefined
  weight: number
  /** Bits RTNH_F_*. */
  flags: number
  encap: Encap | undefined
  /** Only for MPLS routes: the labels that replace the incoming one, outermost first. */
  labels: readonly number[] | undefined
  unknown: readonly UnknownAttribute[]
}

/** The common part of IP and MPLS routes. */
type RouteBase = {
  table: number
  /** RTPROT_*. */
  protocol: number
  scope: number
  /** RTN_*. */
  type: number
  /** Bits RTM_F_* and, for a single nexthop, its RTNH_F_*. */
  flags: number
  metric: number | undefined
  /** RTAX_MTU. */
  mtu: number | undefined
  nexthopId: number | undefined
  /** Empty for a deletion, a blackhole, or if `nexthopId` says where the route leads. */
  nexthops: readonly RouteNexthop[]
  unknown: readonly UnknownAttribute[]
}

export type IpRoute = RouteBase & {
  family: 4 | 6
  prefix: string
  prefixLength: number
  /** Source prefix of a source-specific route: `2001:db8::/32`. */
  source: string | undefined
  tos: number
  preferredSource: string | undefined
}

export type MplsRoute = RouteBase & { label: number }

/** Decodes an RTM_NEWROUTE or RTM_DELROUTE; undefined for other families (multicast, …). Throws NetlinkDecodeError. */
export function decodeRoute(message: NetlinkMessage): IpRoute | MplsRoute | undefined {
  const { bytes, start } = message
  const after = afterFamilyHeader(message, 'rtmsg', SIZEOF_RTMSG)
  const family = bytes.readUInt8(start)
  switch (family) {
    case AF_INET:
      return decodeIpRoute(message, after, 4)
    case AF_INET6:
      return decodeIpRoute(message, after, 6)
    case AF_MPLS:
      return decodeMplsRoute(message, after)
    default:
      return undefined
  }
}

function decodeIpRoute(message: NetlinkMessage, after: number, family: 4 | 6): IpRoute {
  const { bytes, start } = message
  const found = routeAttributes(message, after)
  const { dst, src, preferredSource } = found
  const prefixLength = bytes.readUInt8(start + 1)
  const sourceLength = bytes.readUInt8(start + 2)
  return {
    family,
    prefix: prefixText(bytes, start + 1, dst, prefixLength, family),
    prefixLength,
    source:
      sourceLength === 0 ? undefined : `${prefixText(bytes, start + 2, src, sourceLength, family)}/${sourceLength}`,
    tos: bytes.readUInt8(start + 3),
    preferredSource: preferredSource && ipOf(bytes, preferredSource),
    ...routeBase(message, found),
  }
}

function decodeMplsRoute(message: NetlinkMessage, after: number): MplsRoute {
  const { bytes, start } = message
  const found = routeAttributes(message, after)
  const length = bytes.readUInt8(start + 1)
  if (length !== LABEL_BITS)
    throw new NetlinkDecodeError(start + 1, `rtm_dst_len ${length} of an MPLS route, expected ${LABEL_BITS}`)
  const [label, ...more] = found.dst === undefined ? [] : decodeLabels(bytes, found.dst)
  if (label === undefined || more.length > 0)
    throw new NetlinkDecodeError(after, 'an MPLS route without RTA_DST of one label')
  return { label, ...routeBase(message, found) }
}

const EMPTY = { 4: '0.0.0.0', 6: '::' } as const
const BYTES = { 4: 4, 6: 16 } as const

function prefixText(
  bytes: Buffer,
  lengthAt: number,
  dst: Attribute | undefined,
  length: number,
  family: 4 | 6,
): string {
  const size = BYTES[family]
  if (length > size * 8) throw new NetlinkDecodeError(lengthAt, `prefix length ${length}, expected at most ${size * 8}`)
  if (dst === undefined) {
    if (length > 0) throw new NetlinkDecodeError(lengthAt, `prefix length ${length} without an address`)
    return EMPTY[family]
  }
  if (dst.end - dst.start !== size)
    throw new NetlinkDecodeError(dst.start, `attribute ${dst.type} of ${dst.end - dst.start} bytes, expected ${size}`)
  return formatIp(bytes.subarray(dst.start, dst.end))
}

type RouteAttributes = {
  dst: Attribute | undefined
  src: Attribute | undefined
  preferredSource: Attribute | undefined
  table: number | undefined
  metric: number | undefined
  mtu: number | undefined
  nexthopId: number | undefined
  multipath: RouteNexthop[] | undefined
  single: NexthopAttributes
  unknown: UnknownAttribute[]
}

function routeAttributes({ bytes, end }: NetlinkMessage, after: number): RouteAttributes {
  const found: RouteAttributes = {
    dst: undefined,
    src: undefined,
    preferredSource: undefined,
    table: undefined,
    metric: undefined,
    mtu: undefined,
    nexthopId: undefined,
    multipath: undefined,
    single: noAttributes(),
    unknown: [],
  }
  for (const attribute of new Attributes(bytes, after, end).all) {
    switch (attribute.type) {
      case RTA_DST:
        found.dst = attribute
        break
      case RTA_SRC:
        found.src = attribute
        break
      case RTA_PREFSRC:
        found.preferredSource = attribute
        break
      case RTA_TABLE:
        found.table = u32Of(bytes, attribute)
        break
      case RTA_PRIORITY:
        found.metric = u32Of(bytes, attribute)
        break
      case RTA_METRICS:
        found.mtu = new Attributes(bytes, attribute.start, attribute.end).u32(RTAX_MTU)
        break
      case RTA_NH_ID:
        found.nexthopId = u32Of(bytes, attribute)
        break
      case RTA_MULTIPATH:
        found.multipath = decodeMultipath(bytes, attribute)
        break
      default:
        if (!addNexthopAttribute(found.single, bytes, attribute)) found.unknown.push(unknownAttribute(bytes, attribute))
    }
  }
  return found
}

function routeBase({ bytes, start }: NetlinkMessage, found: RouteAttributes): RouteBase {
  const flags = bytes.readUInt32LE(start + 8)
  return {
    table: found.table ?? bytes.readUInt8(start + 4),
    protocol: bytes.readUInt8(start + 5),
    scope: bytes.readUInt8(start + 6),
    type: bytes.readUInt8(start + 7),
    flags,
    metric: found.metric,
    mtu: found.mtu,
    nexthopId: found.nexthopId,
    nexthops: found.multipath === undefined ? singleNexthop(bytes, found.single, flags) : multipath(bytes, found),
    unknown: found.unknown,
  }
}

/** Attributes of one nexthop. They are in the message itself if it is the only one. */
type NexthopAttributes = {
  gateway: string | undefined
  ifindex: number | undefined
  labels: number[] | undefined
  encapTypes: number[]
  encaps: Attribute[]
}

const noAttributes = (): NexthopAttributes => ({
  gateway: undefined,
  ifindex: undefined,
  labels: undefined,
  encapTypes: [],
  encaps: [],
})

/** Adds an attribute that belongs to a nexthop; returns false for any other. */
function addNexthopAttribute(found: NexthopAttributes, bytes: Buffer, attribute: Attribute): boolean {
  switch (attribute.type) {
    case RTA_OIF:
      found.ifindex = u32Of(bytes, attribute)
      return true
    case RTA_GATEWAY:
      found.gateway = ipOf(bytes, attribute)
      return true
    case RTA_VIA:
      found.gateway = viaAddress(bytes, attribute)
      return true
    case RTA_NEWDST:
      found.labels = decodeLabels(bytes, attribute)
      return true
    case RTA_ENCAP_TYPE:
      found.encapTypes.push(u16Of(bytes, attribute))
      return true
    case RTA_ENCAP:
      found.encaps.push(attribute)
      return true
    default:
      return false
  }
}

/** Decodes struct rtvia: u16 family, address. */
function viaAddress(bytes: Buffer, { type, start, end }: Attribute): string {
  if (end - start < 2) throw new NetlinkDecodeError(start, `attribute ${type} of ${end - start} bytes, expected rtvia`)
  return ipOf(bytes, { type, start: start + 2, end })
}

function singleNexthop(bytes: Buffer, found: NexthopAttributes, flags: number): RouteNexthop[] {
  const { gateway, ifindex, labels } = found
  const [encap] = decodeEncaps(bytes, found)
  if (gateway === undefined && ifindex === undefined && encap === undefined) return []
  return [{ gateway, ifindex, weight: 1, flags, encap, labels, unknown: [] }]
}

/** Pairs the n-th ENCAP with the n-th ENCAP_TYPE. */
function decodeEncaps(bytes: Buffer, { encapTypes, encaps }: NexthopAttributes): Encap[] {
  return encaps.map((attribute, index) => {
    const type = encapTypes[index]
    if (type === undefined) throw new NetlinkDecodeError(attribute.start, 'an encapsulation without its type')
    return decodeEncap(bytes, type, attribute)
  })
}

/**
 * Decodes struct rtnexthop: rtnh_len u16, rtnh_flags u8, rtnh_hops u8 (weight minus one), rtnh_ifindex i32, then
 * attributes.
 */
function decodeMultipath(bytes: Buffer, { start, end }: Attribute): RouteNexthop[] {
  const nexthops: RouteNexthop[] = []
  let offset = start
  while (offset < end) {
    const left = end - offset
    if (left < SIZEOF_RTNEXTHOP)
      throw new NetlinkDecodeError(offset, `${left} bytes left, rtnexthop has ${SIZEOF_RTNEXTHOP}`)
    const length = bytes.readUInt16LE(offset)
    if (length < SIZEOF_RTNEXTHOP || length > left)
      throw new NetlinkDecodeError(offset, `rtnh_len ${length}, expected ${SIZEOF_RTNEXTHOP} to ${left}`)
    nexthops.push(decodeRtnexthop(bytes, offset, offset + length))
    offset += (length + 3) & ~3
  }
  return nexthops
}

function decodeRtnexthop(bytes: Buffer, start: number, end: number): RouteNexthop {
  const found = noAttributes()
  const unknown: UnknownAttribute[] = []
  for (const attribute of new Attributes(bytes, start + SIZEOF_RTNEXTHOP, end).all)
    if (!addNexthopAttribute(found, bytes, attribute)) unknown.push(unknownAttribute(bytes, attribute))
  const ifindex = bytes.readInt32LE(start + 4)
  return {
    gateway: found.gateway,
    ifindex: found.ifindex ?? (ifindex === 0 ? undefined : ifindex),
    weight: bytes.readUInt8(start + 3) + 1,
    flags: bytes.readUInt8(start + 2),
    encap: decodeEncaps(bytes, found)[0],
    labels: found.labels,
    unknown,
  }
}

/**
 * FRR up to 10.0 writes the encapsulations of several nexthops behind RTA_MULTIPATH, one for each nexthop that has one.
 * They are assigned to the nexthops only if the assignment is certain, and kept as unknown attributes otherwise.
 */
function multipath(bytes: Buffer, { multipath = [], single, unknown }: RouteAttributes): RouteNexthop[] {
  if (single.encaps.length === 0) return multipath
  const encaps = decodeEncaps(bytes, single)
  const onlink = (nexthop: RouteNexthop): boolean => (nexthop.flags & RTNH_F_ONLINK) !== 0
  const owners = [multipath, multipath.filter(onlink)].find(({ length }) => length === encaps.length)
  if (owners === undefined) {
    unknown.push(...single.encaps.map((attribute) => unknownAttribute(bytes, attribute)))
    return multipath
  }
  owners.forEach((nexthop, index) => {
    nexthop.encap ??= encaps[index]
  })
  return multipath
}
