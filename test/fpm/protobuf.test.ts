// The protobuf format against a writer and reader of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatIp } from '../../src/base/address.js'
import type { FpmMessage, FpmRoute } from '../../src/fpm/message.js'
import { fpm as proto } from '../../src/gen/fpm.js'
import { decodeAll, frame } from './build.js'
import { bytes, fixed32, number, read, varint } from './proto-writer.js'

function decode(...message: Buffer[]): FpmMessage {
  const [found, ...more] = decodeAll(frame(2, ...message))
  assert.ok(found !== undefined && more.length === 0)
  return found
}

const [ADD_ROUTE, DELETE_ROUTE, ADD_LOCALSID, DELETE_LOCALSID] = [1, 2, 3, 4]
const IPV6 = Buffer.from('20010db8000000000000000000000001', 'hex')

/** RouteKey, as field 4. */
const key = (length: number, prefix: Uint8Array): Buffer => bytes(4, bytes(1, number(1, length), bytes(2, prefix)))
const v4 = (address: number): Buffer => bytes(3, bytes(1, fixed32(1, address)))
const v6 = (address: Buffer): Buffer => bytes(3, bytes(2, bytes(1, address)))

// vrf_id 0, IPV4, UNICAST, 10.2.1.0/24, NORMAL, BGP, metric 20, two nexthops
const ADDED = [
  number(1, 0),
  number(2, 1),
  number(3, 1),
  key(24, Buffer.of(10, 2, 1)),
  number(5, 1),
  number(6, 9),
  number(8, 20),
  bytes(9, bytes(2, number(1, 7)), v4(0xc0000202)),
  bytes(9, bytes(2, number(1, 8), bytes(2, Buffer.from('eth1'))), v4(0xc0000203)),
]

const route = (part: Partial<FpmRoute>): FpmRoute => ({
  family: 4,
  prefix: '10.2.1.0',
  prefixLength: 24,
  source: undefined,
  in: { vrf: 0 },
  protocol: 'unspec',
  type: 'unspec',
  metric: undefined,
  mtu: undefined,
  nexthopId: undefined,
  nexthops: [],
  srv6: undefined,
  unknown: [],
  ...part,
})

test('a route is added', () => {
  const nexthop = { weight: 1, flags: 0, encap: undefined, unknown: [] }
  const expected = route({
    protocol: 'bgp',
    type: 'unicast',
    metric: 20,
    nexthops: [
      { gateway: '192.0.2.2', ifindex: 7, interfaceName: undefined, ...nexthop },
      { gateway: '192.0.2.3', ifindex: 8, interfaceName: 'eth1', ...nexthop },
    ],
  })
  const message = [number(1, ADD_ROUTE), bytes(2, ...ADDED)]
  assert.deepEqual(decode(...message), { kind: 'route', gone: false, replace: false, route: expected })
  // the order on the wire is free
  assert.deepEqual(decode(...message.reverse()), { kind: 'route', gone: false, replace: false, route: expected })
})

test('an IPv6 route through SRv6, a blackhole, a nexthop that is only an interface', () => {
  const head = [number(1, 12), number(2, 2), number(3, 1), key(128, IPV6)]
  const srv6 = decode(
    number(1, ADD_ROUTE),
    bytes(
      2,
      ...head,
      number(6, 4),
      number(8, -1),
      bytes(9, v6(IPV6)),
      bytes(10, bytes(1, IPV6)),
      bytes(11, bytes(1, IPV6)),
    ),
  )
  assert.ok(srv6.kind === 'route')
  assert.deepEqual(srv6.route.srv6, { source: '2001:db8::1', sid: '2001:db8::1' })
  assert.deepEqual(
    [srv6.route.in, srv6.route.prefix, srv6.route.prefixLength, srv6.route.metric, srv6.route.protocol],
    [{ vrf: 12 }, '2001:db8::1', 128, -1, 'static'],
  )
  assert.equal(srv6.route.nexthops[0]?.gateway, '2001:db8::1')
  const black = decode(
    number(1, ADD_ROUTE),
    bytes(2, ...head, number(5, 3), number(6, 10), number(8, 0), bytes(9, bytes(2, number(1, 3)))),
  )
  assert.ok(black.kind === 'route')
  assert.deepEqual([black.route.type, black.route.protocol], ['blackhole', 'other'])
  assert.deepEqual([black.route.nexthops[0]?.gateway, black.route.nexthops[0]?.ifindex], [undefined, 3])
})

test('a route is deleted', () => {
  const deleted = bytes(3, number(1, 5), number(2, 1), number(3, 1), key(0, Buffer.alloc(0)))
  assert.deepEqual(decode(number(1, DELETE_ROUTE), deleted), {
    kind: 'route',
    gone: true,
    replace: false,
    route: route({ in: { vrf: 5 }, prefix: '0.0.0.0', prefixLength: 0 }),
  })
})

const BEHAVIORS = [
  [3, 'end'],
  [4, 'end_x'],
  [5, 'end_t'],
  [7, 'end_dx6'],
  [8, 'end_dx4'],
  [9, 'end_dt6'],
  [10, 'end_dt4'],
  [11, 'end_dt46'],
  [12, 'un'],
  [13, 'ua'],
  [14, 'udt6'],
  [15, 'udt4'],
  [16, 'udt46'],
] as const

test('SRv6 local SIDs of FRR 10.1, with each behaviour', () => {
  const format = bytes(2, number(1, 32), number(2, 16), number(3, 16), number(4, 0))
  for (const [field, behavior] of BEHAVIORS) {
    const details = number(1, field)
    const sid = bytes(4, bytes(1, bytes(1, IPV6)), format, bytes(field, details))
    for (const [type, gone] of [
      [ADD_LOCALSID, false],
      [DELETE_LOCALSID, true],
    ] as const) {
      const message = decode(number(1, type), sid)
      assert.ok(message.kind === 'srv6-localsid')
      assert.equal(message.gone, gone)
      const { details: found, ...rest } = message.localSid
      assert.deepEqual(Buffer.from(found), details)
      assert.deepEqual(rest, {
        sid: '2001:db8::1',
        format: { blockLength: 32, nodeLength: 16, functionLength: 16, argumentLength: 0 },
        behavior,
      })
    }
  }
  const bare = decode(number(1, ADD_LOCALSID), bytes(4, bytes(1, bytes(1, IPV6))))
  assert.ok(bare.kind === 'srv6-localsid')
  assert.deepEqual([bare.localSid.behavior, bare.localSid.format], [undefined, undefined])
})

test('what the schema does not have is kept: fields, message types', () => {
  const message = decode(number(1, ADD_ROUTE), bytes(2, ...ADDED, bytes(200, Buffer.from('new'))))
  assert.ok(message.kind === 'route')
  assert.deepEqual(message.route.unknown, [{ type: 200, bytes: Buffer.concat([varint(3), Buffer.from('new')]) }])
  const unknown = number(1, 9)
  assert.deepEqual(decode(unknown), { kind: 'other', type: 9, bytes: unknown })
  assert.deepEqual(decode(), { kind: 'other', type: 0, bytes: Buffer.alloc(0) })
})

test('messages that lack something, or say what cannot be, are malformed', () => {
  const cases: [Buffer[], RegExp][] = [
    [[number(1, ADD_ROUTE)], /the message has no add_route/],
    [[number(1, DELETE_ROUTE), bytes(2, ...ADDED)], /the message has no delete_route/],
    [[number(1, ADD_ROUTE), bytes(2, ...ADDED.filter((_, index) => index !== 5))], /protocol/],
    [[number(1, ADD_ROUTE), bytes(2, ...ADDED, key(33, Buffer.of(10)))], /prefix of length 33/],
    [[number(1, ADD_ROUTE), bytes(2, ...ADDED, key(32, Buffer.alloc(5)))], /in 5 bytes/],
    [[number(1, ADD_ROUTE), bytes(2, ...ADDED, number(2, 0))], /address family 0/],
    [[number(1, ADD_ROUTE), bytes(2, ...ADDED, bytes(9, v6(IPV6.subarray(1))))], /16 bytes, not 15/],
    [[Buffer.of(0xff)], /./],
  ]
  for (const [message, what] of cases) {
    const found = decode(...message)
    assert.ok(found.kind === 'malformed', JSON.stringify(found))
    assert.match(found.error, what)
  }
})

test('any route written is the route read', () => {
  const address = (size: number): fc.Arbitrary<Buffer> =>
    fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes))
  const nexthop = fc.record({
    ifindex: fc.integer({ min: 1, max: 0xffffffff }),
    v4: fc.nat(0xffffffff),
    v6: address(16),
    six: fc.boolean(),
  })
  const arbitrary = fc.record({
    vrf: fc.nat(0xffffffff),
    six: fc.boolean(),
    prefix: address(16),
    length: fc.nat(128),
    metric: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
    nexthops: fc.array(nexthop, { maxLength: 10 }),
  })
  fc.assert(
    fc.property(arbitrary, ({ vrf, six, prefix, length, metric, nexthops }) => {
      const size = six ? 16 : 4
      const prefixLength = length % (size * 8 + 1)
      const sent = prefix.subarray(0, Math.ceil(prefixLength / 8))
      const found = decode(
        number(1, ADD_ROUTE),
        bytes(
          2,
          ...[number(1, vrf), number(2, six ? 2 : 1), number(3, 1), key(prefixLength, sent), number(6, 9)],
          number(8, metric),
          ...nexthops.map((nh) => bytes(9, bytes(2, number(1, nh.ifindex)), nh.six ? v6(nh.v6) : v4(nh.v4))),
        ),
      )
      assert.ok(found.kind === 'route', JSON.stringify(found))
      const expected = Buffer.alloc(size)
      sent.copy(expected)
      assert.equal(found.route.prefix, formatIp(expected))
      assert.deepEqual([found.route.prefixLength, found.route.in, found.route.metric], [prefixLength, { vrf }, metric])
      assert.deepEqual(
        found.route.nexthops.map(({ ifindex, gateway }) => ({ ifindex, gateway })),
        nexthops.map((nh) => {
          const four = Buffer.alloc(4)
          four.writeUInt32BE(nh.v4)
          return { ifindex: nh.ifindex, gateway: formatIp(nh.six ? nh.v6 : four) }
        }),
      )
    }),
  )
})

test('every message that our schema writes has the numbers of the wire', () => {
  const { MessageType, AddressFamily, SubAddressFamily, RouteType, Protocol } = proto
  const key = { prefix: { length: 24, bytes: Buffer.of(10, 2, 1) } }
  const names = { vrfId: 1, addressFamily: AddressFamily.IPV4, subAddressFamily: SubAddressFamily.UNICAST, key }
  const add = proto.AddRoute.encode({
    ...names,
    routeType: RouteType.BLACKHOLE,
    protocol: Protocol.BGP,
    metric: 7,
    nexthops: [
      { ifId: { index: 3, name: 'e' }, address: { v4: { value: 0xc0000202 } } },
      { address: { v6: { bytes: IPV6 } } },
    ],
    srv6EncapSourceAddress: { bytes: IPV6 },
    srv6VpnSid: { bytes: IPV6 },
  }).finish()
  const prefix = bytes(1, number(1, 24), bytes(2, Buffer.of(10, 2, 1)))
  const expectedKey = [number(1, 1), number(2, 1), number(3, 1), bytes(4, prefix)]
  const expected = [
    ...expectedKey,
    number(5, 3),
    number(6, 9),
    number(8, 7),
    bytes(9, bytes(2, number(1, 3), bytes(2, Buffer.from('e'))), v4(0xc0000202)),
    bytes(9, v6(IPV6)),
    bytes(10, bytes(1, IPV6)),
    bytes(11, bytes(1, IPV6)),
  ]
  assert.deepEqual(read(add), read(Buffer.concat(expected)))
  assert.deepEqual(read(proto.DeleteRoute.encode(names).finish()), read(Buffer.concat(expectedKey)))
  const sid = {
    sid: { bytes: IPV6 },
    sidFormat: { locatorBlockLength: 1, locatorNodeLength: 2, functionLength: 3, argumentLength: 4 },
  }
  const head = [bytes(1, bytes(1, IPV6)), bytes(2, number(1, 1), number(2, 2), number(3, 3), number(4, 4))]
  for (const [field, behavior] of BEHAVIORS) {
    const name = behavior.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    const written = proto.SRv6LocalSID.encode({ ...sid, [name]: Buffer.of(8, 1) }).finish()
    assert.deepEqual(read(written), read(Buffer.concat([...head, bytes(field, Buffer.of(8, 1))])))
  }
  const types = [
    [{ type: MessageType.ADD_ROUTE, addRoute: proto.AddRoute.decode(add) }, [number(1, 1), bytes(2, add)]],
    [{ type: MessageType.DELETE_ROUTE, deleteRoute: names }, [number(1, 2), bytes(3, ...expectedKey)]],
    [{ type: MessageType.ADD_SRV6_LOCALSID, srv6Localsid: sid }, [number(1, 3), bytes(4, ...head)]],
    [{ type: MessageType.DELETE_SRV6_LOCALSID, srv6Localsid: sid }, [number(1, 4), bytes(4, ...head)]],
  ] as const
  for (const [message, parts] of types) {
    assert.deepEqual(read(proto.Message.encode(message).finish()), read(Buffer.concat(parts)))
  }
})
