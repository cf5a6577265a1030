// What the frames of an FPM connection say, whichever format they have.
import type { Encap } from '../rtnetlink/encap.js'
import type { FdbEntry } from '../rtnetlink/neighbour.js'
import type { NexthopObject } from '../rtnetlink/nexthop.js'
import type { IpRoute, MplsRoute, RouteNexthop } from '../rtnetlink/route.js'
import type { UnknownAttribute } from '../netlink/attributes.js'

/** Where a route is: netlink names the kernel's table, protobuf FRR's VRF. */
export type RouteTable = { table: number } | { vrf: number }

export type FpmNexthop = Pick<RouteNexthop, 'gateway' | 'ifindex' | 'weight' | 'flags' | 'encap'> & {
  /** protobuf: where zebra names the interface, too */
  interfaceName: string | undefined
  unknown: readonly UnknownAttribute[]
}

export type FpmRoute = {
  family: 4 | 6
  prefix: string
  prefixLength: number
  /** of a route that looks at source addresses: `2001:db8::/32` */
  source: string | undefined
  in: RouteTable
  /** as iproute2 calls it: `bgp`, `static`, … */
  protocol: string
  /** `unicast`, `blackhole`, …; `unspec` in a deletion */
  type: string
  metric: number | undefined
  mtu: number | undefined
  nexthopId: number | undefined
  /** empty for a deletion, or where `nexthopId` says all */
  nexthops: readonly FpmNexthop[]
  /** protobuf, FRR 10.1: what the route wraps packets in */
  srv6: { source: string | undefined; sid: string | undefined } | undefined
  unknown: readonly UnknownAttribute[]
}

/** A deletion. Those of the old module in netlink name no table. */
export type GoneRoute = Omit<FpmRoute, 'in'> & { in: RouteTable | undefined }

export type FpmMac = FdbEntry & {
  /** behind another VTEP; otherwise a local one that zebra programs because a multihomed segment has it */
  remote: boolean
  sticky: boolean
  /** certainly the router MAC of a VTEP; see `isRouterMac` */
  router: boolean
}

export type FpmSrv6LocalSid = {
  sid: string
  format: { blockLength: number; nodeLength: number; functionLength: number; argumentLength: number } | undefined
  /** `end`, `end_x`, `udt4`, …; undefined if the message names none */
  behavior: string | undefined
  /** what describes the behaviour further, as it is on the wire */
  details: Uint8Array
}

/** `gone`: a deletion; `replace`: an addition that says that it replaces another. */
export type FpmMessage =
  | { kind: 'route'; gone: false; replace: boolean; route: FpmRoute }
  | { kind: 'route'; gone: true; replace: false; route: GoneRoute }
  | { kind: 'nexthop'; gone: boolean; nexthop: NexthopObject }
  | { kind: 'mac'; gone: boolean; mac: FpmMac }
  | { kind: 'mpls-route'; gone: boolean; replace: boolean; route: MplsRoute }
  | { kind: 'srv6-localsid'; gone: boolean; localSid: FpmSrv6LocalSid }
  /** understood as a message, but not one that is known here; `type`: nlmsg_type or fpm.Message.Type */
  | { kind: 'other'; type: number; bytes: Buffer }
  /** not what it claims to be */
  | { kind: 'malformed'; error: string; bytes: Buffer }

export type FpmMessageKind = FpmMessage['kind']

export type { Encap, FdbEntry, IpRoute, MplsRoute, NexthopObject, UnknownAttribute }
