// The path attributes that are understood, apart from MP_REACH_NLRI and MP_UNREACH_NLRI, which are routes.
import { isHostIp } from '../../base/address.js'
import { ipv4Bytes } from '../address.js'
import { AGGREGATOR, AS4_AGGREGATOR, AS4_PATH, AS_PATH } from './as-path.js'
import { type AttributeCodec, OPTIONAL, WELL_KNOWN, fromInternalOnly, readList } from './codec.js'
import { COMMUNITIES, EXTENDED_COMMUNITIES, LARGE_COMMUNITIES } from './communities.js'
import { PMSI_TUNNEL } from './pmsi-tunnel.js'

/** In the order of their numbers, from 0. */
const ORIGINS = ['igp', 'egp', 'incomplete'] as const
export type Origin = (typeof ORIGINS)[number]

const ORIGIN: AttributeCodec<Origin> = {
  code: 1,
  name: 'ORIGIN',
  flags: WELL_KNOWN,
  malformed: 'treat-as-withdraw',
  read(value) {
    const number = value.u8('value')
    const origin = ORIGINS[number]
    if (origin === undefined) throw value.fault('value', 1, `${number}, expected 0 to ${ORIGINS.length - 1}`)
    return origin
  },
  write(writer, origin) {
    writer.u8(ORIGINS.indexOf(origin))
  },
}

const NEXT_HOP: AttributeCodec<string> = {
  code: 3,
  name: 'NEXT_HOP',
  flags: WELL_KNOWN,
  malformed: 'treat-as-withdraw',
  read(value) {
    const ip = value.ip('IPv4 address', 4)
    // RFC 4271 6.3: it must be an address that a host can have
    if (!isHostIp(ip)) throw value.fault('IPv4 address', 4, `${ip}, expected a host's address`)
    return ip
  },
  write(writer, ip) {
    writer.bytes(ipv4Bytes(ip))
  },
}

/** An attribute that is a number of four bytes. */
const u32 = (rest: Omit<AttributeCodec<number>, 'malformed' | 'read' | 'write'>): AttributeCodec<number> => ({
  ...rest,
  malformed: 'treat-as-withdraw',
  read: (value) => value.u32('value'),
  write(writer, number) {
    writer.u32(number)
  },
})

const ATOMIC_AGGREGATE: AttributeCodec<true> = {
  code: 6,
  name: 'ATOMIC_AGGREGATE',
  flags: WELL_KNOWN,
  malformed: 'attribute-discard',
  read: () => true,
  write: () => undefined,
}

// RFC 4456 8; both are router ids, as dotted quads
const ORIGINATOR_ID: AttributeCodec<string> = {
  code: 9,
  name: 'ORIGINATOR_ID',
  flags: OPTIONAL,
  malformed: 'treat-as-withdraw',
  isIgnored: fromInternalOnly,
  read: (value) => value.ip('router id', 4),
  write(writer, id) {
    writer.bytes(ipv4Bytes(id))
  },
}

const CLUSTER_LIST: AttributeCodec<readonly string[]> = {
  code: 10,
  name: 'CLUSTER_LIST',
  flags: OPTIONAL,
  malformed: 'treat-as-withdraw',
  isIgnored: fromInternalOnly,
  read: (value) => readList(value, 4, (next) => next.ip('cluster id', 4)),
  write(writer, ids) {
    for (const id of ids) writer.bytes(ipv4Bytes(id))
  },
}

/** By the name that decoded attributes have, in the order of codes. */
export const ATTRIBUTES = {
  origin: ORIGIN,
  asPath: AS_PATH,
  nextHop: NEXT_HOP,
  med: u32({ code: 4, name: 'MULTI_EXIT_DISC', flags: OPTIONAL }),
  localPref: u32({ code: 5, name: 'LOCAL_PREF', flags: WELL_KNOWN, isIgnored: fromInternalOnly }),
  atomicAggregate: ATOMIC_AGGREGATE,
  aggregator: AGGREGATOR,
  communities: COMMUNITIES,
  originatorId: ORIGINATOR_ID,
  clusterList: CLUSTER_LIST,
  extendedCommunities: EXTENDED_COMMUNITIES,
  as4Path: AS4_PATH,
  as4Aggregator: AS4_AGGREGATOR,
  pmsiTunnel: PMSI_TUNNEL,
  largeCommunities: LARGE_COMMUNITIES,
}

export type AttributeKey = keyof typeof ATTRIBUTES
type ValueOf<C> = C extends AttributeCodec<infer T> ? T : never

/** An attribute that is not in the table; `flags` as received. */
export type UnknownAttribute = { readonly flags: number; readonly code: number; readonly value: Buffer }

/** All that an UPDATE may have, as it is on the wire. */
export type WireAttributes = { -readonly [K in AttributeKey]?: ValueOf<(typeof ATTRIBUTES)[K]> } & {
  unknown: readonly UnknownAttribute[]
}

/** What routes have in common; AS numbers are whole, whatever the neighbour's size of them. */
export type Attributes = Readonly<Omit<WireAttributes, 'as4Path' | 'as4Aggregator'>>
