// Asks the kernel once for all that a diagnosis wants to know of links, bridge ports, addresses and neighbours. It changes
// nothing, and needs no privilege.
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'
import { AF_INET, AF_INET6, decodeAddress, type InterfaceAddress } from './address.js'
import { IFLA_PROTINFO } from './bridge-port.js'
import { decodeIfinfomsg, decodeLink, IFLA_LINKINFO, type Link } from './link.js'
import { GET_ADDRESSES, GET_LINKS, GET_PORT_VLANS, getNeighbours, RTM_NEWADDR, RTM_NEWLINK } from './message.js'
import { NTF_EXT_LEARNED, NUD_PERMANENT, RTM_NEWNEIGH } from './neighbour.js'
import { KERNELS_OWN_BUFFER, RouteSocket } from './socket.js'

const IFLA_XDP = 43
const IFLA_XDP_ATTACHED = 2
const IFLA_XDP_PROG_ID = 4
const IFLA_INFO_DATA = 2
const IFLA_VXLAN_LEARNING = 7
const IFLA_BRPORT_LEARNING = 8
const IFLA_BRPORT_NEIGH_SUPPRESS = 32
const IFLA_BRPORT_NEIGH_VLAN_SUPPRESS = 43
const SIZEOF_NDMSG = 12

export type SurveyedLink = Link & {
  /** The XDP program that sees its frames first; 0 if its number is not known, undefined if there is none. */
  xdp: number | undefined
  /** Whether a VXLAN device learns where MACs are from what it receives (without `nolearning`); false for other kinds. */
  vxlanLearning: boolean
}

/** How a bridge treats one of its ports. */
export type SurveyedPort = {
  ifindex: number
  /** Whether it learns MACs from what it receives. */
  learning: boolean
  /** Whether it answers ARP and ND itself instead of flooding them there (`neigh_suppress`), in some VLANs at least. */
  neighSuppress: boolean
}

export type Survey = {
  links: readonly SurveyedLink[]
  ports: readonly SurveyedPort[]
  addresses: readonly InterfaceAddress[]
  /** How many neighbours count against the limits of the kernel's tables; those of zebra's remote hosts do not. */
  neighbours: { ipv4: number; ipv6: number }
}

/** Rejects if the kernel refuses, or does not answer within the time. */
export async function survey(timeoutMs: number): Promise<Survey> {
  const ignore = (): void => undefined
  const handler = { event: ignore, drained: ignore, lost: ignore, malformed: ignore }
  const socket = RouteSocket.open([], handler, KERNELS_OWN_BUFFER)
  // closing rejects what is under way
  const timer = setTimeout(() => {
    socket.close()
  }, timeoutMs)
  try {
    return {
      links: await socket.dump(GET_LINKS, decodeSurveyedLink),
      ports: await socket.dump(GET_PORT_VLANS, decodeSurveyedPort),
      addresses: await socket.dump(GET_ADDRESSES, (message) =>
        message.type === RTM_NEWADDR ? decodeAddress(message) : undefined,
      ),
      neighbours: {
        ipv4: (await socket.dump(getNeighbours(AF_INET), countedNeighbour)).length,
        ipv6: (await socket.dump(getNeighbours(AF_INET6), countedNeighbour)).length,
      },
    }
  } finally {
    clearTimeout(timer)
    socket.close()
  }
}

/** Returns undefined for other messages. Throws NetlinkDecodeError, as all decoders here. */
export function decodeSurveyedLink(message: NetlinkMessage): SurveyedLink | undefined {
  if (message.type !== RTM_NEWLINK) return undefined
  const { attributes } = decodeIfinfomsg(message)
  const xdp = attributes.nested(IFLA_XDP)
  const vxlan = attributes.nested(IFLA_LINKINFO)?.nested(IFLA_INFO_DATA)
  const link = decodeLink(message)
  return {
    ...link,
    xdp: (xdp?.u8(IFLA_XDP_ATTACHED) ?? 0) === 0 ? undefined : (xdp?.u32(IFLA_XDP_PROG_ID) ?? 0),
    vxlanLearning: link.kind === 'vxlan' && vxlan?.u8(IFLA_VXLAN_LEARNING) === 1,
  }
}

/** Returns undefined for a bridge itself, too. */
export function decodeSurveyedPort(message: NetlinkMessage): SurveyedPort | undefined {
  if (message.type !== RTM_NEWLINK) return undefined
  const { ifindex, attributes } = decodeIfinfomsg(message)
  const info = attributes.nested(IFLA_PROTINFO)
  if (info === undefined) return undefined
  return {
    ifindex,
    learning: info.u8(IFLA_BRPORT_LEARNING) !== 0,
    neighSuppress: [IFLA_BRPORT_NEIGH_SUPPRESS, IFLA_BRPORT_NEIGH_VLAN_SUPPRESS].some((type) => info.u8(type) === 1),
  }
}

/**
 * Returns true for a neighbour that counts against gc_thresh1 to 3, undefined for others: what is permanent or was learned
 * by a routing daemon does not (neigh_update_gc_list in net/core/neighbour.c).
 */
export function countedNeighbour(message: NetlinkMessage): true | undefined {
  if (message.type !== RTM_NEWNEIGH) return undefined
  const { bytes, start } = message
  afterFamilyHeader(message, 'ndmsg', SIZEOF_NDMSG)
  const [state, flags] = [bytes.readUInt16LE(start + 8), bytes.readUInt8(start + 10)]
  return (state & NUD_PERMANENT) !== 0 || (flags & NTF_EXT_LEARNED) !== 0 ? undefined : true
}
