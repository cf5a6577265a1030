// ROUTE_ADD as lib/zclient.c of each release wrote it (its encoder compiled and run), and whole recorded conversations.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { dissect } from '../../src/zapi/dissect.js'
import { HEADER_SIZE, frameCommand, frameLength, frameVrf } from '../../src/zapi/frame.js'
import { type FrrRelease, frrRelease } from '../../src/zapi/releases.js'
import { encodeFrame } from '../../src/zapi/message.js'
import { type Direction, layoutOf } from '../../src/zapi/messages/index.js'
import { ROUTE } from '../../src/zapi/messages/route.js'
import { RELEASES, ROOT } from '../../lab/frr.js'

const VECTORS = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/zapi/route-add.json'), 'utf8')) as Record<
  string,
  Record<'evpn' | 'v6Table' | 'seg6', string>
>

function known(name: string): FrrRelease {
  const release = frrRelease(name)
  assert.ok(release, name)
  return release
}

/** Decoded by its layout and written again. */
function again(frame: Buffer, release: FrrRelease, direction: Direction): Buffer {
  const command = release.commandName(frameCommand(frame))
  assert.ok(command)
  const layout = layoutOf(command, direction)
  assert.ok(layout, command)
  const value = layout.decode(frame.subarray(HEADER_SIZE), release.features)
  return encodeFrame(release, command, frameVrf(frame), layout, value)
}

suite('ROUTE_ADD', () => {
  test('there are vectors of every release', () => {
    assert.deepEqual(Object.keys(VECTORS), [
      ...['8.4', '8.5', '9.0', '9.1', '10.0', '10.1', '10.2', '10.3', '10.4', '10.5', '10.6', '10.7', 'master'],
    ])
  })

  for (const [name, vectors] of Object.entries(VECTORS)) {
    const release = known(name)
    const { features } = release
    const decode = (hex: string) => ROUTE.decode(Buffer.from(hex, 'hex').subarray(HEADER_SIZE), features)
    const bgp = features.routeTypes[9] === 'bgp' ? 9 : 10

    test(`FRR ${name}: the same bytes again`, () => {
      for (const hex of Object.values(vectors)) {
        const frame = Buffer.from(hex, 'hex')
        assert.equal(again(frame, release, 'to-zebra').toString('hex'), hex)
        assert.equal(dissect(frame, release, 'to-zebra').undecoded, undefined)
      }
    })

    test(`FRR ${name}: EVPN route with router MAC, label and weight`, () => {
      const { fields, vrf, command, family } = dissect(Buffer.from(vectors.evpn, 'hex'), release, 'to-zebra')
      assert.deepEqual([command, family, vrf], ['ZEBRA_ROUTE_ADD', 'route', 5])
      assert.deepEqual(fields, {
        type: 'bgp',
        instance: 0,
        flags: ['ALLOW_RECURSION', 'EVPN_ROUTE'],
        message: ['NEXTHOP', 'DISTANCE', 'METRIC'],
        safi: 'unicast',
        prefix: '10.1.2.0/24',
        nexthops: [
          {
            vrfId: 5,
            type: 'IPV4_IFINDEX',
            flags: ['ONLINK', 'LABEL', 'WEIGHT', 'EVPN'],
            gate: '192.0.2.7',
            ifindex: 9,
            ...(features.labelType ? { labelType: 'none' } : {}),
            labels: [0x12345],
            weight: 7,
            rmac: '02:aa:bb:cc:dd:ee',
          },
        ],
        distance: 200,
        metric: 33,
      })
    })

    test(`FRR ${name}: IPv6 route with two nexthops, tag, MTU and table`, () => {
      const route = decode(vectors.v6Table)
      assert.equal(route.type, bgp)
      assert.equal(route.prefix, '2001:db8:1:2::/61')
      assert.equal(route.message, 0x119)
      assert.deepEqual([route.tag, route.mtu, route.table], [0x11223344, 1500, 1001])
      assert.deepEqual(
        route.nexthops?.map(({ gate, ifindex, blackhole }) => [gate, ifindex, blackhole]),
        [
          ['fe80::1', 3, undefined],
          [undefined, undefined, 2],
        ],
      )
    })

    test(`FRR ${name}: segment routing over IPv6`, () => {
      const route = decode(vectors.seg6)
      const [nexthop] = route.nexthops ?? []
      assert.ok(nexthop)
      assert.deepEqual(nexthop.segments, ['5a5a:5a5a:5a5a:5a5a:5a5a:5a5a:5a5a:5a5a'])
      assert.equal(nexthop.seg6Local?.context.length, features.seg6LocalContext)
      assert.equal(nexthop.encapBehavior, features.seg6EncapBehavior ? 0 : undefined)
      assert.equal(nexthop.encapSource, features.seg6EncapSource ? '::' : undefined)
    })
  }
})

for (const frr of RELEASES) {
  const directory = join(ROOT, 'test/fixtures/zapi', frr)
  suite(`conversations with FRR ${frr}`, () => {
    for (const file of readdirSync(directory).filter((name) => name.endsWith('.bin'))) {
      test(`${file}: every frame is understood to its last byte and written again as it was`, () => {
        const release = known(frr)
        const direction: Direction = file.endsWith('to-zebra.bin') ? 'to-zebra' : 'to-bgpd'
        const stream = readFileSync(join(directory, file))
        for (let offset = 0; offset < stream.length; offset += frameLength(stream, offset)) {
          const frame = stream.subarray(offset, offset + frameLength(stream, offset))
          const { undecoded, command, family, fields } = dissect(frame, release, direction)
          assert.equal(undecoded, undefined, `${command} ${frame.toString('hex')}`)
          assert.notEqual(family, 'unknown', command)
          assert.ok(fields)
          assert.deepEqual(again(frame, release, direction), frame)
        }
      })
    }
  })
}
