// RTM_NEWNEIGH and RTM_DELNEIGH of the family AF_BRIDGE: entries of a forwarding database (linux/neighbour.h).
//
// struct ndmsg
//   0  ndm_family   u8
//   4  ndm_ifindex  i32
//   8  ndm_state    u16  NUD_*
//  10  ndm_flags    u8   NTF_*
//  11  ndm_type     u8
import { formatMac } from '../base/address.js'
import {
  type Attribute,
  Attributes,
  checkSize,
  ipOf,
  u16Of,
  u32Of,
  u8Of,
  unknownAttribute,
  type UnknownAttribute,
} from '../netlink/attributes.js'
import { NetlinkDecodeError } from '../netlink/error.js'
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'
import { AF_BRIDGE } from './message.js'

export const RTM_NEWNEIGH = 28
export const RTM_DELNEIGH = 29

export const NTF_SELF = 0x02
export const NTF_MASTER = 0x04
export const NTF_EXT_LEARNED = 0x10
export const NTF_STICKY = 0x40
/** The bit of NDA_FLAGS_EXT of a MAC that a locked port has heard, but that is not let through (`bridge link … mab on`). */
export const NTF_EXT_LOCKED = 0x02
/** Of `activityNotify`: the MAC was programmed, and not heard. */
export const FDB_NOTIFY_INACTIVE_BIT = 0x02
export const NUD_REACHABLE = 0x02
export const NUD_NOARP = 0x40
/** In the FDB of a bridge: an address of the host itself (BR_FDB_LOCAL). */
export const NUD_PERMANENT = 0x80

const NDA_DST = 1
const NDA_LLADDR = 2
const NDA_VLAN = 5
const NDA_VNI = 7
const NDA_MASTER = 9
const NDA_SRC_VNI = 11
const NDA_PROTOCOL = 12
const NDA_NH_ID = 13
const NDA_FDB_EXT_ATTRS = 14
const NDA_FLAGS_EXT = 15

const NFEA_ACTIVITY_NOTIFY = 1
const NFEA_DONT_REFRESH = 2

const SIZEOF_NDMSG = 12
const UNSPECIFIED = new Set(['0.0.0.0', '::'])

export type FdbEntry = {
  /** Index of the VXLAN device or bridge port. */
  ifindex: number
  mac: string
  /** undefined on a bridge without VLAN filtering. */
  vlan: number | undefined
  /** The VTEP that the MAC is behind; undefined if there is none, or if it is the unspecified address. */
  dst: string | undefined
  /** NDA_VNI: the VNI of the tunnel. */
  vni: number | undefined
  /** NDA_SRC_VNI. */
  srcVni: number | undefined
  nexthopId: number | undefined
  /** ifindex of the bridge. */
  master: number | undefined
  /** RTPROT_*. */
  protocol: number | undefined
  /** Bits NTF_*. */
  flags: number
  /** Bits NTF_EXT_*. */
  flagsExt: number
  /** Bits NUD_*. */
  state: number
  /** NDA_FDB_EXT_ATTRS of MACs that a multihomed segment synchronised: FDB_NOTIFY_BIT and FDB_NOTIFY_INACTIVE_BIT. */
  activityNotify: number | undefined
  dontRefresh: boolean
  /** Whether the message has NDA_FDB_EXT_ATTRS. */
  extended: boolean
  unknown: readonly UnknownAttribute[]
}

/** Decodes an entry of a forwarding database; undefined for IP neighbours. Throws NetlinkDecodeError. */
export function decodeFdbEntry(message: NetlinkMessage): FdbEntry | undefined {
  const { bytes, start, end } = message
  const after = afterFamilyHeader(message, 'ndmsg', SIZEOF_NDMSG)
  if (bytes.readUInt8(start) !== AF_BRIDGE) return undefined
  const unknown: UnknownAttribute[] = []
  const entry: FdbEntry = {
    ifindex: bytes.readInt32LE(start + 4),
    mac: '',
    vlan: undefined,
    dst: undefined,
    vni: undefined,
    srcVni: undefined,
    nexthopId: undefined,
    master: undefined,
    protocol: undefined,
    flags: bytes.readUInt8(start + 10),
    flagsExt: 0,
    state: bytes.readUInt16LE(start + 8),
    activityNotify: undefined,
    dontRefresh: false,
    extended: false,
    unknown,
  }
  if (entry.ifindex <= 0)
    throw new NetlinkDecodeError(start + 4, `ndm_ifindex ${entry.ifindex}, expected a positive number`)
  for (const attribute of new Attributes(bytes, after, end).all)
    if (!addAttribute(entry, bytes, attribute)) unknown.push(unknownAttribute(bytes, attribute))
  if (entry.mac === '') throw new NetlinkDecodeError(after, 'an FDB entry without NDA_LLADDR')
  return entry
}

function addAttribute(entry: FdbEntry, bytes: Buffer, attribute: Attribute): boolean {
  switch (attribute.type) {
    case NDA_LLADDR:
      checkSize(attribute, 6)
      entry.mac = formatMac(bytes, attribute.start)
      return true
    case NDA_DST: {
      const dst = ipOf(bytes, attribute)
      entry.dst = UNSPECIFIED.has(dst) ? undefined : dst
      return true
    }
    case NDA_VLAN:
      entry.vlan = u16Of(bytes, attribute)
      return true
    case NDA_VNI:
      entry.vni = u32Of(bytes, attribute)
      return true
    case NDA_SRC_VNI:
      entry.srcVni = u32Of(bytes, attribute)
      return true
    case NDA_NH_ID:
      entry.nexthopId = u32Of(bytes, attribute)
      return true
    case NDA_MASTER:
      entry.master = u32Of(bytes, attribute)
      return true
    case NDA_PROTOCOL:
      entry.protocol = u8Of(bytes, attribute)
      return true
    case NDA_FLAGS_EXT:
      entry.flagsExt = u32Of(bytes, attribute)
      return true
    case NDA_FDB_EXT_ATTRS: {
      const extended = new Attributes(bytes, attribute.start, attribute.end)
      entry.extended = true
      entry.activityNotify = extended.u8(NFEA_ACTIVITY_NOTIFY)
      entry.dontRefresh = extended.all.some(({ type }) => type === NFEA_DONT_REFRESH)
      return true
    }
    default:
      return false
  }
}
