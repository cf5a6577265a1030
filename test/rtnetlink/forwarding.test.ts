// Routes, nexthop objects, FDB entries.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatIp } from '../../src/base/address.js'
import { NetlinkDecodeError } from '../../src/netlink/error.js'
import { netlinkMessages } from '../../src/netlink/message.js'
import { decodeFdbEntry, type FdbEntry } from '../../src/rtnetlink/neighbour.js'
import { decodeNexthop, type NexthopObject } from '../../src/rtnetlink/nexthop.js'
import { decodeRoute, type IpRoute, type MplsRoute, type RouteNexthop } from '../../src/rtnetlink/route.js'
import * as forwarding from './forwarding-writer.js'
import { attr, hex, message, u16, u32, u8 } from './writer.js'

function one<T>(bytes: Buffer, decode: (message: never) => T): T {
  const [found, ...more] = [...netlinkMessages(bytes)]
  assert.ok(found !== undefined && more.length === 0)
  return decode(found as never)
}
const anyRoute = (bytes: Buffer): IpRoute | MplsRoute | undefined => one(bytes, decodeRoute)
const nexthop = (bytes: Buffer): NexthopObject => one(bytes, decodeNexthop)
const fdb = (bytes: Buffer): FdbEntry | undefined => one(bytes, decodeFdbEntry)

function route(bytes: Buffer): IpRoute {
  const found = anyRoute(bytes)
  assert.ok(found !== undefined && 'prefix' in found)
  return found
}

function refused(decode: () => unknown, offset: number, what: RegExp): void {
  assert.throws(decode, (error) => {
    assert.ok(error instanceof NetlinkDecodeError, String(error))
    assert.match(error.message, what)
    assert.equal(error.offset, offset, error.message)
    return true
  })
}

const { gateway, oif, rtnexthop, vxlanEncap, ONLINK } = forwarding
const path = (part: Partial<RouteNexthop>): RouteNexthop => ({
  gateway: undefined,
  ifindex: undefined,
  weight: 1,
  flags: 0,
  encap: undefined,
  labels: undefined,
  unknown: [],
  ...part,
})

// what FRR 8.5.4 sends for a host behind 192.0.2.2, VNI 4001, through ifindex 7, in table 1001
const EVPN_HOST = `
  58000000 1800 0105 00000000 00000000
  02 20 00 00  00 ba 00 01  04000000
  08000100 0a020115
  08000f00 e9030000
  08000600 14000000
  06001500 64000000
  0c001600 08000000 a10f0000
  08000500 c0000202
  08000400 07000000`

test('a host route with VNI, byte for byte', () => {
  assert.deepEqual(route(hex(EVPN_HOST)), {
    family: 4,
    prefix: '10.2.1.21',
    prefixLength: 32,
    source: undefined,
    tos: 0,
    preferredSource: undefined,
    table: 1001,
    protocol: 186,
    scope: 0,
    type: 1,
    flags: ONLINK,
    metric: 20,
    mtu: undefined,
    nexthopId: undefined,
    nexthops: [path({ gateway: '192.0.2.2', ifindex: 7, flags: ONLINK, encap: { kind: 'vxlan', vni: 4001 } })],
    unknown: [],
  })
})

test('a default route, IPv6, a source prefix, MTU, preferred source, an IPv6 gateway of an IPv4 route', () => {
  const bare = message(forwarding.NEWROUTE, [forwarding.rtmsg({ family: 10, length: 0 })])
  const { prefix, prefixLength, nexthops } = route(bare)
  assert.deepEqual({ prefix, prefixLength, nexthops }, { prefix: '::', prefixLength: 0, nexthops: [] })
  const found = route(
    forwarding.route(
      '2001:db8:0:0:0:0:0:0',
      32,
      [
        attr(2, forwarding.ip('2001:db8:1:0:0:0:0:0')),
        attr(7, forwarding.ip('2001:db8:0:0:0:0:0:9')),
        attr(0x8008, attr(2, u32(1400))),
      ],
      { sourceLength: 48, tos: 8 },
    ),
  )
  assert.equal(found.source, '2001:db8:1::/48')
  assert.equal(found.preferredSource, '2001:db8::9')
  assert.equal(found.mtu, 1400)
  assert.equal(found.tos, 8)
  const via = attr(18, u16(10), forwarding.ip('fe80:0:0:0:0:0:0:1'))
  assert.deepEqual(route(forwarding.route('10.0.0.0', 8, [via, oif(3)])).nexthops, [
    path({ gateway: 'fe80::1', ifindex: 3 }),
  ])
})

test('many nexthops: weight, flags and encapsulation of each', () => {
  const multipath = attr(
    9,
    rtnexthop(7, 1, ONLINK, vxlanEncap(4001), gateway('192.0.2.2')),
    rtnexthop(7, 200, ONLINK, vxlanEncap(4002), gateway('192.0.2.3')),
    rtnexthop(2, 3, 0),
  )
  assert.deepEqual(route(forwarding.route('10.2.1.21', 32, [multipath])).nexthops, [
    path({ gateway: '192.0.2.2', ifindex: 7, flags: ONLINK, encap: { kind: 'vxlan', vni: 4001 } }),
    path({ gateway: '192.0.2.3', ifindex: 7, flags: ONLINK, weight: 200, encap: { kind: 'vxlan', vni: 4002 } }),
    path({ ifindex: 2, weight: 3 }),
  ])
})

test('encapsulations behind many nexthops (FRR up to 10.0) go to those they belong to, or are kept', () => {
  const evpn = (address: string): Buffer => rtnexthop(7, 1, ONLINK, gateway(address))
  const plain = rtnexthop(2, 1, 0, gateway('192.0.2.9'))
  const vnis = (...parts: Buffer[]): unknown => {
    const { nexthops, unknown } = route(forwarding.route('10.2.1.21', 32, parts))
    const vni = ({ encap }: RouteNexthop): unknown => (encap?.kind === 'vxlan' ? encap.vni : undefined)
    return { vnis: nexthops.map(vni), unknown: unknown.length }
  }
  const two = attr(9, evpn('192.0.2.2'), evpn('192.0.2.3'))
  assert.deepEqual(vnis(two, vxlanEncap(1), vxlanEncap(2)), { vnis: [1, 2], unknown: 0 })
  const mixed = attr(9, plain, evpn('192.0.2.2'), evpn('192.0.2.3'))
  assert.deepEqual(vnis(mixed, vxlanEncap(1), vxlanEncap(2)), { vnis: [undefined, 1, 2], unknown: 0 })
  assert.deepEqual(vnis(mixed, vxlanEncap(1)), { vnis: [undefined, undefined, undefined], unknown: 1 })
})

test('MPLS: a label, what replaces it, and the labels of an IP route', () => {
  const body = [
    forwarding.rtmsg({ family: 28, length: 20 }),
    attr(1, forwarding.labels(1048575)),
    attr(19, forwarding.labels(16, 17)),
    attr(18, u16(2), forwarding.ip('192.0.2.2')),
    oif(3),
  ]
  const found = anyRoute(message(forwarding.NEWROUTE, body))
  assert.ok(found !== undefined && 'label' in found)
  assert.equal(found.label, 1048575)
  assert.deepEqual(found.nexthops, [path({ gateway: '192.0.2.2', ifindex: 3, labels: [16, 17] })])
  const encap = [attr(21, u16(1)), attr(22, attr(1, forwarding.labels(100, 200)))]
  const [labelled] = route(forwarding.route('10.0.0.0', 8, [...encap, gateway('192.0.2.2')])).nexthops
  assert.deepEqual(labelled?.encap, { kind: 'mpls', labels: [100, 200] })
})

test('unknown attributes and encapsulations are kept', () => {
  const inner = rtnexthop(3, 1, 0, attr(61, u8(1)))
  const bytes = forwarding.route('10.0.0.0', 8, [attr(60, hex('0102 03')), attr(9, inner)])
  const found = route(bytes)
  assert.deepEqual(found.unknown, [{ type: 60, bytes: hex('010203') }])
  assert.deepEqual(found.nexthops[0]?.unknown, [{ type: 61, bytes: hex('01') }])
  const seg6 = [attr(21, u16(5)), attr(22, hex('0a0b')), oif(3)]
  assert.deepEqual(route(forwarding.route('10.0.0.0', 8, seg6)).nexthops[0]?.encap, {
    kind: 'other',
    type: 5,
    bytes: hex('0a0b'),
  })
})

test('routes that make no sense are refused, with the offset', () => {
  const raw = (header: Parameters<typeof forwarding.rtmsg>[0], ...attributes: Buffer[]): Buffer =>
    message(forwarding.NEWROUTE, [forwarding.rtmsg(header), ...attributes])
  const cases: [Buffer, number, RegExp][] = [
    [raw({ length: 33 }, attr(1, u32(0))), 17, /prefix length 33, expected at most 32/],
    [raw({ family: 10, length: 129 }), 17, /prefix length 129/],
    [raw({ length: 8 }), 17, /prefix length 8 without an address/],
    [raw({}, attr(1, Buffer.alloc(16))), 32, /attribute 1 of 16 bytes, expected 4/],
    [raw({}, attr(1, u32(0)), attr(6, u16(1))), 40, /attribute 6 of 2 bytes, expected 4/],
    [raw({}, attr(1, u32(0)), attr(5, hex('0102030405'))), 40, /attribute 5 of 5 bytes, expected an IP address/],
    [raw({}, attr(1, u32(0)), attr(9, hex('0700000000000000'))), 40, /rtnh_len 7, expected 8 to 8/],
    [raw({}, attr(1, u32(0)), attr(9, hex('0900000000000000'))), 40, /rtnh_len 9, expected 8 to 8/],
    [raw({}, attr(1, u32(0)), attr(9, hex('080000'))), 40, /3 bytes left, rtnexthop has 8/],
    [raw({}, attr(1, u32(0)), attr(22, attr(0, u32(1)))), 40, /an encapsulation without its type/],
    [raw({}, attr(1, u32(0)), vxlanEncap(0x1000000)), 48, /VNI 16777216, expected at most 16777215/],
    [raw({}, attr(1, u32(0)), attr(21, u16(100)), attr(22)), 48, /without VNI/],
    [
      raw({ family: 28, length: 32 }, attr(1, forwarding.labels(1))),
      17,
      /rtm_dst_len 32 of an MPLS route, expected 20/,
    ],
    [raw({ family: 28, length: 20 }, attr(1, forwarding.labels(1, 2))), 28, /without RTA_DST of one label/],
    [message(forwarding.NEWROUTE, [Buffer.alloc(11)]), 16, /rtmsg of 11 bytes, expected 12/],
  ]
  for (const [bytes, offset, what] of cases) refused(() => anyRoute(bytes), offset, what)
})

test('a nexthop object: one path, a group, a blackhole', () => {
  const single = nexthop(forwarding.nexthop(7, [attr(6, forwarding.ip('192.0.2.2')), attr(5, u32(3))], { flags: 4 }))
  const expected = {
    id: 7,
    family: 2,
    protocol: 11,
    scope: 0,
    flags: 4,
    gateway: '192.0.2.2',
    ifindex: 3,
    blackhole: false,
    encap: undefined,
    group: undefined,
    groupType: undefined,
    unknown: [],
  }
  assert.deepEqual(single, expected)
  const many = nexthop(forwarding.nexthop(9, [forwarding.group([7, 1], [8, 65536]), attr(3, u16(0))], { family: 0 }))
  assert.deepEqual(many.group, [
    { id: 7, weight: 1 },
    { id: 8, weight: 65536 },
  ])
  assert.equal(many.groupType, 0)
  assert.equal(nexthop(forwarding.nexthop(3, [attr(4)])).blackhole, true)
  const mpls = [attr(7, u16(1)), attr(8, attr(1, forwarding.labels(99)))]
  assert.deepEqual(nexthop(forwarding.nexthop(3, mpls)).encap, { kind: 'mpls', labels: [99] })
  assert.deepEqual(nexthop(forwarding.nexthop(3, [attr(11)])).unknown, [{ type: 11, bytes: Buffer.alloc(0) }])
})

test('nexthop objects that make no sense are refused', () => {
  const without = message(forwarding.NEWNEXTHOP, [Buffer.alloc(8)])
  refused(() => nexthop(without), 24, /a nexthop without NHA_ID/)
  refused(() => nexthop(forwarding.nexthop(1, [attr(2, u32(1))])), 36, /attribute 2 of 4 bytes, expected members of 8/)
  refused(() => nexthop(forwarding.nexthop(1, [attr(8, u32(1))])), 36, /NHA_ENCAP without NHA_ENCAP_TYPE/)
})

test('an FDB entry: remote, local and synchronised, of the old module', () => {
  const mac = 'bc2411000002'
  const remote = [
    attr(12, u8(11)),
    attr(1, forwarding.ip('192.0.2.2')),
    attr(5, u16(20)),
    attr(11, u32(100)),
    attr(9, u32(3)),
  ]
  const expected = {
    ifindex: 4,
    mac: 'bc:24:11:00:00:02',
    vlan: 20,
    dst: '192.0.2.2',
    vni: undefined,
    srcVni: 100,
    nexthopId: undefined,
    master: 3,
    protocol: 11,
    flags: 0x16,
    state: 2,
    activityNotify: undefined,
    flagsExt: 0,
    dontRefresh: false,
    extended: false,
    unknown: [],
  }
  assert.deepEqual(fdb(forwarding.fdb(4, mac, remote)), expected)
  const synchronised = [attr(0x800e, attr(1, u8(3)), attr(2)), attr(1, u32(0))]
  const local = fdb(forwarding.fdb(5, mac, synchronised, { flags: forwarding.MASTER, state: 0x42 }))
  assert.deepEqual(
    [local?.dst, local?.activityNotify, local?.dontRefresh, local?.extended, local?.state],
    [undefined, 3, true, true, 0x42],
  )
  assert.equal(fdb(forwarding.fdb(4, mac, [attr(13, u32(77)), attr(7, u32(4001))]))?.nexthopId, 77)
  assert.equal(fdb(forwarding.fdb(4, mac, [attr(7, u32(4001))]))?.vni, 4001)
  assert.equal(fdb(forwarding.fdb(4, mac, [attr(1, forwarding.ip('2001:db8:0:0:0:0:0:2'))]))?.dst, '2001:db8::2')
  assert.deepEqual(fdb(forwarding.fdb(4, mac, [attr(40, u8(1))]))?.unknown, [{ type: 40, bytes: hex('01') }])
  // an IP neighbour is something else
  assert.equal(fdb(forwarding.fdb(4, mac, [], { family: 2 })), undefined)
  refused(() => fdb(forwarding.fdb(0, mac, [])), 20, /ndm_ifindex 0/)
  refused(() => fdb(forwarding.fdb(4, 'bc24110000', [])), 32, /attribute 2 of 5 bytes, expected 6/)
  refused(() => fdb(message(forwarding.NEWNEIGH, [u8(7), Buffer.alloc(11, 1)])), 28, /without NDA_LLADDR/)
})

test('any route written is the route read', () => {
  const address = (size: number): fc.Arbitrary<Buffer> =>
    fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes))
  const ifindex = fc.integer({ min: 1, max: 0x7fffffff })
  const path = fc.record({
    ifindex,
    weight: fc.integer({ min: 1, max: 256 }),
    gateway: fc.option(fc.oneof(address(4), address(16)), { nil: undefined }),
    vni: fc.option(fc.nat(0xffffff), { nil: undefined }),
  })
  const arbitrary = fc.record({
    family: fc.constantFrom(4, 6),
    bytes: address(16),
    length: fc.nat(128),
    table: fc.nat(0xffffffff),
    protocol: fc.nat(255),
    metric: fc.nat(0xffffffff),
    nexthops: fc.array(path, { maxLength: 20 }),
  })
  fc.assert(
    fc.property(arbitrary, ({ family, bytes, length, table, protocol, metric, nexthops }) => {
      const size = family === 4 ? 4 : 16
      const prefix = bytes.subarray(0, size)
      const prefixLength = length % (size * 8 + 1)
      const parts = nexthops.map(({ ifindex, weight, gateway, vni }) =>
        rtnexthop(
          ifindex,
          weight,
          0,
          ...(gateway === undefined ? [] : [attr(5, gateway)]),
          ...(vni === undefined ? [] : [vxlanEncap(vni)]),
        ),
      )
      const found = route(
        message(forwarding.NEWROUTE, [
          forwarding.rtmsg({ family: family === 4 ? 2 : 10, length: prefixLength, table: 0, protocol }),
          attr(1, prefix),
          attr(15, u32(table)),
          attr(6, u32(metric)),
          attr(9, ...parts),
        ]),
      )
      assert.deepEqual(
        [found.family, found.prefix, found.prefixLength, found.table, found.protocol, found.metric],
        [family, formatIp(prefix), prefixLength, table, protocol, metric],
      )
      assert.deepEqual(
        found.nexthops.map(({ ifindex, weight, gateway, encap }) => ({ ifindex, weight, gateway, encap })),
        nexthops.map(({ ifindex, weight, gateway, vni }) => ({
          ifindex,
          weight,
          gateway: gateway && formatIp(gateway),
          encap: vni === undefined ? undefined : { kind: 'vxlan', vni },
        })),
      )
    }),
  )
})
