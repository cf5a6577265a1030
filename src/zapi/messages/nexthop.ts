// Nexthops as zapi_nexthop_encode writes them, registered nexthops, and nexthop groups.
import { ip4, ip6, mac, prefix } from '../addresses.js'
import {
  type Field,
  bit,
  bool,
  counted,
  either,
  enumeration,
  flags,
  h32,
  hidden,
  inReleases,
  oneOf,
  opaque,
  single,
  times,
  u16,
  u32,
  u32AsBigint,
  u64,
  u8,
  untilEnd,
  when,
} from '../fields.js'
import { layout, struct } from '../message.js'
import { BLACKHOLE_TYPES, LSP_TYPES, NHG_NOTES, NexthopFlag, NexthopType, RouteMessage, namesOf } from '../enums.js'
import { type Family, routeType, safi } from './family.js'

const { IFINDEX, IPV4, IPV4_IFINDEX, IPV6, IPV6_IFINDEX, BLACKHOLE } = NexthopType
const hasLabel = bit('flags', NexthopFlag.LABEL)
const hasSeg6 = bit('flags', NexthopFlag.SEG6)

/** struct seg6local_context by its size: ints in host order, only carried. */
const SEG6LOCAL_CONTEXT = { 24: opaque(24), 28: opaque(28), 36: opaque(36), 40: opaque(40) }

//  | vrf u32 | type u8 | flags u8 | by type: blackhole u8, or ip 4, 16 and ifindex u32, or ifindex u32 |
//  | LABEL: n u8, type u8 (from 9.0), n * u32 (host order) | WEIGHT: u32 (from 10.1: u64) | EVPN: rmac 6 |
//  | color u32, if the message has SRTE | HAS_BACKUP: n u8, n * u8 |
//  | SEG6LOCAL: action u32, struct seg6local_context (host order) |
//  | SEG6: 16, or (from 9.1) n u8, n * 16; behaviour u32 (from 10.4), encapsulation source 16 (master) |
const nexthop = (colored: boolean) =>
  struct(
    {
      vrfId: u32,
      type: enumeration(u8, namesOf(NexthopType)),
      flags: flags(u8, NexthopFlag),
      blackhole: when(oneOf('type', BLACKHOLE), enumeration(u8, BLACKHOLE_TYPES)),
      gate: when(
        oneOf('type', IPV4, IPV4_IFINDEX, IPV6, IPV6_IFINDEX),
        either((_features, { type }) => (type === IPV6 || type === IPV6_IFINDEX ? ip6 : ip4), ip4),
      ),
      ifindex: when(oneOf('type', IFINDEX, IPV4, IPV4_IFINDEX, IPV6, IPV6_IFINDEX), u32),
      labelCount: when(hasLabel, hidden(u8)),
      labelType: when(
        hasLabel,
        inReleases(({ labelType }) => labelType, enumeration(u8, LSP_TYPES)),
      ),
      labels: when(hasLabel, times('labelCount', h32)),
      weight: when(
        bit('flags', NexthopFlag.WEIGHT),
        either(({ nexthopWeight }) => (nexthopWeight === 'u32' ? u32AsBigint : u64), u64),
      ),
      rmac: when(bit('flags', NexthopFlag.EVPN), mac),
      color: when(() => colored, u32),
      backups: when(bit('flags', NexthopFlag.HAS_BACKUP), counted(u8, u8)),
      seg6Local: when(
        bit('flags', NexthopFlag.SEG6LOCAL),
        struct({
          action: u32,
          context: either(({ seg6LocalContext }) => SEG6LOCAL_CONTEXT[seg6LocalContext], SEG6LOCAL_CONTEXT[24]),
        }),
      ),
      segments: when(
        hasSeg6,
        either(
          ({ seg6Segments }): Field<string[]> => (seg6Segments === 'one' ? single(ip6) : counted(u8, ip6)),
          counted(u8, ip6),
        ),
      ),
      encapBehavior: when(
        hasSeg6,
        inReleases(({ seg6EncapBehavior }) => seg6EncapBehavior, u32),
      ),
      encapSource: when(
        hasSeg6,
        inReleases(({ seg6EncapSource }) => seg6EncapSource, ip6),
      ),
    },
    ['gate', 'blackhole', 'ifindex', 'vrfId', 'labels', 'weight', 'rmac', 'color', 'backups', 'segments'],
  )
const PLAIN = nexthop(false)
const COLORED = nexthop(true)

/** Nexthops with their number in front; `message`, a field before them, says whether they have colors. */
export const nexthops = (countField: Field<number>) => {
  const plain = counted(countField, PLAIN)
  const colored = counted(countField, COLORED)
  const hasColor = bit('message', RouteMessage.SRTE)
  return either((_features, scope) => (hasColor(scope) ? colored : plain), colored)
}

const registerFields = { connected: bool, resolveViaDefault: bool, safi: safi(u16), prefix: prefix(u16) }

//  | connected u8 | resolve via default u8 | safi u16 | family u16 | length u8 | address 4, 16 |      and again
/** ZEBRA_NEXTHOP_REGISTER and _UNREGISTER, zclient_send_rnh. */
const NEXTHOP_REGISTER = layout({ ...registerFields, more: untilEnd(struct(registerFields)) })

const updateCount: Field<number> = either(({ nexthopUpdateCount }) => (nexthopUpdateCount === 'u8' ? u8 : u16), u16)

//  | message u32 | safi u16 | asked: family u16, length u8, address | found: family u16, length u8, address |
//  | color u32, if SRTE | type u8 | instance u16 | distance u8 | metric u32 | n u8 (from 10.3: u16), n nexthops |
/** ZEBRA_NEXTHOP_UPDATE, zebra_send_rnh_update. No nexthop: not reachable. */
const NEXTHOP_UPDATE = layout(
  {
    message: flags(u32, RouteMessage),
    safi: safi(u16),
    prefix: prefix(u16),
    resolved: prefix(u16),
    color: when(bit('message', RouteMessage.SRTE), u32),
    type: routeType(u8),
    instance: u16,
    distance: u8,
    metric: u32,
    nexthops: nexthops(updateCount),
  },
  ['prefix', 'resolved', 'type', 'distance', 'metric', 'nexthops'],
)

export const NEXTHOPS: Family = {
  name: 'nexthop',
  toZebra: { ZEBRA_NEXTHOP_REGISTER: NEXTHOP_REGISTER, ZEBRA_NEXTHOP_UNREGISTER: NEXTHOP_REGISTER },
  toBgpd: { ZEBRA_NEXTHOP_UPDATE: NEXTHOP_UPDATE },
  nameOnly: ['ZEBRA_NEXTHOP_LOOKUP', 'ZEBRA_NEXTHOP_LOOKUP_MRIB'],
}

//  | buckets u16 | idle u32 | unbalanced u32 |      seconds
const resilience = inReleases(
  ({ nhgResilience }) => nhgResilience,
  struct({ buckets: u16, idleTimer: u32, unbalancedTimer: u32 }),
)
const plainNexthops = counted(u16, PLAIN)

//  | proto u16 | id u32 | resilience (from 8.5) | n u16, n nexthops | m u16, m backup nexthops |
/** ZEBRA_NHG_ADD, zapi_nhg_encode. */
const NHG_ADD = layout({
  proto: routeType(u16),
  id: u32,
  resilience,
  nexthops: plainNexthops,
  backupNexthops: plainNexthops,
})

//  | proto u16 | id u32 | resilience (from 8.5, without meaning) |
/** ZEBRA_NHG_DEL, zapi_nhg_encode. */
const NHG_DEL = layout({ proto: routeType(u16), id: u32, resilience })

//  | note enum (host order) | id u32 |
/** ZEBRA_NHG_NOTIFY_OWNER, zsend_nhg_notify. */
const NHG_NOTIFY_OWNER = layout({ note: enumeration(h32, NHG_NOTES), id: u32 })

export const NEXTHOP_GROUPS: Family = {
  name: 'nexthop-group',
  toZebra: { ZEBRA_NHG_ADD: NHG_ADD, ZEBRA_NHG_DEL: NHG_DEL },
  toBgpd: { ZEBRA_NHG_NOTIFY_OWNER: NHG_NOTIFY_OWNER },
}
