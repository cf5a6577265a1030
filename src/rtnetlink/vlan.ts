// VLANs of bridge ports, in the two forms in which the kernel reports them:
// - AF_BRIDGE link messages (net/bridge/br_netlink.c br_fill_ifinfo): all VLANs of one port
// - RTM_NEWVLAN and RTM_DELVLAN (net/bridge/br_vlan.c br_vlan_notify): a change; the only sign of a new default PVID
import { Attributes, type Attribute, checkSize } from '../netlink/attributes.js'
import { NetlinkDecodeError } from '../netlink/error.js'
import { type BridgePort, decodeBridgePort, IFLA_PROTINFO } from './bridge-port.js'
import { decodeIfinfomsg } from './link.js'
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'

export const IFLA_AF_SPEC = 26

// linux/if_bridge.h
const IFLA_BRIDGE_FLAGS = 0
const IFLA_BRIDGE_VLAN_INFO = 2
const IFLA_BRIDGE_VLAN_TUNNEL_INFO = 3
const IFLA_BRIDGE_VLAN_TUNNEL_ID = 1
const IFLA_BRIDGE_VLAN_TUNNEL_VID = 2
const IFLA_BRIDGE_VLAN_TUNNEL_FLAGS = 3
const BRIDGE_FLAGS_SELF = 2
const BRIDGE_VLAN_INFO_PVID = 0x2
const BRIDGE_VLAN_INFO_UNTAGGED = 0x4
const BRIDGE_VLAN_INFO_RANGE_BEGIN = 0x8
const BRIDGE_VLAN_INFO_RANGE_END = 0x10

const BRIDGE_VLANDB_ENTRY = 1
const BRIDGE_VLANDB_ENTRY_INFO = 1
const BRIDGE_VLANDB_ENTRY_RANGE = 2
const BRIDGE_VLANDB_ENTRY_TUNNEL_INFO = 4
const BRIDGE_VLANDB_TINFO_ID = 1

const SIZEOF_BR_VLAN_MSG = 8
const MAX_VLAN = 4094

/** VLANs `first` to `last`, with the same flags. */
export type VlanRange = { first: number; last: number; pvid: boolean; untagged: boolean }
/** VLAN `first` belongs to `vni`, `first + 1` to `vni + 1`, …, up to `last`. */
export type TunnelRange = { first: number; last: number; vni: number }

/** All VLANs of one bridge port, or those of a bridge itself as an interface of the host. */
export type PortVlans = { ifindex: number; vlans: VlanRange[]; tunnels: TunnelRange[] }

/** `bridgePort` is undefined for a bridge itself, and in a message that does not say. */
export type PortReport = PortVlans & { bridgePort: BridgePort | undefined }

/**
 * Decodes an RTM_NEWLINK or RTM_DELLINK of the family AF_BRIDGE; without IFLA_AF_SPEC the port has no VLANs. Returns
 * undefined for what a device reports about a switch of its own (ndo_dflt_bridge_getlink). Throws NetlinkDecodeError.
 */
export function decodePortVlans(message: NetlinkMessage): PortReport | undefined {
  const { ifindex, attributes } = decodeIfinfomsg(message)
  const spec = attributes.nested(IFLA_AF_SPEC)
  if (((spec?.u16(IFLA_BRIDGE_FLAGS) ?? 0) & BRIDGE_FLAGS_SELF) !== 0) return undefined
  const info = attributes.nested(IFLA_PROTINFO)
  return {
    ifindex,
    bridgePort: info && decodeBridgePort(info),
    vlans: spec === undefined ? [] : joinRanges(vlanInfos(message.bytes, spec)).map(toVlanRange),
    tunnels: spec === undefined ? [] : joinRanges(tunnelInfos(spec)).map(toTunnelRange),
  }
}

type Info = { vlan: number; flags: number; vni: number; offset: number }
type InfoRange = { begin: Info; end: Info }

const toVlanRange = ({ begin, end }: InfoRange): VlanRange => vlanRange(begin.vlan, end.vlan, begin.flags)
const toTunnelRange = ({ begin, end }: InfoRange): TunnelRange => ({
  first: begin.vlan,
  last: end.vlan,
  vni: begin.vni,
})

function vlanRange(first: number, last: number, flags: number): VlanRange {
  return {
    first,
    last,
    pvid: (flags & BRIDGE_VLAN_INFO_PVID) !== 0,
    untagged: (flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0,
  }
}

/** Decodes struct bridge_vlan_info: u16 flags, u16 vid. */
function vlanInfos(bytes: Buffer, spec: Attributes): Info[] {
  return spec.all.filter(({ type }) => type === IFLA_BRIDGE_VLAN_INFO).map((attribute) => vlanInfo(bytes, attribute))
}

function vlanInfo(bytes: Buffer, attribute: Attribute): Info {
  checkSize(attribute, 4)
  const offset = attribute.start
  return { flags: bytes.readUInt16LE(offset), vlan: bytes.readUInt16LE(offset + 2), vni: 0, offset }
}

function tunnelInfos(spec: Attributes): Info[] {
  return spec.all
    .filter(({ type }) => type === IFLA_BRIDGE_VLAN_TUNNEL_INFO)
    .map((attribute) => tunnelInfo(spec, attribute))
}

function tunnelInfo(spec: Attributes, attribute: Attribute): Info {
  const offset = attribute.start
  const info = spec.nestedIn(attribute)
  const vlan = info.u16(IFLA_BRIDGE_VLAN_TUNNEL_VID)
  const vni = info.u32(IFLA_BRIDGE_VLAN_TUNNEL_ID)
  if (vlan === undefined || vni === undefined)
    throw new NetlinkDecodeError(offset, 'IFLA_BRIDGE_VLAN_TUNNEL_INFO without VLAN or tunnel id')
  return { flags: info.u16(IFLA_BRIDGE_VLAN_TUNNEL_FLAGS) ?? 0, vlan, vni, offset }
}

/** Joins each RANGE_BEGIN with the RANGE_END that must follow it; any other entry is a range of its own. */
function joinRanges(infos: Info[]): InfoRange[] {
  const ranges: InfoRange[] = []
  let begin: Info | undefined
  for (const info of infos) {
    const ends = (info.flags & BRIDGE_VLAN_INFO_RANGE_END) !== 0
    if (ends !== (begin !== undefined))
      throw new NetlinkDecodeError(info.offset, `VLAN ${info.vlan}: range without ${ends ? 'begin' : 'end'}`)
    checkVlans(info.offset, begin?.vlan ?? info.vlan, info.vlan)
    if ((info.flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) !== 0) {
      begin = info
      continue
    }
    ranges.push({ begin: begin ?? info, end: info })
    begin = undefined
  }
  if (begin !== undefined) throw new NetlinkDecodeError(begin.offset, `VLAN ${begin.vlan}: range without end`)
  return ranges
}

function checkVlans(offset: number, first: number, last: number): void {
  if (first < 1 || last > MAX_VLAN || first > last)
    throw new NetlinkDecodeError(offset, `VLANs ${first} to ${last}, expected a range within 1 to ${MAX_VLAN}`)
}

/**
 * Decodes an RTM_NEWVLAN or RTM_DELVLAN: VLANs that one bridge port got, lost, or whose flags changed.
 *
 * struct br_vlan_msg
 *   0  family   u8   AF_BRIDGE
 *   4  ifindex  u32
 *
 * Throws NetlinkDecodeError.
 */
export function decodeVlanChange(message: NetlinkMessage): PortVlans {
  const after = afterFamilyHeader(message, 'br_vlan_msg', SIZEOF_BR_VLAN_MSG)
  const change: PortVlans = { ifindex: message.bytes.readUInt32LE(message.start + 4), vlans: [], tunnels: [] }
  const attributes = new Attributes(message.bytes, after, message.end)
  for (const attribute of attributes.all) {
    if (attribute.type === BRIDGE_VLANDB_ENTRY) addEntry(change, attribute, attributes.nestedIn(attribute))
  }
  return change
}

function addEntry(change: PortVlans, { start }: Attribute, entry: Attributes): void {
  const info = entry.raw(BRIDGE_VLANDB_ENTRY_INFO)
  if (info?.length !== 4) throw new NetlinkDecodeError(start, 'VLAN entry without BRIDGE_VLANDB_ENTRY_INFO of 4 bytes')
  const first = info.readUInt16LE(2)
  const last = entry.u16(BRIDGE_VLANDB_ENTRY_RANGE) ?? first
  checkVlans(start, first, last)
  change.vlans.push(vlanRange(first, last, info.readUInt16LE(0)))
  const vni = entry.nested(BRIDGE_VLANDB_ENTRY_TUNNEL_INFO)?.u32(BRIDGE_VLANDB_TINFO_ID)
  if (vni !== undefined) change.tunnels.push({ first, last, vni })
}
