// RTM_NEWNEXTHOP and RTM_DELNEXTHOP (linux/nexthop.h).
//
// struct nhmsg
//   0  nh_family    u8   AF_UNSPEC for groups
//   1  nh_scope     u8
//   2  nh_protocol  u8   RTPROT_*
//   4  nh_flags     u32  RTNH_F_*
import {
  type Attribute,
  Attributes,
  ipOf,
  u16Of,
  u32Of,
  unknownAttribute,
  type UnknownAttribute,
} from '../netlink/attributes.js'
import { decodeEncap, type Encap } from './encap.js'
import { NetlinkDecodeError } from '../netlink/error.js'
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'

export const RTM_NEWNEXTHOP = 104
export const RTM_DELNEXTHOP = 105

const NHA_ID = 1
const NHA_GROUP = 2
const NHA_GROUP_TYPE = 3
const NHA_BLACKHOLE = 4
const NHA_OIF = 5
const NHA_GATEWAY = 6
const NHA_ENCAP_TYPE = 7
const NHA_ENCAP = 8

const SIZEOF_NHMSG = 8
const SIZEOF_NEXTHOP_GRP = 8

export type GroupMember = { id: number; weight: number }

export type NexthopObject = {
  id: number
  family: number
  /** RTPROT_*. */
  protocol: number
  scope: number
  /** Bits RTNH_F_*. */
  flags: number
  gateway: string | undefined
  ifindex: number | undefined
  blackhole: boolean
  encap: Encap | undefined
  /** undefined unless the object is a group. */
  group: readonly GroupMember[] | undefined
  /** NEXTHOP_GRP_TYPE_*. */
  groupType: number | undefined
  unknown: readonly UnknownAttribute[]
}

/** Decodes an RTM_NEWNEXTHOP or RTM_DELNEXTHOP. Throws NetlinkDecodeError. */
export function decodeNexthop(message: NetlinkMessage): NexthopObject {
  const { bytes, start, end } = message
  const after = afterFamilyHeader(message, 'nhmsg', SIZEOF_NHMSG)
  const unknown: UnknownAttribute[] = []
  const nexthop: NexthopObject = {
    id: 0,
    family: bytes.readUInt8(start),
    protocol: bytes.readUInt8(start + 2),
    scope: bytes.readUInt8(start + 1),
    flags: bytes.readUInt32LE(start + 4),
    gateway: undefined,
    ifindex: undefined,
    blackhole: false,
    encap: undefined,
    group: undefined,
    groupType: undefined,
    unknown,
  }
  let encapType: number | undefined
  let encap: Attribute | undefined
  for (const attribute of new Attributes(bytes, after, end).all) {
    switch (attribute.type) {
      case NHA_ID:
        nexthop.id = u32Of(bytes, attribute)
        break
      case NHA_GROUP:
        nexthop.group = decodeGroup(bytes, attribute)
        break
      case NHA_GROUP_TYPE:
        nexthop.groupType = u16Of(bytes, attribute)
        break
      case NHA_BLACKHOLE:
        nexthop.blackhole = true
        break
      case NHA_OIF:
        nexthop.ifindex = u32Of(bytes, attribute)
        break
      case NHA_GATEWAY:
        nexthop.gateway = ipOf(bytes, attribute)
        break
      case NHA_ENCAP_TYPE:
        encapType = u16Of(bytes, attribute)
        break
      case NHA_ENCAP:
        encap = attribute
        break
      default:
        unknown.push(unknownAttribute(bytes, attribute))
    }
  }
  if (nexthop.id === 0) throw new NetlinkDecodeError(after, 'a nexthop without NHA_ID')
  if (encap !== undefined) {
    if (encapType === undefined) throw new NetlinkDecodeError(encap.start, 'NHA_ENCAP without NHA_ENCAP_TYPE')
    nexthop.encap = decodeEncap(bytes, encapType, encap)
  }
  return nexthop
}

/**
 * Decodes struct nexthop_grp: id u32, weight u8 (weight minus one), weight_high u8 (upper byte of it, if the kernel has
 * one), resvd2 u16.
 */
function decodeGroup(bytes: Buffer, { type, start, end }: Attribute): GroupMember[] {
  if ((end - start) % SIZEOF_NEXTHOP_GRP !== 0)
    throw new NetlinkDecodeError(
      start,
      `attribute ${type} of ${end - start} bytes, expected members of ${SIZEOF_NEXTHOP_GRP}`,
    )
  const members: GroupMember[] = []
  for (let at = start; at < end; at += SIZEOF_NEXTHOP_GRP)
    members.push({ id: bytes.readUInt32LE(at), weight: bytes.readUInt16LE(at + 4) + 1 })
  return members
}
