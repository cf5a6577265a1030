// The proxy's routes on the wire, and other speakers' routes from it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { MessageType, messageType } from '../../src/bgp/header.js'
import { MessageScanner } from '../../src/bgp/scanner.js'
import { decodeUpdate, type Update } from '../../src/bgp/update.js'
import type { RouteAction } from '../../src/proxy/decision/announce.js'
import { inputsOf } from '../../src/proxy/bgp/others.js'
import { automaticRouteTarget, indexVnis, type RouteSettings } from '../../src/proxy/bgp/settings.js'
import { updatesOf } from '../../src/proxy/bgp/updates.js'
import type { Input } from '../../src/proxy/decision/input.js'
import { announcementKey, type Announcement } from '../../src/proxy/decision/model.js'
import { RELEASES, ROOT } from '../../lab/frr.js'
import { hex } from '../bgp/build.js'
import { MAC1, MAC2, S1, S2 } from './driven.js'

const settingsOf = (routerId: string, localAs = 65001): RouteSettings => ({
  routerId,
  localAs,
  mark: '65000:4789',
  vnis: new Map([[100, { index: 100, routeTargets: [automaticRouteTarget(localAs, 100)] }]]),
})
const OURS = settingsOf('192.0.2.250')
/** Another proxy, or whoever else sees our routes. */
const THEIRS = settingsOf('192.0.2.251')
const INTERNAL = { fourOctetAs: true, internal: true, maxMessage: 4096 }

const macIp = (more: Partial<Extract<Announcement, { type: 'macip' }>> = {}): Announcement => ({
  ...{ type: 'macip', vni: 100, vtep: S1, mac: MAC1, ip: undefined },
  ...{ seq: 0, isSticky: false, isRouter: false },
  ...more,
})
const announce = (route: Announcement): RouteAction => ({ type: 'announce', route })
const withdraw = (route: Announcement): RouteAction => ({ type: 'withdraw', route })

function read(bytes: Buffer, format = INTERNAL): Update {
  const result = decodeUpdate(bytes, format)
  assert.ok(result.kind === 'ok', result.kind)
  return result.update
}

/** What another speaker makes of our UPDATEs. */
const seen = (updates: readonly Buffer[], format = INTERNAL): Input[] =>
  updates.flatMap((bytes) => inputsOf('rr', read(bytes, format), THEIRS))

suite('a route of the proxy', () => {
  test('of a VTEP, byte by byte: originator, next hop and tunnel endpoint are the VTEP', () => {
    const [bytes, ...more] = updatesOf([announce({ type: 'imet', vni: 100, vtep: S1 })], OURS, INTERNAL)
    assert.equal(more.length, 0)
    const attributes = [
      // MP_REACH_NLRI: EVPN, next hop 192.0.2.1, type 3: RD 192.0.2.250:100, tag 0, originator 192.0.2.1
      '80 0e 1c 0019 46 04 c0000201 00 03 11 0001 c00002fa 0064 00000000 20 c0000201',
      '40 01 01 00', // ORIGIN
      '40 02 00', // AS_PATH
      '40 05 04 00000064', // LOCAL_PREF
      'c0 08 04 fde8 12b5', // 65000:4789
      'c0 10 10 0002 fde9 00000064 030c 00000000 0008', // RT 65001:100, VXLAN
      'c0 16 09 00 06 000064 c0000201', // ingress replication, VNI 100
    ]
    const all = hex(...attributes)
    const length = Buffer.from([0, 0, all.length >> 8, all.length & 0xff])
    const header = Buffer.concat([Buffer.alloc(16, 0xff), Buffer.from([0, 23 + all.length, 2])])
    assert.deepEqual(bytes, Buffer.concat([header, length, all]))
  })

  test('of a host: sequence number, sticky and router are what others read', () => {
    const routes = [
      macIp(),
      macIp({ ip: '10.0.0.1', seq: 7 }),
      macIp({ ip: '2001:db8::1', isSticky: true, isRouter: true }),
    ]
    const inputs = seen(updatesOf(routes.map(announce), OURS, INTERNAL))
    assert.deepEqual(
      inputs.map((input) =>
        input.type === 'route' ? [input.route.nextHop, input.route.isMarked, input.route.macIp] : [],
      ),
      [
        [S1, true, { mac: MAC1, ip: undefined, seq: 0, isSticky: false, isGateway: false }],
        [S1, true, { mac: MAC1, ip: '10.0.0.1', seq: 7, isSticky: false, isGateway: false }],
        [S1, true, { mac: MAC1, ip: '2001:db8::1', seq: 0, isSticky: true, isGateway: false }],
      ],
    )
  })

  test('a move is one new route in the place of the old one, and its withdrawal takes it away', () => {
    const keys = seen(
      updatesOf(
        [announce(macIp()), announce(macIp({ vtep: S2, seq: 1 })), withdraw(macIp({ vtep: S2 }))],
        OURS,
        INTERNAL,
      ),
    ).map((input) => (input.type === 'route' ? input.route.key : input.type === 'route-withdrawn' ? input.key : ''))
    assert.equal(keys.length, 3)
    assert.equal(new Set(keys).size, 1)
  })

  test('with eBGP: our AS in the path, no local preference', () => {
    const format = { ...INTERNAL, internal: false }
    const [bytes] = updatesOf([announce(macIp())], settingsOf('192.0.2.250', 4_200_000_000), format)
    const { attributes } = read(bytes ?? Buffer.alloc(0), format)
    assert.deepEqual(attributes.asPath, [{ kind: 'sequence', as: [4_200_000_000] }])
    assert.equal(attributes.localPref, undefined)
  })

  test('comes back from a reflector and is not taken for another speaker’s', () => {
    const [bytes] = updatesOf([announce(macIp())], OURS, INTERNAL)
    assert.deepEqual(inputsOf('rr', read(bytes ?? Buffer.alloc(0)), OURS), [])
  })
})

test('UPDATEs keep the order, whatever shares them: what others know in the end is what was said last', () => {
  const announcement = fc
    .record({
      vtep: fc.constantFrom(S1, S2),
      mac: fc.constantFrom(MAC1, MAC2),
      ip: fc.constantFrom(undefined, '10.0.0.1', '2001:db8::1'),
      seq: fc.nat(2),
    })
    .map((more) => macIp(more))
  const action = fc.oneof(
    announcement.map(announce),
    announcement.map(withdraw),
    fc.constantFrom(S1, S2).map((vtep) => announce({ type: 'imet', vni: 100, vtep })),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), fc.constantFrom(200, 4096, 65535), (actions, maxMessage) => {
      const wanted = new Map<string, string>()
      for (const { type, route } of actions) {
        if (type === 'withdraw') wanted.delete(announcementKey(route))
        else wanted.set(announcementKey(route), `${route.vtep} ${route.type === 'macip' ? route.seq : ''}`)
      }
      const known = new Map<string, string>()
      const updates = updatesOf(actions, OURS, { ...INTERNAL, maxMessage })
      for (const input of seen(updates)) {
        if (input.type === 'route-withdrawn') known.delete(input.key)
        else if (input.type === 'route') {
          const { key, nextHop, macIp: of } = input.route
          known.set(key, `${nextHop} ${of?.seq ?? ''}`)
        }
      }
      for (const bytes of updates) assert.ok(bytes.length <= maxMessage)
      assert.deepEqual([...known.values()].sort(), [...wanted.values()].sort())
    }),
  )
})

test('many hosts of one VTEP share UPDATEs', () => {
  const routes = Array.from({ length: 1000 }, (_, number) =>
    announce(
      macIp({
        mac: `02:00:00:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}`,
      }),
    ),
  )
  const updates = updatesOf(routes, OURS, INTERNAL)
  assert.ok(updates.length < 15, `${updates.length}`)
  assert.equal(seen(updates).length, 1000)
})

for (const release of RELEASES) {
  test(`FRR ${release}: its VTEP speaks EVPN itself, and its hosts are told with their sequence numbers`, () => {
    const bytes = readFileSync(join(ROOT, 'test/fixtures/bgp', `${release}.bin`))
    const inputs = [...new MessageScanner().push(bytes)]
      .filter((message) => messageType(message) === MessageType.UPDATE)
      .flatMap((message) => inputsOf('rr', read(message), THEIRS))
    const routes = inputs.flatMap((input) => (input.type === 'route' ? [input.route] : []))
    assert.ok(
      routes.some(({ macIp: of }) => of === undefined),
      'Type 3',
    )
    assert.ok(routes.some(({ macIp: of }) => of?.ip !== undefined && of.seq === 0))
    assert.ok(
      routes.some(({ macIp: of }) => (of?.seq ?? 0) > 0),
      'moved',
    )
    assert.ok(routes.some(({ macIp: of }) => of?.isSticky === true))
    assert.ok(inputs.some(({ type }) => type === 'route-withdrawn'))
    assert.ok(routes.every(({ isMarked, vni }) => !isMarked && vni === 100))
  })
}

test('numbers of VNIs in route distinguishers: its own, or the highest that is free', () => {
  const indices = indexVnis([70_000, 100, 65_535, 16_777_215])
  assert.deepEqual(
    [...indices].sort(([one], [other]) => one - other),
    [
      [100, 100],
      [65_535, 65_535],
      [70_000, 65_534],
      [16_777_215, 65_533],
    ],
  )
})
