// What a wrong UPDATE comes to, rule by rule: RFC 7606, and RFC 4271 6.3 where that still holds.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { SessionFormat } from '../../src/bgp/attributes/codec.js'
import { type UpdateResult, decodeUpdate, isEvpnEndOfRib } from '../../src/bgp/update.js'
import {
  AS_PATH,
  EMPTY_AS_PATH,
  LOCAL_PREF,
  MAC_ROUTE,
  MULTICAST_ROUTE,
  NEXT_HOP,
  ORIGIN_IGP,
  UPDATE,
  attribute,
  hex,
  message,
  reach,
  route,
  unreach,
  update,
} from './build.js'

const IBGP: SessionFormat = { fourOctetAs: true, internal: true }
const EBGP: SessionFormat = { fourOctetAs: true, internal: false }
const TWO_OCTETS: SessionFormat = { fourOctetAs: false, internal: true }

const REACH = reach(MAC_ROUTE, MULTICAST_ROUTE)
/** An UPDATE of two EVPN routes that lacks nothing, and these attributes. */
const announcing = (...attributes: string[]): Buffer => update([REACH, ORIGIN_IGP, AS_PATH, ...attributes])
/** 203.0.113.0/24 */
const PREFIX = '18 cb0071'

const routeKinds = (families: readonly { family: string; routes?: readonly { kind: string }[] }[]): string[][] =>
  families.map(({ family, routes = [] }) => [family, ...routes.map(({ kind }) => kind)])

const BOTH = [['evpn', 'mac-ip', 'inclusive-multicast']]

type Row = [name: string, bytes: Buffer, reason: RegExp, session?: SessionFormat]

suite('treat-as-withdraw: the routes of the message are withdrawn', () => {
  const rows: Row[] = [
    [
      '3 c: flags of a well-known attribute',
      update([REACH, attribute('c0', 1, '00'), AS_PATH]),
      /ORIGIN: flags .* 0xc0/,
    ],
    ['3 c: flags of an optional attribute', announcing(attribute('80', 8, '00010002')), /COMMUNITIES: flags .* 0x80/],
    ['3 c: flags of MP_REACH_NLRI', update([`c0${REACH.slice(2)}`, ORIGIN_IGP, AS_PATH]), /MP_REACH_NLRI: flags/],
    ['3 c: flags of an attribute that would be discarded', announcing(attribute('80', 6)), /ATOMIC_AGGREGATE: flags/],
    ['3 d: no ORIGIN', update([REACH, AS_PATH]), /ORIGIN is missing/],
    ['3 d: no AS_PATH', update([REACH, ORIGIN_IGP]), /AS_PATH is missing/],
    ['3 h: the strongest of two errors counts', announcing(attribute('c0', 7), attribute('80', 4)), /MULTI_EXIT_DISC/],
    ['4: a header that is cut off', announcing('40'), /attribute: code at offset 107: needs 1 bytes/],
    ['4: a length that is cut off', announcing('50 05 00'), /LOCAL_PREF: length at offset/],
    ['4: a length beyond the attributes', announcing('40 05 05 00000064'), /LOCAL_PREF: value .* needs 5 bytes/],
    ['4: length 0', announcing(attribute('c0', 8)), /COMMUNITIES: length .* 0 bytes, expected a multiple of 4 above 0/],
    ['7.1: a long ORIGIN', update([REACH, attribute('40', 1, '0000'), AS_PATH]), /ORIGIN: end at offset/],
    ['7.1: ORIGIN 3', update([REACH, attribute('40', 1, '03'), AS_PATH]), /ORIGIN: value .* 3, expected 0 to 2/],
    [
      '7.2: AS_PATH segment type 5',
      update([REACH, ORIGIN_IGP, attribute('40', 2, '05 01 0000fde9')]),
      /segment type .* 5/,
    ],
    [
      '7.2: AS_PATH segment type 0',
      update([REACH, ORIGIN_IGP, attribute('40', 2, '00 01 0000fde9')]),
      /segment type .* 0/,
    ],
    [
      '7.2: AS_PATH segment overrun',
      update([REACH, ORIGIN_IGP, attribute('40', 2, '02 02 0000fde9')]),
      /segment at offset/,
    ],
    [
      '7.2: AS_PATH segment underrun',
      update([REACH, ORIGIN_IGP, attribute('40', 2, '02')]),
      /segment length at offset/,
    ],
    [
      '7.2: AS_PATH segment of nothing',
      update([REACH, ORIGIN_IGP, attribute('40', 2, '02 00')]),
      /0, expected at least 1/,
    ],
    ['7.2: four octets where two are agreed', announcing(), /AS_PATH/, TWO_OCTETS],
    ['7.3: a long NEXT_HOP', announcing(attribute('40', 3, 'c000020100')), /NEXT_HOP: end/],
    ['7.3: a short NEXT_HOP', announcing(attribute('40', 3, 'c00002')), /NEXT_HOP: IPv4 address .* needs 4 bytes/],
    [
      "3 e: NEXT_HOP is no host's",
      announcing(attribute('40', 3, 'e0000001')),
      /NEXT_HOP: .* 224.0.0.1, expected a host/,
    ],
    ['7.4: MULTI_EXIT_DISC', announcing(attribute('80', 4, '000004')), /MULTI_EXIT_DISC: value/],
    ['7.5: LOCAL_PREF', announcing(attribute('40', 5, '00000000 64')), /LOCAL_PREF: end/],
    ['7.8: COMMUNITIES', announcing(attribute('c0', 8, '00010002 00')), /COMMUNITIES: length .* 5 bytes/],
    ['7.9: ORIGINATOR_ID', announcing(attribute('80', 9, 'c00002')), /ORIGINATOR_ID: router id/],
    ['7.10: CLUSTER_LIST', announcing(attribute('80', 10, 'c0000201 c0')), /CLUSTER_LIST: length .* 5 bytes/],
    ['7.10: CLUSTER_LIST of nothing', announcing(attribute('80', 10)), /CLUSTER_LIST: length .* 0 bytes/],
    [
      '7.14: EXTENDED COMMUNITIES',
      announcing(attribute('c0', 16, '0002 fde8 000000')),
      /EXTENDED COMMUNITIES: length .* 7/,
    ],
    [
      '7.14: EXTENDED COMMUNITIES of nothing',
      announcing(attribute('c0', 16)),
      /EXTENDED COMMUNITIES: length .* 0 bytes/,
    ],
    [
      'RFC 8092 6: LARGE_COMMUNITIES',
      announcing(attribute('c0', 32, '00'.repeat(13))),
      /LARGE_COMMUNITIES: length .* 13/,
    ],
    ['RFC 6514 5: a short PMSI_TUNNEL', announcing(attribute('c0', 22, '00 06')), /PMSI_TUNNEL: label/],
    [
      'RFC 6514 5: an endpoint of no family',
      announcing(attribute('c0', 22, '00 06 000064 c00002')),
      /3 bytes, expected/,
    ],
  ]
  for (const [name, bytes, reason, session = IBGP] of rows) {
    test(name, () => {
      const result = decodeUpdate(bytes, session)
      assert.equal(result.kind, 'treat-as-withdraw', JSON.stringify(result))
      assert.deepEqual(routeKinds(result.withdrawn), BOTH)
      assert.match(result.problems.map((problem) => problem.reason).join('; '), reason)
      assert.ok(result.problems.some(({ action }) => action === 'treat-as-withdraw'))
    })
  }

  test('routes that the message withdraws, IPv4 routes and other families are withdrawn as well', () => {
    // VPNv4, next hop of 4 bytes, two bytes of NLRI
    const other = attribute('80', 14, '0001 80', '04 c0000201', '00', 'abcd')
    const bytes = update([other, unreach(MAC_ROUTE), ORIGIN_IGP, AS_PATH], {
      withdrawn: '20 c6336401',
      nlri: PREFIX,
    })
    const result = decodeUpdate(bytes, IBGP)
    assert.equal(result.kind, 'treat-as-withdraw')
    const [gone, unreached, ipv4, vpn] = result.withdrawn
    assert.deepEqual(gone, { family: 'ipv4', prefixes: [{ ip: '198.51.100.1', length: 32 }] })
    assert.deepEqual(unreached && routeKinds([unreached]), [['evpn', 'mac-ip']])
    assert.deepEqual(ipv4, { family: 'ipv4', prefixes: [{ ip: '203.0.113.0', length: 24 }] })
    assert.deepEqual(vpn, { family: 'other', afi: 1, safi: 128, nlri: hex('abcd') })
    assert.match(result.problems[0]?.reason ?? '', /NEXT_HOP is missing/)
  })
})

suite('attribute-discard: the routes stay, without the attribute', () => {
  const rows: Row[] = [
    [
      '3 g: an attribute that is there twice',
      announcing(LOCAL_PREF, attribute('40', 5, '00000065')),
      /LOCAL_PREF: .* twice/,
    ],
    [
      '3 g: an unknown one that is there twice',
      announcing(attribute('c0', 99), attribute('c0', 99)),
      /attribute 99: .* twice/,
    ],
    ['7.5: LOCAL_PREF from outside', announcing(attribute('40', 5, '00')), /LOCAL_PREF: .* means nothing/, EBGP],
    ['7.6: ATOMIC_AGGREGATE', announcing(attribute('40', 6, '00')), /ATOMIC_AGGREGATE: end/],
    ['7.7: AGGREGATOR of two octets', announcing(attribute('c0', 7, 'fde8 c0000209')), /AGGREGATOR: IPv4 address/],
    ['7.9: ORIGINATOR_ID from outside', announcing(attribute('80', 9, 'c0000202')), /ORIGINATOR_ID/, EBGP],
    ['7.10: CLUSTER_LIST from outside', announcing(attribute('80', 10)), /CLUSTER_LIST/, EBGP],
    [
      'RFC 6793 4.1: AS4_PATH of four octets',
      announcing(attribute('c0', 17, '02 01 0000fde9')),
      /AS4_PATH: .* nothing/,
    ],
  ]
  for (const [name, bytes, reason, session = IBGP] of rows) {
    test(name, () => {
      const result = decodeUpdate(bytes, session)
      assert.equal(result.kind, 'attribute-discard', JSON.stringify(result))
      assert.deepEqual(routeKinds(result.update.announced), BOTH)
      const [problem, ...others] = result.problems
      assert.deepEqual(others, [])
      assert.match(problem?.reason ?? '', reason)
      // the first LOCAL_PREF, and an unknown attribute, are there still
      const { localPref, unknown, ...rest } = result.update.attributes
      assert.deepEqual(Object.keys(rest), ['origin', 'asPath'])
      assert.equal(localPref, name.includes('LOCAL_PREF from') || problem?.code !== 5 ? undefined : 100)
      assert.equal(unknown.length, problem?.code === 99 ? 1 : 0)
    })
  }

  test('RFC 6793 6: a wrong AS4_PATH and AS4_AGGREGATOR', () => {
    const path = attribute('40', 2, '02 01 fde9')
    const wrong = [attribute('c0', 17, '02 02 0000fde9'), attribute('c0', 18, '0000fde9')]
    const result = decodeUpdate(update([REACH, ORIGIN_IGP, path, ...wrong]), TWO_OCTETS)
    assert.equal(result.kind, 'attribute-discard')
    assert.deepEqual(
      result.problems.map(({ code }) => code),
      [17, 18],
    )
    assert.deepEqual(result.update.attributes.asPath, [{ kind: 'sequence', as: [65001] }])
  })
})

suite('session-reset: with the NOTIFICATION to send', () => {
  const list = { code: 3, subcode: 1, data: hex('') }
  const network = { code: 3, subcode: 10, data: hex('') }
  const optional = (...attributes: string[]) => ({ code: 3, subcode: 9, data: hex(...attributes) })
  const SHORT = attribute('80', 14, '0019 46 04 c000')
  const OVERRUN = reach('02 30 00')
  const GONE_OVERRUN = unreach('02 30 00')
  const UNKNOWN = attribute('40', 99, '01')
  const rows: [
    name: string,
    bytes: Buffer,
    expected: { code: number; subcode: number; data: Buffer },
    reason: RegExp,
  ][] = [
    [
      'RFC 4271 6.3: withdrawn routes beyond the message',
      message(UPDATE, '0005 0000'),
      list,
      /withdrawn routes length/,
    ],
    [
      'RFC 4271 6.3: no room for the second length',
      message(UPDATE, '0001 00 00'),
      list,
      /attributes length .* cut off/,
    ],
    [
      'RFC 4271 6.3: attributes beyond the message',
      message(UPDATE, '0000 0005 40'),
      list,
      /attributes length at offset 21/,
    ],
    [
      'RFC 4271 6.3: a well-known attribute that is not known',
      announcing(UNKNOWN),
      { code: 3, subcode: 2, data: hex(UNKNOWN) },
      /attribute 99 .* well-known/,
    ],
    ['3 g: MP_REACH_NLRI twice', announcing(REACH), list, /MP_REACH_NLRI is there twice/],
    ['3 g: MP_UNREACH_NLRI twice', update([unreach(), unreach()]), list, /MP_UNREACH_NLRI is there twice/],
    [
      '4: MP_REACH_NLRI that is cut off',
      update(['80 0e 20 0019 46']),
      optional('80 0e 20 0019 46'),
      /MP_REACH_NLRI: value/,
    ],
    ['5.2: an error where no routes are', update([unreach(MAC_ROUTE), attribute('80', 4)]), list, /no routes to treat/],
    [
      '5.2: an error after MP_REACH_NLRI of no routes',
      update([reach(), attribute('80', 4)]),
      list,
      /no routes to treat/,
    ],
    ['5.3: a prefix of 33 bits', update([], { nlri: '21 c633640100' }), network, /33 bits, expected at most 32/],
    ['5.3: a prefix beyond the message', update([], { nlri: '18 c633' }), network, /prefix at offset 2\d: needs/],
    ['5.3: a withdrawn prefix beyond its field', update([], { withdrawn: '18 c633' }), network, /prefix at offset 2\d/],
    ['5.3: an EVPN route beyond its attribute', update([OVERRUN]), optional(OVERRUN), /route of type 2 at offset/],
    [
      '5.3: a withdrawn EVPN route beyond its attribute',
      update([GONE_OVERRUN]),
      optional(GONE_OVERRUN),
      /MP_UNREACH_NLRI/,
    ],
    ['7.11: a next hop beyond its attribute', update([SHORT]), optional(SHORT), /next hop at offset/],
    ...['05 c000020100', '00', '08 0000000000000000'].map((hop): (typeof rows)[number] => {
      const bytes = attribute('80', 14, '0019 46', hop, '00', MAC_ROUTE)
      return ['7.11: a next hop that EVPN does not have', update([bytes]), optional(bytes), /expected 4 or 16/]
    }),
    ['MP_REACH_NLRI without a family', update([attribute('80', 14, '00')]), optional(attribute('80', 14, '00')), /AFI/],
    [
      '7.12: MP_UNREACH_NLRI without a family',
      update([attribute('80', 15, '0019')]),
      optional('80 0f 02 0019'),
      /SAFI/,
    ],
  ]
  for (const [name, bytes, expected, reason] of rows) {
    test(name, () => {
      const result = decodeUpdate(bytes, IBGP)
      assert.equal(result.kind, 'session-reset', JSON.stringify(result))
      assert.deepEqual(result.notification, expected)
      assert.match(result.reason, reason)
    })
  }
})

suite('what is no error', () => {
  const ok = (bytes: Buffer, session = IBGP): Extract<UpdateResult, { kind: 'ok' }>['update'] => {
    const result = decodeUpdate(bytes, session)
    assert.equal(result.kind, 'ok', JSON.stringify(result))
    return result.update
  }

  test('5.4: routes of types that are not known', () => {
    const { announced } = ok(update([reach(route(9, 'ab')), ORIGIN_IGP, AS_PATH]))
    assert.deepEqual(routeKinds(announced), [['evpn', 'unknown']])
  })

  test('an empty AS_PATH; no NEXT_HOP where MP_REACH_NLRI has one; the attributes in any order', () => {
    assert.deepEqual(ok(update([EMPTY_AS_PATH, ORIGIN_IGP, REACH])).attributes, {
      origin: 'igp',
      asPath: [],
      unknown: [],
    })
  })

  test('no attributes where routes are only withdrawn', () => {
    const { withdrawn, announced } = ok(update([unreach(MAC_ROUTE, MULTICAST_ROUTE)]))
    assert.deepEqual([routeKinds(withdrawn), announced], [BOTH, []])
  })

  test("IPv4 routes in the message's own fields; bits beyond a length are cleared", () => {
    const bytes = update([ORIGIN_IGP, AS_PATH, NEXT_HOP], { withdrawn: '00', nlri: `${PREFIX} 19 c63364ff` })
    const { withdrawn, announced, attributes } = ok(bytes)
    assert.deepEqual(withdrawn, [{ family: 'ipv4', prefixes: [{ ip: '0.0.0.0', length: 0 }] }])
    const prefixes = [
      { ip: '203.0.113.0', length: 24 },
      { ip: '198.51.100.128', length: 25 },
    ]
    assert.deepEqual(announced, [{ family: 'ipv4', prefixes }])
    assert.equal(attributes.nextHop, '192.0.2.1')
  })

  test('a next hop of IPv6', () => {
    const bytes = attribute('80', 14, '0019 46', '10 20010db8 00000000 00000000 00000001', '00', MAC_ROUTE)
    const [first] = ok(update([bytes, ORIGIN_IGP, AS_PATH])).announced
    assert.equal(first?.family === 'evpn' && first.nextHop, '2001:db8::1')
  })

  test('other families stay bytes', () => {
    const mpReach = attribute('80', 14, '0002 01', '10', 'fe80'.padEnd(32, '0'), '00', '40 20010db800000000')
    const { announced, withdrawn } = ok(update([mpReach, attribute('80', 15, '0002 01 abcd'), ORIGIN_IGP, AS_PATH]))
    const family = { family: 'other', afi: 2, safi: 1 } as const
    const nextHop = hex('fe80'.padEnd(32, '0'))
    assert.deepEqual(announced, [{ ...family, nextHop, nlri: hex('40 20010db800000000') }])
    assert.deepEqual(withdrawn, [{ ...family, nlri: hex('abcd') }])
  })

  test('End-of-RIB is an UPDATE of nothing but an empty MP_UNREACH_NLRI', () => {
    const endOfRib = (bytes: Buffer): boolean => isEvpnEndOfRib(ok(bytes))
    assert.equal(endOfRib(update([unreach()])), true)
    assert.equal(endOfRib(update([unreach(MAC_ROUTE)])), false)
    assert.equal(endOfRib(update([attribute('80', 15, '0001 80')])), false)
    assert.equal(endOfRib(update([])), false)
    assert.equal(endOfRib(update([unreach(), reach()])), false)
    assert.equal(endOfRib(update([unreach(), ORIGIN_IGP])), false)
    assert.equal(endOfRib(update([unreach(), attribute('c0', 99)])), false)
    assert.equal(endOfRib(update([unreach()], { withdrawn: '00' })), false)
  })
})
