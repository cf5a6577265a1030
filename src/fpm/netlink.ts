// The netlink format, which dplane_fpm_nl and `-M fpm` export.
import { NetlinkDecodeError } from '../netlink/error.js'
import { type NetlinkMessage, netlinkMessages, NLMSG_HDRLEN } from '../netlink/message.js'
import {
  decodeFdbEntry,
  type FdbEntry,
  NTF_SELF,
  NTF_STICKY,
  NUD_NOARP,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from '../rtnetlink/neighbour.js'
import { decodeNexthop, RTM_DELNEXTHOP, RTM_NEWNEXTHOP } from '../rtnetlink/nexthop.js'
import { decodeRoute, type IpRoute, NLM_F_REPLACE, RTM_DELROUTE, RTM_NEWROUTE } from '../rtnetlink/route.js'
import type { FpmMac, FpmMessage, FpmRoute } from './message.js'
import { protocolName, routeTypeName } from './names.js'

/** Decodes the messages of one frame's payload, in order; one that cannot be decoded does not affect the others. */
export function* decodeNetlink(payload: Buffer): Generator<FpmMessage, void, undefined> {
  const messages = netlinkMessages(payload)
  // after a wrong length, the start of the next message is not known
  let end = 0
  for (;;) {
    let message: NetlinkMessage
    try {
      const next = messages.next()
      if (next.done) return
      message = next.value
    } catch (error) {
      yield malformed(error, payload.subarray(end))
      return
    }
    end = message.end
    yield decodeOne(message)
  }
}

function decodeOne(message: NetlinkMessage): FpmMessage {
  const bytes = (): Buffer => message.bytes.subarray(message.start - NLMSG_HDRLEN, message.end)
  try {
    return decodeKnown(message) ?? { kind: 'other', type: message.type, bytes: bytes() }
  } catch (error) {
    return malformed(error, bytes())
  }
}

function malformed(error: unknown, bytes: Buffer): FpmMessage {
  if (!(error instanceof NetlinkDecodeError)) throw error
  return { kind: 'malformed', error: error.message, bytes }
}

function decodeKnown(message: NetlinkMessage): FpmMessage | undefined {
  switch (message.type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return routeMessage(message, message.type === RTM_DELROUTE)
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      return { kind: 'nexthop', gone: message.type === RTM_DELNEXTHOP, nexthop: decodeNexthop(message) }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const entry = decodeFdbEntry(message)
      return entry && { kind: 'mac', gone: message.type === RTM_DELNEIGH, mac: toMac(entry) }
    }
    default:
      return undefined
  }
}

function routeMessage(message: NetlinkMessage, gone: boolean): FpmMessage | undefined {
  const route = decodeRoute(message)
  if (route === undefined) return undefined
  const replace = !gone && (message.flags & NLM_F_REPLACE) !== 0
  if ('label' in route) return { kind: 'mpls-route', gone, replace, route }
  if (!gone) return { kind: 'route', gone, replace, route: toRoute(route) }
  const where = route.table === RT_TABLE_UNSPEC ? undefined : { table: route.table }
  return { kind: 'route', gone, replace: false, route: { ...toRoute(route), in: where } }
}

// linux/rtnetlink.h
const RT_TABLE_UNSPEC = 0

const toRoute = (route: IpRoute): FpmRoute => ({
  family: route.family,
  prefix: route.prefix,
  prefixLength: route.prefixLength,
  source: route.source,
  in: { table: route.table },
  protocol: protocolName(route.protocol),
  type: routeTypeName(route.type),
  metric: route.metric,
  mtu: route.mtu,
  nexthopId: route.nexthopId,
  nexthops: route.nexthops.map(({ gateway, ifindex, weight, flags, encap, unknown }) => ({
    gateway,
    ifindex,
    weight,
    flags,
    encap,
    interfaceName: undefined,
    unknown,
  })),
  srv6: undefined,
  unknown: route.unknown,
})

/**
 * A remote MAC in use has NTF_SELF; its deletion may lack the VTEP.
 *
 * Two kinds are certainly router MACs: those of the old module, which sends no others and alone uses NDA_VNI; and those
 * that dplane_fpm_nl sends when the connection begins, which lack NTF_SELF like local MACs and yet are behind a VTEP.
 * A later update of a router MAC by dplane_fpm_nl looks like that of any remote MAC.
 */
function toMac(entry: FdbEntry): FpmMac {
  const self = (entry.flags & NTF_SELF) !== 0
  return {
    ...entry,
    remote: self || entry.dst !== undefined || entry.nexthopId !== undefined,
    sticky: (entry.flags & NTF_STICKY) !== 0 || (entry.state & NUD_NOARP) !== 0,
    router: entry.vni !== undefined || (!self && entry.dst !== undefined),
  }
}
