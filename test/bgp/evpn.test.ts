// Routes as MP_REACH_NLRI and MP_UNREACH_NLRI carry them.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { encodeEvpnRoute } from '../../src/bgp/evpn/nlri.js'
import { type RouteDistinguisher, rdText } from '../../src/bgp/evpn/rd.js'
import { type EvpnRoute, type OriginatedRoute, ZERO_ESI } from '../../src/bgp/evpn/route.js'
import { decodeUpdate } from '../../src/bgp/update.js'
import {
  EMPTY_AS_PATH,
  ESI,
  ESI_TEXT,
  MAC,
  MAC_TEXT,
  NO_ESI,
  ORIGIN_IGP,
  RD,
  hex,
  reach,
  route,
  unreach,
  update,
} from './build.js'

const SESSION = { fourOctetAs: true, internal: true }
const rd = { type: 'ipv4', ip: '192.0.2.1', number: 2 } as const
const macIp = { kind: 'mac-ip', rd, esi: ZERO_ESI, ethernetTag: 0, mac: MAC_TEXT } as const

/** The routes of one message, which announces them or withdraws them. */
function decode(...routes: string[]): readonly EvpnRoute[] {
  const announced = decodeUpdate(update([reach(...routes), ORIGIN_IGP, EMPTY_AS_PATH]), SESSION)
  const withdrawn = decodeUpdate(update([unreach(...routes)]), SESSION)
  assert.ok(announced.kind === 'ok' && withdrawn.kind === 'ok')
  const [one, other] = [announced.update.announced[0], withdrawn.update.withdrawn[0]]
  assert.ok(one?.family === 'evpn' && other?.family === 'evpn')
  assert.deepEqual(one.routes.map(withoutOffset), other.routes.map(withoutOffset))
  assert.equal(one.nextHop, '192.0.2.1')
  return one.routes
}

const withoutOffset = (each: EvpnRoute): EvpnRoute => (each.kind === 'malformed' ? { ...each, problem: '' } : each)

/** Those that are written as well. */
const originated: [name: string, bytes: string, value: OriginatedRoute][] = [
  [
    'a MAC alone',
    // RD, ESI, tag 0, 48 bits, MAC, 0 bits, label 100
    route(2, RD, NO_ESI, '00000000', '30', MAC, '00', '000064'),
    { ...macIp, ip: undefined, labels: [100] },
  ],
  [
    'a MAC with an IPv4 address and two labels',
    route(2, RD, NO_ESI, '00000000', '30', MAC, '20', '0a02010b', '000064', '000fa1'),
    { ...macIp, ip: '10.2.1.11', labels: [100, 4001] },
  ],
  [
    'a MAC with an IPv6 address, on a segment, with a tag, and the largest label',
    route(2, RD, ESI, '00000007', '30', MAC, '80', '20010db8 00000000 00000000 00000011', 'ffffff'),
    { ...macIp, esi: ESI_TEXT, ethernetTag: 7, ip: '2001:db8::11', labels: [0xffffff] },
  ],
  [
    'an IPv4 originator',
    // RD, tag 0, 32 bits, address
    route(3, RD, '00000000', '20', 'c0000201'),
    { kind: 'inclusive-multicast', rd, ethernetTag: 0, originator: '192.0.2.1' },
  ],
  [
    'an IPv6 originator',
    route(3, RD, '00000000', '80', '20010db8 00000000 00000000 00000001'),
    { kind: 'inclusive-multicast', rd, ethernetTag: 0, originator: '2001:db8::1' },
  ],
]

const received: [name: string, bytes: string, value: EvpnRoute][] = [
  [
    'Ethernet A-D per ES',
    // RD, ESI, the highest tag, label 0
    route(1, RD, ESI, 'ffffffff', '000000'),
    { kind: 'ethernet-ad', rd, esi: ESI_TEXT, ethernetTag: 0xffffffff, label: 0 },
  ],
  [
    'Ethernet segment',
    route(4, RD, ESI, '20', 'c0000201'),
    { kind: 'ethernet-segment', rd, esi: ESI_TEXT, originator: '192.0.2.1' },
  ],
  [
    'an IPv4 prefix',
    // RD, ESI, tag, 24 bits, prefix, gateway, label
    route(5, RD, NO_ESI, '00000000', '18', 'cb007100', '00000000', '000fa1'),
    {
      ...{ kind: 'ip-prefix', rd, esi: ZERO_ESI, ethernetTag: 0, label: 4001 },
      prefix: { ip: '203.0.113.0', length: 24 },
      gateway: '0.0.0.0',
    },
  ],
  [
    'an IPv6 prefix with a gateway',
    route(
      5,
      RD,
      NO_ESI,
      '00000000',
      '30',
      '20010db80007',
      '00'.repeat(10),
      '20010db8',
      '00'.repeat(11),
      '09',
      '000fa1',
    ),
    {
      ...{ kind: 'ip-prefix', rd, esi: ZERO_ESI, ethernetTag: 0, label: 4001 },
      prefix: { ip: '2001:db8:7::', length: 48 },
      gateway: '2001:db8::9',
    },
  ],
  ['a type that is not known', route(11, 'abcd'), { kind: 'unknown', type: 11, value: hex('abcd') }],
  ['a type that is not known, of no bytes', route(0), { kind: 'unknown', type: 0, value: hex('') }],
]

suite('EVPN routes', () => {
  for (const [name, bytes, value] of originated) {
    test(`${name}: both directions`, () => {
      assert.deepEqual(decode(bytes), [value])
      assert.deepEqual(encodeEvpnRoute(value), hex(bytes))
    })
  }
  for (const [name, bytes, value] of received) {
    test(name, () => {
      assert.deepEqual(decode(bytes), [value])
    })
  }

  test('many in one attribute, in their order', () => {
    const all = [...originated, ...received]
    // the attribute would be too long for a length of one byte
    const halves = [all.slice(0, 3), all.slice(3, 6)]
    for (const half of halves) {
      assert.deepEqual(
        decode(...half.map(([, bytes]) => bytes)),
        half.map(([, , value]) => value),
      )
    }
  })

  const malformed: [name: string, type: number, value: string, problem: RegExp][] = [
    [
      'a MAC of 47 bits',
      2,
      `${RD}${NO_ESI}00000000 2f ${MAC} 00 000064`,
      /MAC length at offset \d+: 47 bits, expected 48/,
    ],
    [
      'an IP of 33 bits',
      2,
      `${RD}${NO_ESI}00000000 30 ${MAC} 21 0a02010b 000064`,
      /IP length .* 33 bits, expected 0 or/,
    ],
    ['no label', 2, `${RD}${NO_ESI}00000000 30 ${MAC} 00`, /label 1 .* needs 3 bytes, 0 are left/],
    ['a label too many', 2, `${RD}${NO_ESI}00000000 30 ${MAC} 00 000064 000065 000066`, /3 bytes are left over/],
    ['an IP shorter than it says', 2, `${RD}${NO_ESI}00000000 30 ${MAC} 80 0a02010b 000064`, /IP at offset/],
    ['no originator', 3, `${RD}00000000 00`, /originating IP length .* 0 bits, expected 32 or 128/],
    ['a short segment', 4, `${RD}${ESI}`, /originating IP length/],
    ['a short A-D', 1, `${RD}${ESI}ffffffff`, /label/],
    ['a prefix of no family', 5, `${RD}${NO_ESI}00000000 18 cb007100 00000000`, /31 bytes, expected 34 or 58/],
    ['a prefix of 33 bits', 5, `${RD}${NO_ESI}00000000 21 cb007100 00000000 000fa1`, /33 bits, expected at most 32/],
    ['an ESI and a gateway', 5, `${RD}${ESI}00000000 18 cb007100 c0000209 000fa1`, /gateway IP .* ESI as well/],
    ['a short RD', 1, '0001', /RD at offset/],
  ]
  for (const [name, type, value, problem] of malformed) {
    test(`${name}: this route is malformed, the others are not`, () => {
      const [before, bad, after] = decode(route(11, '01'), route(type, value), route(11, '02'))
      assert.deepEqual([before?.kind, after?.kind], ['unknown', 'unknown'])
      assert.ok(bad?.kind === 'malformed')
      assert.deepEqual([bad.type, bad.value], [type, hex(value)])
      assert.match(bad.problem, problem)
    })
  }

  test('what no route can say is refused where it is written', () => {
    const wrong: OriginatedRoute[] = [
      { ...macIp, mac: 'bc:24', ip: undefined, labels: [1] },
      { ...macIp, ip: '10.2.1', labels: [1] },
      { ...macIp, esi: '00', ip: undefined, labels: [1] },
      { ...macIp, ip: undefined, labels: [0x1000000] },
      { kind: 'inclusive-multicast', rd: { ...rd, number: 65536 }, ethernetTag: 0, originator: '192.0.2.1' },
    ]
    for (const value of wrong) assert.throws(() => encodeEvpnRoute(value), RangeError)
  })
})

suite('route distinguishers', () => {
  const rows: [bytes: string, value: RouteDistinguisher, text: string][] = [
    ['0000 fde8 00000064', { type: 'as2', as: 65000, number: 100 }, '65000:100'],
    ['0001 c0000201 0002', rd, '192.0.2.1:2'],
    ['0002 fa56ea00 0002', { type: 'as4', as: 4200000000, number: 2 }, '4200000000:2'],
    ['0009 0102030405 06', { type: 'unknown', bytes: hex('0009 010203040506') }, '0009010203040506'],
  ]
  for (const [bytes, value, text] of rows) {
    test(text, () => {
      const multicast = route(3, bytes, '00000000', '20', 'c0000201')
      const expected = { kind: 'inclusive-multicast', rd: value, ethernetTag: 0, originator: '192.0.2.1' } as const
      assert.deepEqual(decode(multicast), [expected])
      assert.deepEqual(encodeEvpnRoute(expected), hex(multicast))
      assert.equal(rdText(value), text)
    })
  }
})
