// RTM_NEWLINK and RTM_DELLINK of the family AF_UNSPEC (linux/if_link.h, net/core/rtnetlink.c rtnl_fill_ifinfo).
//
// struct ifinfomsg
//   0  ifi_family  u8
//   2  ifi_type    u16  ARPHRD_*
//   4  ifi_index   i32
//   8  ifi_flags   u32  IFF_*
//  12  ifi_change  u32
import { ETH_P_8021Q } from '../base/ethertype.js'
import { Attributes } from '../netlink/attributes.js'
import { NetlinkDecodeError } from '../netlink/error.js'
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'

export const IFF_UP = 0x1
export const IFF_RUNNING = 0x40
/** The interface has a carrier. */
export const IFF_LOWER_UP = 0x10000

export const IFLA_ADDRESS = 1
export const IFLA_IFNAME = 3
const IFLA_LINK = 5
export const IFLA_MASTER = 10
export const IFLA_OPERSTATE = 16
export const IFLA_LINKINFO = 18
const IFLA_LINK_NETNSID = 37

const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_INFO_SLAVE_KIND = 4

const IFLA_VXLAN_ID = 1
const IFLA_VXLAN_LOCAL = 4
const IFLA_VXLAN_LOCAL6 = 17
const IFLA_VXLAN_COLLECT_METADATA = 25
const IFLA_VXLAN_VNIFILTER = 30

const IFLA_BR_AGEING_TIME = 4
const IFLA_BR_VLAN_FILTERING = 7
const IFLA_BR_VLAN_PROTOCOL = 8
const IFLA_BR_MULTI_BOOLOPT = 46
const BR_BOOLOPT_MST_ENABLE = 1 << 2

const IFLA_VRF_TABLE = 1
const IFLA_VLAN_ID = 1
const IFLA_VLAN_PROTOCOL = 5

/** The kernel reports the times of bridges in 1/100 s, on every architecture that we support. */
const USER_HZ = 100
const BR_DEFAULT_AGEING_TIME = 300 * USER_HZ

const SIZEOF_IFINFOMSG = 16
const IFNAMSIZ = 16

export type Vxlan = {
  /** undefined for a device that carries many VNIs (`external`, collect_metadata). */
  vni: number | undefined
  local: string | undefined
  collectMetadata: boolean
  vnifilter: boolean
}

export type Bridge = {
  vlanFiltering: boolean
  /** ETH_P_8021Q or ETH_P_8021AD: a tag of the other one is payload. */
  vlanProtocol: number
  /** The states of VLANs count, not that of the port (`mst_enabled`). */
  mst: boolean
  /** How long a MAC stays in the FDB without being seen, in milliseconds; 0: the bridge learns none. */
  ageingMs: number
}

export type VlanLink = {
  id: number
  /** ETH_P_8021Q or ETH_P_8021AD. */
  protocol: number
}

export type Link = {
  ifindex: number
  name: string
  /** Bits IFF_*. */
  flags: number
  /** IF_OPER_* of linux/if.h. */
  operstate: number | undefined
  /** undefined if it has no address of 6 bytes. */
  mac: string | undefined
  /** ifindex of the bridge, bond, VRF, … that it belongs to. */
  master: number | undefined
  /** ifindex of the device below (`vlan`, `macvlan`) or opposite (`veth`); undefined in another network namespace. */
  lower: number | undefined
  /** `bridge`, `vxlan`, `veth`, `tun`, …; undefined for physical devices and lo. */
  kind: string | undefined
  /** Kind of the master: `bridge`, `bond`, `vrf`, … */
  slaveKind: string | undefined
  /** Only for the kind `vxlan`. */
  vxlan: Vxlan | undefined
  /** Only for the kind `bridge`. */
  bridge: Bridge | undefined
  /** Only for the kind `vlan`. */
  vlan: VlanLink | undefined
  /** Routing table of the kind `vrf`. */
  vrfTable: number | undefined
}

/** Decodes struct ifinfomsg and the attributes behind it, also for AF_BRIDGE. Throws NetlinkDecodeError. */
export function decodeIfinfomsg(message: NetlinkMessage): {
  family: number
  ifindex: number
  flags: number
  attributes: Attributes
} {
  const { bytes, start, end } = message
  const after = afterFamilyHeader(message, 'ifinfomsg', SIZEOF_IFINFOMSG)
  const ifindex = bytes.readInt32LE(start + 4)
  if (ifindex <= 0) throw new NetlinkDecodeError(start + 4, `ifi_index ${ifindex}, expected a positive number`)
  return {
    family: bytes.readUInt8(start),
    ifindex,
    flags: bytes.readUInt32LE(start + 8),
    attributes: new Attributes(bytes, after, end),
  }
}

/** Decodes an RTM_NEWLINK or RTM_DELLINK of the family AF_UNSPEC. Throws NetlinkDecodeError. */
export function decodeLink(message: NetlinkMessage): Link {
  const { ifindex, flags, attributes } = decodeIfinfomsg(message)
  const info = attributes.nested(IFLA_LINKINFO)
  const kind = info?.string(IFLA_INFO_KIND)
  const data = info?.nested(IFLA_INFO_DATA)
  const elsewhere = attributes.raw(IFLA_LINK_NETNSID) !== undefined
  return {
    ifindex,
    name: linkName(message, attributes),
    flags,
    operstate: attributes.u8(IFLA_OPERSTATE),
    mac: attributes.mac(IFLA_ADDRESS),
    master: attributes.u32(IFLA_MASTER),
    lower: elsewhere ? undefined : attributes.u32(IFLA_LINK),
    kind,
    slaveKind: info?.string(IFLA_INFO_SLAVE_KIND),
    vxlan: kind === 'vxlan' ? decodeVxlan(data) : undefined,
    bridge: kind === 'bridge' ? decodeBridge(data) : undefined,
    vlan: kind === 'vlan' ? decodeVlan(data) : undefined,
    vrfTable: kind === 'vrf' ? data?.u32(IFLA_VRF_TABLE) : undefined,
  }
}

function linkName(message: NetlinkMessage, attributes: Attributes): string {
  const name = attributes.string(IFLA_IFNAME)
  if (name === undefined || name === '') throw new NetlinkDecodeError(message.start, 'a link without IFLA_IFNAME')
  if (name.length >= IFNAMSIZ)
    throw new NetlinkDecodeError(message.start, `IFLA_IFNAME of ${name.length} characters, at most ${IFNAMSIZ - 1}`)
  return name
}

function decodeVxlan(data: Attributes | undefined): Vxlan {
  const collectMetadata = data?.u8(IFLA_VXLAN_COLLECT_METADATA) === 1
  return {
    // an external device reports the id 0
    vni: collectMetadata ? undefined : data?.u32(IFLA_VXLAN_ID),
    local: data?.ip(IFLA_VXLAN_LOCAL, 4) ?? data?.ip(IFLA_VXLAN_LOCAL6, 16),
    collectMetadata,
    vnifilter: data?.u8(IFLA_VXLAN_VNIFILTER) === 1,
  }
}

function decodeBridge(data: Attributes | undefined): Bridge {
  return {
    vlanFiltering: data?.u8(IFLA_BR_VLAN_FILTERING) === 1,
    vlanProtocol: networkOrder(data?.u16(IFLA_BR_VLAN_PROTOCOL)) ?? ETH_P_8021Q,
    mst: ((data?.raw(IFLA_BR_MULTI_BOOLOPT)?.at(0) ?? 0) & BR_BOOLOPT_MST_ENABLE) !== 0,
    ageingMs: ((data?.u32(IFLA_BR_AGEING_TIME) ?? BR_DEFAULT_AGEING_TIME) * 1000) / USER_HZ,
  }
}

function decodeVlan(data: Attributes | undefined): VlanLink | undefined {
  const id = data?.u16(IFLA_VLAN_ID)
  const protocol = networkOrder(data?.u16(IFLA_VLAN_PROTOCOL))
  if (id === undefined || protocol === undefined) return undefined
  return { id, protocol }
}

/** VLAN protocols are in network byte order, unlike all other fields. */
function networkOrder(value: number | undefined): number | undefined {
  return value === undefined ? undefined : ((value & 0xff) << 8) | (value >> 8)
}
