import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FpmView } from '../../src/fpm/view.js'
import * as forwarding from '../rtnetlink/forwarding-writer.js'
import { attr, message, u16, u32 } from '../rtnetlink/writer.js'
import { decodeAll, frame, hostRoute, hostRouteBy, mac, replayedRouterMac } from './build.js'
import { bytes, number } from './proto-writer.js'

const IPV6 = Buffer.alloc(16, 0x20)
const KEY = bytes(4, bytes(1, number(1, 32), bytes(2, Buffer.of(10, 2, 1, 21))))
const ADDED = bytes(
  2,
  number(1, 0),
  number(2, 1),
  number(3, 1),
  KEY,
  number(6, 9),
  number(8, 1),
  bytes(9, bytes(2, number(1, 7))),
)

const SAMPLES = [
  ...[
    hostRoute('10.2.1.21', ['192.0.2.2', '192.0.2.3'], { vni: 4001, table: 1001 }),
    hostRoute('2001:db8:0:0:0:0:0:1', ['192.0.2.2'], { gone: true }),
    hostRouteBy('10.2.1.21', 9),
    forwarding.route('10.2.0.0', 16, [attr(21, u16(1)), attr(22, attr(1, forwarding.labels(3, 4))), forwarding.oif(3)]),
    forwarding.nexthop(9, [forwarding.group([7, 1], [8, 2])]),
    forwarding.nexthop(7, [attr(6, forwarding.ip('192.0.2.2')), attr(5, u32(3))]),
    mac('bc2411000002', { vni: 100, vlan: 20 }),
    mac('bc2411000002', { gone: true }),
    replayedRouterMac('02aabbccdd01', '192.0.2.2'),
    message(24, [forwarding.rtmsg({ family: 28, length: 20 }), attr(1, forwarding.labels(16))]),
  ].map((netlink) => frame(1, netlink)),
  frame(2, number(1, 1), ADDED),
  frame(2, number(1, 2), bytes(3, number(1, 0), number(2, 1), number(3, 1), KEY)),
  frame(2, number(1, 3), bytes(4, bytes(1, bytes(1, IPV6)), bytes(2, number(1, 32)), bytes(9, number(1, 7)))),
]

/** Decodes a frame, shows it and lets a view see it: none of this may throw. Returns how many messages there were. */
function survives(bytes: Buffer): number {
  const view = new FpmView({ limits: { macs: 4, hostRoutes: 4, nexthops: 4, routes: 4 } })
  view.opened(0)
  const messages = decodeAll(bytes)
  for (const message of messages) {
    JSON.stringify(message)
    view.apply(message, 1)
  }
  for (const route of view.allHostRoutes()) view.paths(route)
  view.closed(2)
  view.tick(view.deadline() ?? 0)
  const { macs, hostRoutes, nexthops } = view.status()
  assert.deepEqual([macs, hostRoutes, nexthops], [0, 0, 0])
  return messages.length
}

test('each sample is what it is meant to be', () => {
  for (const sample of SAMPLES)
    for (const { kind } of decodeAll(sample)) assert.ok(kind !== 'malformed' && kind !== 'other', kind)
})

test('random payloads of either format, random bodies behind a true netlink header', () => {
  const payload = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(fc.constantFrom(1, 2), payload, (type, body) => {
      survives(frame(type, body))
    }),
    { numRuns: 3000 },
  )
  const type = fc.constantFrom(24, 25, 28, 29, 104, 105)
  const family = fc.constantFrom(0, 2, 7, 10, 28)
  fc.assert(
    fc.property(type, family, payload, (type, family, body) => {
      assert.equal(survives(frame(1, message(type, [Buffer.of(family), Buffer.from(body)]))), 1)
    }),
    { numRuns: 3000 },
  )
})

test('good frames with changed bytes, and cut anywhere', () => {
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255) })
  fc.assert(
    fc.property(fc.constantFrom(...SAMPLES), fc.array(change, { minLength: 1, maxLength: 6 }), (sample, changes) => {
      const bytes = Buffer.from(sample)
      // the header is the scanner's affair
      for (const { at, byte } of changes) bytes[4 + (at % (bytes.length - 4))] = byte
      survives(bytes)
    }),
    { numRuns: 5000 },
  )
  for (const sample of SAMPLES)
    for (let length = 4; length < sample.length; length++) survives(sample.subarray(0, length))
})

test('frames made to be expensive cost no more than their length', () => {
  const deep = Buffer.alloc(65_000, 0x0b)
  assert.equal(survives(frame(2, deep)), 1)
  const many = frame(1, ...Array.from({ length: 4000 }, () => message(99, [])))
  assert.equal(survives(many), 4000)
  const nested = frame(
    1,
    forwarding.nexthop(1, [forwarding.group(...Array.from({ length: 8000 }, (): [number, number] => [1, 1]))]),
  )
  assert.equal(survives(nested), 1)
  // groups of groups of groups: as many paths as a route can have, and not their product
  const view = new FpmView()
  view.opened(0)
  const group = (id: number, member: number): Buffer =>
    forwarding.nexthop(id, [forwarding.group(...Array.from({ length: 200 }, (): [number, number] => [member, 1]))])
  const empty = forwarding.nexthop(11, [forwarding.group()])
  const groups = [
    group(2, 1),
    group(3, 2),
    group(4, 3),
    group(5, 4),
    empty,
    group(12, 11),
    group(13, 12),
    group(14, 13),
  ]
  for (const netlink of [forwarding.nexthop(1, [attr(5, u32(3))]), ...groups])
    for (const message of decodeAll(frame(1, netlink))) view.apply(message, 1)
  assert.equal(view.paths({ nexthopId: 2, paths: [] })?.length, 200)
  assert.deepEqual(view.paths({ nexthopId: 12, paths: [] }), [])
  for (const nexthopId of [5, 14]) assert.equal(view.paths({ nexthopId, paths: [] }), undefined)
})
