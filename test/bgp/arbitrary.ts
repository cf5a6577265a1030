// Values that the codec can write, for property tests.
import fc from 'fast-check'
import { formatIp, formatMac } from '../../src/base/address.js'
import type { Administrator } from '../../src/bgp/administrator.js'
import type { Capability } from '../../src/bgp/capabilities.js'
import type { AsPath } from '../../src/bgp/attributes/as-path.js'
import type { ExtendedCommunity } from '../../src/bgp/attributes/extended-communities.js'
import type { Attributes } from '../../src/bgp/attributes/table.js'
import type { InclusiveMulticastRoute, MacIpRoute, OriginatedRoute } from '../../src/bgp/evpn/route.js'
import type { Open } from '../../src/bgp/open.js'

/** Objects as literals make them. */
const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true })

const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const u24 = fc.nat(0xffffff)
const u32 = fc.nat(0xffffffff)
const bytes = (minLength: number, maxLength = minLength) =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array))
const ipv4 = bytes(4).map((address) => formatIp(address))
const ip = fc.oneof(
  ipv4,
  bytes(16).map((address) => formatIp(address)),
)
const mac = bytes(6).map((address) => formatMac(address))
const esi = bytes(10).map((value) => value.toString('hex').match(/../g)?.join(':') ?? '')

const administrator: fc.Arbitrary<Administrator> = fc.oneof(
  record({ type: fc.constant('as2' as const), as: u16, number: u32 }),
  record({ type: fc.constant('ipv4' as const), ip: ipv4, number: u16 }),
  record({ type: fc.constant('as4' as const), as: u32, number: u16 }),
)

export const macIpRoute: fc.Arbitrary<MacIpRoute> = record({
  kind: fc.constant('mac-ip' as const),
  rd: administrator,
  esi,
  ethernetTag: u32,
  mac,
  ip: fc.option(ip, { nil: undefined }),
  labels: fc.oneof(fc.tuple(u24), fc.tuple(u24, u24)),
})

export const multicastRoute: fc.Arbitrary<InclusiveMulticastRoute> = record({
  kind: fc.constant('inclusive-multicast' as const),
  rd: administrator,
  ethernetTag: u32,
  originator: ip,
})

export const originatedRoute: fc.Arbitrary<OriginatedRoute> = fc.oneof(macIpRoute, multicastRoute)

const extendedCommunity: fc.Arbitrary<ExtendedCommunity> = fc.oneof(
  record({ kind: fc.constant('route-target' as const), target: administrator }),
  record({ kind: fc.constant('encapsulation' as const), tunnelType: u16 }),
  record({ kind: fc.constant('mac-mobility' as const), sticky: fc.boolean(), sequence: u32 }),
  fc.constant({ kind: 'default-gateway' as const }),
  record({ kind: fc.constant('router-mac' as const), mac }),
  record({
    kind: fc.constant('arp-nd' as const),
    router: fc.boolean(),
    override: fc.boolean(),
    immutable: fc.boolean(),
  }),
  record({ kind: fc.constant('esi-label' as const), singleActive: fc.boolean(), label: u24 }),
  record({ kind: fc.constant('es-import' as const), mac }),
  record({
    kind: fc.constant('unknown' as const),
    // a type that is not assigned
    bytes: bytes(6).map((value) => Buffer.concat([Buffer.from([0x8f, 0xff]), value])),
  }),
)

const asPath: fc.Arbitrary<AsPath> = fc.array(
  record({
    kind: fc.constantFrom('set', 'sequence', 'confed-set', 'confed-sequence'),
    as: fc.array(fc.oneof(u16, u32), { minLength: 1, maxLength: 12 }),
  }),
  { maxLength: 3 },
)

/** AS of a confederation have two octets, because AS4_PATH does not say them. */
const isWhole = (path: AsPath): boolean =>
  path.every(({ kind, as }) => !kind.startsWith('confed') || as.every((number) => number <= 0xffff))
/** Neighbouring sequences are one after a merge; which confederations stay is up to where they stand. */
const isMerged = (path: AsPath): boolean => path.length < 2 || path.every(({ kind }) => !kind.startsWith('confed'))

const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 20 })

/** Attributes that a two-octet neighbour understands as well as one of four. */
export const sentAttributes: fc.Arbitrary<Attributes> = fc
  .record(
    {
      med: u32,
      localPref: u32,
      atomicAggregate: fc.constant(true as const),
      aggregator: record({ as: u32, ip: ipv4 }),
      communities: list(fc.tuple(u16, u16).map((parts) => parts.join(':') as `${number}:${number}`)),
      originatorId: ipv4,
      clusterList: list(ipv4),
      extendedCommunities: list(extendedCommunity),
      pmsiTunnel: record({
        flags: u8,
        label: u24,
        tunnel: fc.oneof(
          record({ kind: fc.constant('ingress-replication' as const), endpoint: ip }),
          record({ kind: fc.constant('unknown' as const), type: fc.nat(5), identifier: bytes(0, 40) }),
        ),
      }),
      largeCommunities: list(
        fc.tuple(u32, u32, u32).map((parts) => parts.join(':') as `${number}:${number}:${number}`),
      ),
      origin: fc.constantFrom('igp', 'egp', 'incomplete'),
      asPath: asPath.filter((path) => isWhole(path) && isMerged(path)),
      unknown: fc.uniqueArray(
        record({
          flags: fc.constantFrom(0x80, 0xc0, 0xe0),
          code: fc.integer({ min: 100, max: 254 }),
          value: bytes(0, 300),
        }),
        { maxLength: 3, selector: ({ code }) => code },
      ),
    },
    { requiredKeys: ['origin', 'asPath', 'unknown'], noNullPrototype: true },
  )
  .map((attributes) => ({ ...attributes, unknown: [...attributes.unknown].sort((a, b) => a.code - b.code) }))

const family = record({ afi: u16, safi: u8 })
const name = fc.string({ maxLength: 60, unit: 'grapheme-ascii' })

const capability: fc.Arbitrary<Capability> = fc.oneof(
  family.map((value) => ({ kind: 'multiprotocol' as const, ...value })),
  fc.constantFrom('route-refresh', 'extended-message', 'enhanced-route-refresh').map((kind) => ({ kind })),
  record({
    kind: fc.constant('graceful-restart' as const),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartTime: fc.nat(4095),
    families: fc.array(record({ afi: u16, safi: u8, forwardingPreserved: fc.boolean() }), { maxLength: 60 }),
  }),
  record({
    kind: fc.constant('add-path' as const),
    families: fc.array(record({ afi: u16, safi: u8, mode: fc.constantFrom('receive', 'send', 'both') }), {
      maxLength: 60,
    }),
  }),
  record({ kind: fc.constant('fqdn' as const), hostname: name, domain: name }),
  record({ kind: fc.constant('unknown' as const), code: fc.integer({ min: 100, max: 255 }), value: bytes(0, 255) }),
)

/** With the AS of its own capability, and OPENs of more than 255 bytes of parameters among them. */
export const open: fc.Arbitrary<Open> = record({
  as: fc.integer({ min: 1, max: 0xffffffff }),
  holdTime: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 0xffff })),
  routerId: ipv4.filter((id) => id !== '0.0.0.0'),
  capabilities: fc.array(capability, { maxLength: 8 }),
}).map((value) => ({
  ...value,
  capabilities: [...value.capabilities, { kind: 'four-octet-as' as const, as: value.as }],
}))
