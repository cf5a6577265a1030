// Routes and their redistribution (lib/zclient.c, zebra/zapi_msg.c). Header: the route's vrf.
import { prefix, sameFamilyPrefix, shortPrefix, sourcePrefix } from '../addresses.js'
import { bit, bool, enumeration, flags, h32, inReleases, sizedBytes, u16, u32, u8, when } from '../fields.js'
import { type PayloadOf, layout } from '../message.js'
import { ROUTE_NOTES, RouteFlag, RouteMessage } from '../enums.js'
import { type Family, afi, routeType, safi } from './family.js'
import { nexthops } from './nexthop.js'

const has = (part: keyof typeof RouteMessage) => bit('message', RouteMessage[part])

//  | type u8 | instance u16 | flags u32 | message u32 | safi u8 | family u8 | length u8 | address, ceil(length / 8) |
//  and what message says: | SRCPFX: length u8, ceil(length / 8) | NHG: u32 | NEXTHOP: n u16, n nexthops |
//  | BACKUP_NEXTHOPS: n u16, n nexthops | DISTANCE: u8 | METRIC: u32 | TAG: u32 | MTU: u32 | TABLEID: u32 |
//  | OPAQUE: n u16, n |
const routeFields = {
  type: routeType(u8),
  instance: u16,
  flags: flags(u32, RouteFlag),
  message: flags(u32, RouteMessage),
  safi: safi(u8),
  prefix: shortPrefix,
  sourcePrefix: when(has('SRCPFX'), sourcePrefix),
  nhg: when(has('NHG'), u32),
  nexthops: when(has('NEXTHOP'), nexthops(u16)),
  backupNexthops: when(has('BACKUP_NEXTHOPS'), nexthops(u16)),
  distance: when(has('DISTANCE'), u8),
  metric: when(has('METRIC'), u32),
  tag: when(has('TAG'), u32),
  mtu: when(has('MTU'), u32),
  table: when(has('TABLEID'), u32),
  opaque: when(has('OPAQUE'), sizedBytes(u16)),
}
/** ZEBRA_ROUTE_ADD and _DELETE, ZEBRA_REDISTRIBUTE_ROUTE_ADD and _DEL: zapi_route_encode. */
export const ROUTE = layout(routeFields, [
  'prefix',
  'sourcePrefix',
  'type',
  'flags',
  'nhg',
  'nexthops',
  'backupNexthops',
  'distance',
  'metric',
  'tag',
  'mtu',
  'table',
])
export type Route = PayloadOf<typeof routeFields>

//  | note enum (host order) | family u8 | length u8 | address 4, 16 | source: length u8, address 4, 16 (from 10.3) |
//  | table u32 | afi u8 | safi u8 |
/** ZEBRA_ROUTE_NOTIFY_OWNER, route_notify_internal. */
const ROUTE_NOTIFY_OWNER = layout({
  note: enumeration(h32, ROUTE_NOTES),
  prefix: prefix(u8),
  sourcePrefix: inReleases(({ notifyOwnerSource }) => notifyOwnerSource, sameFamilyPrefix('prefix')),
  table: u32,
  afi: afi(u8),
  safi: safi(u8),
})

//  | set u8 |
/** ZEBRA_ROUTE_NOTIFY_REQUEST, zclient_send_route_notify… . */
const ROUTE_NOTIFY_REQUEST = layout({ set: bool })

//  | afi u8 | type u8 | instance u16 |      type table-direct (from 10.3): instance is the table
/** ZEBRA_REDISTRIBUTE_ADD and _DELETE, zebra_redistribute_send. */
const REDISTRIBUTE = layout({ afi: afi(u8), type: routeType(u8), instance: u16 })

//  | afi u8 |
/** ZEBRA_REDISTRIBUTE_DEFAULT_ADD and _DELETE, zebra_redistribute_default_send. */
const REDISTRIBUTE_DEFAULT = layout({ afi: afi(u8) })

export const ROUTES: Family = {
  name: 'route',
  toZebra: {
    ZEBRA_ROUTE_ADD: ROUTE,
    ZEBRA_ROUTE_DELETE: ROUTE,
    ZEBRA_ROUTE_NOTIFY_REQUEST: ROUTE_NOTIFY_REQUEST,
    ZEBRA_REDISTRIBUTE_ADD: REDISTRIBUTE,
    ZEBRA_REDISTRIBUTE_DELETE: REDISTRIBUTE,
    ZEBRA_REDISTRIBUTE_DEFAULT_ADD: REDISTRIBUTE_DEFAULT,
    ZEBRA_REDISTRIBUTE_DEFAULT_DELETE: REDISTRIBUTE_DEFAULT,
  },
  toBgpd: {
    ZEBRA_REDISTRIBUTE_ROUTE_ADD: ROUTE,
    ZEBRA_REDISTRIBUTE_ROUTE_DEL: ROUTE,
    ZEBRA_ROUTE_NOTIFY_OWNER: ROUTE_NOTIFY_OWNER,
  },
  nameOnly: ['ZEBRA_IPMR_ROUTE_STATS'],
}
