// Numbers and bits with names, as FRR calls them without their common prefix. Those that differ between releases
// only by additions are listed as the newest release has them.

/** ZAPI_MESSAGE_*, lib/zclient.h: which parts a route has. */
export const RouteMessage = {
  NEXTHOP: 0x01,
  DISTANCE: 0x02,
  METRIC: 0x04,
  TAG: 0x08,
  MTU: 0x10,
  SRCPFX: 0x20,
  BACKUP_NEXTHOPS: 0x40,
  NHG: 0x80,
  TABLEID: 0x100,
  SRTE: 0x200,
  OPAQUE: 0x400,
} as const

/** ZEBRA_FLAG_*, lib/zclient.h. OUTOFSYNC from 8.5, TABLEID from 10.4, USE_RECURSIVE_WEIGHT from 10.6. */
export const RouteFlag = {
  ALLOW_RECURSION: 0x01,
  SELFROUTE: 0x02,
  IBGP: 0x04,
  SELECTED: 0x08,
  FIB_OVERRIDE: 0x10,
  EVPN_ROUTE: 0x20,
  RR_USE_DISTANCE: 0x40,
  TRAPPED: 0x80,
  OFFLOADED: 0x100,
  OFFLOAD_FAILED: 0x200,
  OUTOFSYNC: 0x400,
  TABLEID: 0x800,
  USE_RECURSIVE_WEIGHT: 0x1000,
} as const

/** ZAPI_NEXTHOP_FLAG_*, lib/zclient.h. */
export const NexthopFlag = {
  ONLINK: 0x01,
  LABEL: 0x02,
  WEIGHT: 0x04,
  HAS_BACKUP: 0x08,
  SEG6: 0x10,
  SEG6LOCAL: 0x20,
  EVPN: 0x40,
} as const

/** NEXTHOP_TYPE_*, lib/nexthop.h. */
export const NexthopType = {
  IFINDEX: 1,
  IPV4: 2,
  IPV4_IFINDEX: 3,
  IPV6: 4,
  IPV6_IFINDEX: 5,
  BLACKHOLE: 6,
} as const

/** enum blackhole_type, lib/nexthop.h. */
export const BLACKHOLE_TYPES = ['unspec', 'null', 'reject', 'adminprohib'] as const

/** enum lsp_types_t, lib/mpls.h; EVPN from 9.0. */
export const LSP_TYPES = ['none', 'static', 'ldp', 'bgp', 'ospf-sr', 'isis-sr', 'sharp', 'srte', 'evpn'] as const

/** afi_t, lib/zebra.h; AFI_BGP_LS from 10.7. */
export const AFIS = ['unspec', 'ip', 'ip6', 'l2vpn', 'bgp-ls'] as const

/** safi_t, lib/zebra.h; SAFI_BGP_LS from 10.7. */
export const SAFIS = [
  'unspec',
  'unicast',
  'multicast',
  'mpls-vpn',
  'encap',
  'evpn',
  'labeled-unicast',
  'flowspec',
  'bgp-ls',
] as const

/** enum zapi_route_notify_owner, lib/zclient.h. */
export const ROUTE_NOTES = ['FAIL_INSTALL', 'BETTER_ADMIN_WON', 'INSTALLED', 'REMOVED', 'REMOVE_FAIL'] as const

/** enum zapi_nhg_notify_owner, lib/zclient.h. */
export const NHG_NOTES = ['FAIL_INSTALL', 'INSTALLED', 'REMOVED', 'REMOVE_FAIL'] as const

/** enum zserv_client_capabilities, lib/zclient.h. */
export const ClientCapability = {
  GR_CAPABILITIES: 1,
  ROUTE_UPDATE_COMPLETE: 2,
  ROUTE_UPDATE_PENDING: 3,
  GR_DISABLE: 4,
  RIB_STALE_TIME: 5,
} as const

/** enum zebra_error_types, lib/zclient.h. */
export const ERRORS = ['UNKNOWN_ERROR', 'NO_VRF', 'INVALID_MSG_TYPE'] as const

/** enum vxlan_flood_control, lib/vxlan.h. */
export const FLOOD_CONTROLS = ['head-end-repl', 'disabled', 'pim-sm'] as const

/** enum vrf_backend_type, lib/vrf.h. */
export const VRF_BACKENDS = ['vrf-lite', 'netns'] as const

/** enum zebra_neigh_state, lib/zclient.h: what MACIP_DEL's state says. */
export const NeighState = {
  /** The local route stays; bgpd shall only install the best remote one again. */
  INACTIVE: 0,
  /** Withdraw. */
  ACTIVE: 1,
} as const

/** IFF_*, linux/if.h. */
export const InterfaceFlag = {
  UP: 0x1,
  BROADCAST: 0x2,
  DEBUG: 0x4,
  LOOPBACK: 0x8,
  POINTOPOINT: 0x10,
  NOTRAILERS: 0x20,
  RUNNING: 0x40,
  NOARP: 0x80,
  PROMISC: 0x100,
  ALLMULTI: 0x200,
  MASTER: 0x400,
  SLAVE: 0x800,
  MULTICAST: 0x1000,
  PORTSEL: 0x2000,
  AUTOMEDIA: 0x4000,
  DYNAMIC: 0x8000,
  LOWER_UP: 0x10000,
  DORMANT: 0x20000,
  ECHO: 0x40000,
} as const

/** NUD_*, linux/neighbour.h: ndm_state of a neighbour. */
export const NeighbourState = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const

/** The numbers of a table of names, the other way round. */
export const namesOf = (numbers: Readonly<Record<string, number>>): Readonly<Record<number, string>> =>
  Object.fromEntries(Object.entries(numbers).map(([name, number]) => [number, name]))
