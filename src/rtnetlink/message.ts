// Decodes the messages of NETLINK_ROUTE, and encodes requests for dumps (linux/rtnetlink.h).
import { decodeAddress, type InterfaceAddress } from './address.js'
import { decodeLink, type Link } from './link.js'
import { type NetlinkMessage, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_HDRLEN } from '../netlink/message.js'
import { decodePortVlans, decodeVlanChange, type PortReport, type PortVlans } from './vlan.js'
import { decodeVlanStates, type VlanState, type VlanStates } from './vlan-state.js'

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
const RTM_GETLINK = 18
export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
const RTM_GETADDR = 22
const RTM_GETNEIGH = 30
export const RTM_NEWVLAN = 112
export const RTM_DELVLAN = 113
const RTM_GETVLAN = 114

export const RTNLGRP_LINK = 1
export const RTNLGRP_NEIGH = 3
export const RTNLGRP_IPV4_IFADDR = 5
export const RTNLGRP_IPV6_IFADDR = 9
export const RTNLGRP_BRVLAN = 33

const AF_UNSPEC = 0
export const AF_BRIDGE = 7

const IFLA_EXT_MASK = 29
const RTEXT_FILTER_BRVLAN_COMPRESSED = 4
const RTEXT_FILTER_SKIP_STATS = 8

const SIZEOF_IFINFOMSG = 16
const SIZEOF_IFADDRMSG = 8
const SIZEOF_NDMSG = 12
const SIZEOF_BR_VLAN_MSG = 8
const SIZEOF_RTATTR_U32 = 8

/** `gone` means RTM_DEL…; for `port-vlans` it means that the port left its bridge. */
export type RouteMessage =
  | { kind: 'link'; gone: boolean; link: Link }
  | { kind: 'port-vlans'; gone: boolean; port: PortReport }
  | { kind: 'vlan-change'; gone: boolean; change: PortVlans; states: readonly VlanState[] }
  /** From a dump: the VLANs of a port, or some of them. */
  | { kind: 'vlan-states'; gone: false; port: VlanStates }
  | { kind: 'address'; gone: boolean; address: InterfaceAddress }

/** For the dump GET_VLANS, whose messages are no changes. Throws NetlinkDecodeError. */
export const decodeVlanDump = (message: NetlinkMessage): RouteMessage | undefined =>
  message.type === RTM_NEWVLAN ? { kind: 'vlan-states', gone: false, port: decodeVlanStates(message) } : undefined

/** Returns undefined for messages that do not concern links, VLANs or addresses. Throws NetlinkDecodeError. */
export function decodeRouteMessage(message: NetlinkMessage): RouteMessage | undefined {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return linkMessage(message, message.type === RTM_DELLINK)
    case RTM_NEWVLAN:
    case RTM_DELVLAN:
      return {
        ...{ kind: 'vlan-change', gone: message.type === RTM_DELVLAN },
        ...{ change: decodeVlanChange(message), states: decodeVlanStates(message).states },
      }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(message)
      return address && { kind: 'address', gone: message.type === RTM_DELADDR, address }
    }
    default:
      return undefined
  }
}

function linkMessage(message: NetlinkMessage, gone: boolean): RouteMessage | undefined {
  const family = message.start < message.end ? message.bytes.readUInt8(message.start) : AF_UNSPEC
  switch (family) {
    case AF_UNSPEC:
      return { kind: 'link', gone, link: decodeLink(message) }
    case AF_BRIDGE: {
      const port = decodePortVlans(message)
      return port && { kind: 'port-vlans', gone, port }
    }
    default:
      // another family, for example the IPv6 settings of an interface (AF_INET6)
      return undefined
  }
}

/** A request without its sequence number, which the socket assigns. */
export type Request = { type: number; body: Buffer }

export const GET_LINKS: Request = { type: RTM_GETLINK, body: getLink(AF_UNSPEC, RTEXT_FILTER_SKIP_STATS) }
export const GET_PORT_VLANS: Request = { type: RTM_GETLINK, body: getLink(AF_BRIDGE, RTEXT_FILTER_BRVLAN_COMPRESSED) }
export const GET_ADDRESSES: Request = { type: RTM_GETADDR, body: Buffer.alloc(SIZEOF_IFADDRMSG) }
/** The forwarding databases of all bridges and VXLAN devices: see neighbour.ts. */
export const GET_FDB: Request = { type: RTM_GETNEIGH, body: ofBridges(SIZEOF_NDMSG) }
/** The kernel's IP neighbours of a family, AF_INET or AF_INET6. */
export const getNeighbours = (family: number): Request => ({ type: RTM_GETNEIGH, body: ofFamily(family, SIZEOF_NDMSG) })
/** The VLANs of all bridge ports, with their states; EOPNOTSUPP from a kernel without VLAN filtering. */
export const GET_VLANS: Request = { type: RTM_GETVLAN, body: ofBridges(SIZEOF_BR_VLAN_MSG) }

function getLink(family: number, filter: number): Buffer {
  const body = Buffer.alloc(SIZEOF_IFINFOMSG + SIZEOF_RTATTR_U32)
  body.writeUInt8(family)
  body.writeUInt16LE(SIZEOF_RTATTR_U32, SIZEOF_IFINFOMSG)
  body.writeUInt16LE(IFLA_EXT_MASK, SIZEOF_IFINFOMSG + 2)
  body.writeUInt32LE(filter, SIZEOF_IFINFOMSG + 4)
  return body
}

function ofBridges(size: number): Buffer {
  return ofFamily(AF_BRIDGE, size)
}

/** A family header of which only the family is set. */
function ofFamily(family: number, size: number): Buffer {
  const body = Buffer.alloc(size)
  body.writeUInt8(family)
  return body
}

/** Encodes a dump request. */
export function encodeDump({ type, body }: Request, seq: number): Buffer {
  const header = Buffer.alloc(NLMSG_HDRLEN)
  header.writeUInt32LE(NLMSG_HDRLEN + body.length)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6)
  header.writeUInt32LE(seq, 8)
  return Buffer.concat([header, body])
}
