import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { encodeAttributes } from '../../src/bgp/attributes/encode.js'
import type { ExtendedCommunity } from '../../src/bgp/attributes/extended-communities.js'
import type { Attributes } from '../../src/bgp/attributes/table.js'
import { decodeUpdate } from '../../src/bgp/update.js'
import { EMPTY_AS_PATH, MAC_ROUTE, ORIGIN_IGP, attribute, hex, reach, update } from './build.js'

const IBGP = { fourOctetAs: true, internal: true }
const TWO_OCTETS = { fourOctetAs: false, internal: true }

function decode(attributes: readonly string[], session = IBGP): Attributes {
  const result = decodeUpdate(update([reach(MAC_ROUTE), ...attributes]), session)
  assert.equal(result.kind, 'ok', JSON.stringify(result))
  return result.update.attributes
}

const BASE = { origin: 'igp', asPath: [], unknown: [] } as const
const communities = (value: ExtendedCommunity): Partial<Attributes> => ({ extendedCommunities: [value] })

suite('attributes, both directions', () => {
  const rows: [name: string, bytes: string, value: Partial<Attributes>][] = [
    ['MULTI_EXIT_DISC', attribute('80', 4, '00000400'), { med: 1024 }],
    ['LOCAL_PREF', attribute('40', 5, '00000064'), { localPref: 100 }],
    ['ATOMIC_AGGREGATE', attribute('40', 6), { atomicAggregate: true }],
    ['AGGREGATOR', attribute('c0', 7, '0000fde9 c0000209'), { aggregator: { as: 65001, ip: '192.0.2.9' } }],
    [
      'COMMUNITIES',
      // 65000:4789, NO_EXPORT
      attribute('c0', 8, 'fde812b5 ffffff01'),
      { communities: ['65000:4789', '65535:65281'] },
    ],
    ['ORIGINATOR_ID', attribute('80', 9, 'c0000202'), { originatorId: '192.0.2.2' }],
    ['CLUSTER_LIST', attribute('80', 10, 'c0000201 c0000203'), { clusterList: ['192.0.2.1', '192.0.2.3'] }],
    [
      'route target of a two-octet AS',
      attribute('c0', 16, '0002 fde8 00000064'),
      communities({ kind: 'route-target', target: { type: 'as2', as: 65000, number: 100 } }),
    ],
    [
      'route target of an IPv4 address',
      attribute('c0', 16, '0102 c0000201 0064'),
      communities({ kind: 'route-target', target: { type: 'ipv4', ip: '192.0.2.1', number: 100 } }),
    ],
    [
      'route target of a four-octet AS',
      attribute('c0', 16, '0202 fa56ea00 0064'),
      communities({ kind: 'route-target', target: { type: 'as4', as: 4200000000, number: 100 } }),
    ],
    ['encapsulation', attribute('c0', 16, '030c 00000000 0008'), communities({ kind: 'encapsulation', tunnelType: 8 })],
    ['default gateway', attribute('c0', 16, '030d 000000000000'), communities({ kind: 'default-gateway' })],
    [
      'MAC mobility',
      attribute('c0', 16, '0600 00 00 fffffffe'),
      communities({ kind: 'mac-mobility', sticky: false, sequence: 0xfffffffe }),
    ],
    [
      'MAC mobility, sticky',
      attribute('c0', 16, '0600 01 00 00000000'),
      communities({ kind: 'mac-mobility', sticky: true, sequence: 0 }),
    ],
    [
      'ESI label',
      attribute('c0', 16, '0601 01 0000 000064'),
      communities({ kind: 'esi-label', singleActive: true, label: 100 }),
    ],
    [
      'ES-import',
      attribute('c0', 16, '0602 443839ffff01'),
      communities({ kind: 'es-import', mac: '44:38:39:ff:ff:01' }),
    ],
    [
      "router's MAC",
      attribute('c0', 16, '0603 bc2411000001'),
      communities({ kind: 'router-mac', mac: 'bc:24:11:00:00:01' }),
    ],
    [
      'ARP/ND, a router',
      attribute('c0', 16, '0608 01 0000000000'),
      communities({ kind: 'arp-nd', router: true, override: false, immutable: false }),
    ],
    [
      'ARP/ND, override and immutable',
      attribute('c0', 16, '0608 0a 0000000000'),
      communities({ kind: 'arp-nd', router: false, override: true, immutable: true }),
    ],
    [
      'an extended community that is not known, and one that is not transitive',
      attribute('c0', 16, '0003 fde800000064', '4002 fde800000064'),
      {
        extendedCommunities: [
          { kind: 'unknown', bytes: hex('0003 fde800000064') },
          { kind: 'unknown', bytes: hex('4002 fde800000064') },
        ],
      },
    ],
    [
      'PMSI_TUNNEL of ingress replication',
      // flags, type 6, label 100, endpoint
      attribute('c0', 22, '00 06 000064 c0000201'),
      { pmsiTunnel: { flags: 0, label: 100, tunnel: { kind: 'ingress-replication', endpoint: '192.0.2.1' } } },
    ],
    [
      'PMSI_TUNNEL of ingress replication over IPv6',
      attribute('c0', 22, '00 06 000064 20010db8 00000000 00000000 00000001'),
      { pmsiTunnel: { flags: 0, label: 100, tunnel: { kind: 'ingress-replication', endpoint: '2001:db8::1' } } },
    ],
    [
      'PMSI_TUNNEL of another type',
      attribute('c0', 22, '01 03 000000 c0000201 ef000001'),
      {
        pmsiTunnel: { flags: 1, label: 0, tunnel: { kind: 'unknown', type: 3, identifier: hex('c0000201 ef000001') } },
      },
    ],
    [
      'LARGE_COMMUNITIES',
      attribute('c0', 32, '0000fde8 00000001 ffffffff'),
      { largeCommunities: ['65000:1:4294967295'] },
    ],
    [
      'optional attributes that are not known, with their flags',
      attribute('a0', 99, 'abcd') + attribute('c0', 200),
      {
        unknown: [
          { flags: 0xa0, code: 99, value: hex('abcd') },
          { flags: 0xc0, code: 200, value: hex('') },
        ],
      },
    ],
  ]
  for (const [name, bytes, value] of rows) {
    test(name, () => {
      const attributes: Attributes = { ...BASE, ...value }
      assert.deepEqual(decode([ORIGIN_IGP, EMPTY_AS_PATH, bytes]), attributes)
      assert.deepEqual(encodeAttributes(attributes, IBGP), hex(ORIGIN_IGP, EMPTY_AS_PATH, bytes))
    })
  }

  for (const [number, origin] of (['igp', 'egp', 'incomplete'] as const).entries()) {
    test(`ORIGIN ${origin}`, () => {
      const bytes = attribute('40', 1, `0${number}`)
      assert.equal(decode([bytes, EMPTY_AS_PATH]).origin, origin)
      assert.deepEqual(encodeAttributes({ origin, unknown: [] }, IBGP), hex(bytes))
    })
  }

  test('all kinds of AS_PATH segments, in two octets and in four', () => {
    const asPath = [
      { kind: 'confed-sequence', as: [64512] },
      { kind: 'confed-set', as: [64513] },
      { kind: 'sequence', as: [65001, 65002] },
      { kind: 'set', as: [65003] },
    ] as const
    const two = attribute('40', 2, '03 01 fc00', '04 01 fc01', '02 02 fde9 fdea', '01 01 fdeb')
    const four = attribute('40', 2, '03 01 0000fc00 04 01 0000fc01', '02 02 0000fde9 0000fdea', '01 01 0000fdeb')
    assert.deepEqual(decode([ORIGIN_IGP, two], TWO_OCTETS).asPath, asPath)
    assert.deepEqual(decode([ORIGIN_IGP, four]).asPath, asPath)
    assert.deepEqual(encodeAttributes({ asPath, unknown: [] }, TWO_OCTETS), hex(two))
    assert.deepEqual(encodeAttributes({ asPath, unknown: [] }, IBGP), hex(four))
  })

  test('a value of more than 255 bytes has a length of two', () => {
    const list = Array.from({ length: 64 }, (_, index) => `65000:${index}` as const)
    const bytes = encodeAttributes({ communities: list, unknown: [] }, IBGP)
    // flags with Extended Length, 256 bytes
    assert.deepEqual(bytes.subarray(0, 8), hex('d0 08 0100 fde8 0000'))
    assert.deepEqual(decode([ORIGIN_IGP, EMPTY_AS_PATH, bytes.toString('hex')]).communities, list)
  })

  test('a length of two bytes is taken for any attribute', () => {
    assert.equal(decode(['50 01 0001 00', EMPTY_AS_PATH]).origin, 'igp')
  })

  test('attributes are written in the order of their codes', () => {
    const unknown = [
      { flags: 0xc0, code: 99, value: hex('') },
      { flags: 0xc0, code: 11, value: hex('') },
    ]
    const bytes = encodeAttributes({ unknown, communities: ['1:2'], localPref: 1 }, IBGP)
    assert.deepEqual(bytes, hex('4005 04 00000001', 'c008 04 00010002', 'c00b 00', 'c063 00'))
  })

  test('what no community can be is refused where it is written', () => {
    const large = '1:2' as `${number}:${number}:${number}`
    assert.throws(() => encodeAttributes({ unknown: [], largeCommunities: [large] }, IBGP), RangeError)
    assert.throws(() => encodeAttributes({ unknown: [], communities: ['65536:1'] }, IBGP), RangeError)
  })
})

suite('AS numbers of four octets and a neighbour of two (RFC 6793)', () => {
  const sequence = (...as: number[]) => ({ kind: 'sequence', as }) as const
  const set = (...as: number[]) => ({ kind: 'set', as }) as const
  const confed = (...as: number[]) => ({ kind: 'confed-sequence', as }) as const
  const AGGREGATOR_TRANS = attribute('c0', 7, '5ba0 c0000209')
  const AS4_AGGREGATOR = attribute('c0', 18, 'fa56ea00 c0000209')
  /** AS4_PATH 4200000000 65002. */
  const AS4_PATH = attribute('c0', 17, '02 02 fa56ea00 0000fdea')

  const rows: [name: string, attributes: string[], expected: Partial<Attributes>][] = [
    [
      'as long: AS4_PATH alone',
      [attribute('40', 2, '02 02 5ba0 fdea'), AS4_PATH],
      { asPath: [sequence(4200000000, 65002)] },
    ],
    [
      'longer: what is in front comes from AS_PATH',
      [attribute('40', 2, '02 03 fde8 5ba0 fdea'), AS4_PATH],
      { asPath: [sequence(65000, 4200000000, 65002)] },
    ],
    [
      'as long but for one, where a set has another size than that of AS_PATH',
      [attribute('40', 2, '02 01 fde8', '01 02 5ba0 fdea'), attribute('c0', 17, '01 03 fa56ea00 0000fdea 0000fdeb')],
      { asPath: [sequence(65000), set(4200000000, 65002, 65003)] },
    ],
    [
      'longer by a set, which counts as one, and a confederation, which counts as none',
      [attribute('40', 2, '03 01 fc00', '01 02 fde1 fde2', '02 02 5ba0 fdea'), AS4_PATH],
      { asPath: [confed(64512), set(64993, 64994), sequence(4200000000, 65002)] },
    ],
    ['shorter: AS4_PATH is ignored', [attribute('40', 2, '02 01 5ba0'), AS4_PATH], { asPath: [sequence(23456)] }],
    [
      'confederations in AS4_PATH are ignored',
      [attribute('40', 2, '02 01 5ba0'), attribute('c0', 17, '03 01 0000fc00', '02 01 fa56ea00')],
      { asPath: [sequence(4200000000)] },
    ],
    [
      'AS4_AGGREGATOR replaces an AGGREGATOR of AS_TRANS',
      [EMPTY_AS_PATH, AGGREGATOR_TRANS, AS4_AGGREGATOR],
      { asPath: [], aggregator: { as: 4200000000, ip: '192.0.2.9' } },
    ],
    [
      'after another AGGREGATOR both are ignored',
      [attribute('40', 2, '02 02 5ba0 fdea'), attribute('c0', 7, 'fde9 c0000209'), AS4_PATH, AS4_AGGREGATOR],
      { asPath: [sequence(23456, 65002)], aggregator: { as: 65001, ip: '192.0.2.9' } },
    ],
    ['AS4_AGGREGATOR alone means nothing', [EMPTY_AS_PATH, AS4_AGGREGATOR], { asPath: [] }],
  ]
  for (const [name, attributes, expected] of rows) {
    test(name, () => {
      assert.deepEqual(decode([ORIGIN_IGP, ...attributes], TWO_OCTETS), { origin: 'igp', unknown: [], ...expected })
    })
  }

  test('what is written is AS_TRANS, and the whole numbers beside it', () => {
    const attributes: Attributes = {
      asPath: [confed(4200000001), sequence(4200000000, 65002)],
      aggregator: { as: 4200000000, ip: '192.0.2.9' },
      unknown: [],
    }
    const bytes = encodeAttributes(attributes, TWO_OCTETS)
    assert.deepEqual(
      bytes,
      hex(attribute('40', 2, '03 01 5ba0', '02 02 5ba0 fdea'), AGGREGATOR_TRANS, AS4_PATH, AS4_AGGREGATOR),
    )
  })

  test('numbers of two octets need nothing beside them', () => {
    const bytes = encodeAttributes({ asPath: [sequence(65535)], unknown: [] }, TWO_OCTETS)
    assert.deepEqual(bytes, hex(attribute('40', 2, '02 01 ffff')))
  })
})
