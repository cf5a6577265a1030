// The messages of an FPM connection, independent of its format.
import type { Encap } from '../rtnetlink/encap.js'
import type { FdbEntry } from '../rtnetlink/neighbour.js'
import type { NexthopObject } from '../rtnetlink/nexthop.js'
import type { IpRoute, MplsRoute, RouteNexthop } from '../rtnetlink/route.js'
import type { UnknownAttribute } from '../netlink/attributes.js'

/** The table of a route: netlink gives the kernel's table, protobuf gives FRR's VRF. */
export type RouteTable = { table: number } | { vrf: number }

export type FpmNexthop = Pick<RouteNexthop, 'gateway' | 'ifindex' | 'weight' | 'flags' | 'encap'> & {
  /** Only protobuf has it: the name that zebra gives besides the index. */
  interfaceName: string | undefined
  unknown: readonly UnknownAttribute[]
}

export type FpmRoute = {
  family: 4 | 6
  prefix: string
  prefixLength: number
  /** Source prefix of a source-specific route: `2001:db8::/32`. */
  source: string | undefined
  in: RouteTable
  /** As iproute2 shows it: `bgp`, `static`, … */
  protocol: string
  /** `unicast`, `blackhole`, …; `unspec` in a deletion. */
  type: string
  metric: number | undefined
  mtu: number | undefined
  nexthopId: number | undefined
  /** Empty for a deletion, or if `nexthopId` says where the route leads. */
  nexthops: readonly FpmNexthop[]
  /** Only protobuf has it, since FRR 10.1: the SRv6 encapsulation of the route. */
  srv6: { source: string | undefined; sid: string | undefined } | undefined
  unknown: readonly UnknownAttribute[]
}

/** A deletion. Those of the old module in netlink format do not give a table. */
export type GoneRoute = Omit<FpmRoute, 'in'> & { in: RouteTable | undefined }

export type FpmMac = FdbEntry & {
  /** Behind another VTEP; otherwise a local MAC that zebra programs because it is on a multihomed segment. */
  remote: boolean
  sticky: boolean
  /** True if it is certainly the router MAC of a VTEP; see `isRouterMac`. */
  router: boolean
}

export type FpmSrv6LocalSid = {
  sid: string
  format: { blockLength: number; nodeLength: number; functionLength: number; argumentLength: number } | undefined
  /** `end`, `end_x`, `udt4`, …; undefined if the message has none. */
  behavior: string | undefined
  /** Further parameters of the behaviour, in wire format. */
  details: Uint8Array
}

/** `gone` marks a deletion, `replace` an addition that explicitly replaces another. */
export type FpmMessage =
  | { kind: 'route'; gone: false; replace: boolean; route: FpmRoute }
  | { kind: 'route'; gone: true; replace: false; route: GoneRoute }
  | { kind: 'nexthop'; gone: boolean; nexthop: NexthopObject }
  | { kind: 'mac'; gone: boolean; mac: FpmMac }
  | { kind: 'mpls-route'; gone: boolean; replace: boolean; route: MplsRoute }
  | { kind: 'srv6-localsid'; gone: boolean; localSid: FpmSrv6LocalSid }
  /** A valid message of a type that is not decoded here; `type`: nlmsg_type or fpm.Message.Type. */
  | { kind: 'other'; type: number; bytes: Buffer }
  /** A message that could not be decoded. */
  | { kind: 'malformed'; error: string; bytes: Buffer }

export type FpmMessageKind = FpmMessage['kind']

export type { Encap, FdbEntry, IpRoute, MplsRoute, NexthopObject, UnknownAttribute }
