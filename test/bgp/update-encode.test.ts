import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { Attributes } from '../../src/bgp/attributes/table.js'
import type { EvpnRoute, OriginatedRoute } from '../../src/bgp/evpn/route.js'
import { MAX_EXTENDED_MESSAGE, MAX_MESSAGE } from '../../src/bgp/header.js'
import { decodeUpdate } from '../../src/bgp/update.js'
import { encodeAnnouncements, encodeEvpnEndOfRib, encodeWithdrawals } from '../../src/bgp/update-encode.js'
import { macIpRoute, multicastRoute, originatedRoute, sentAttributes } from './arbitrary.js'
import { EMPTY_AS_PATH, LOCAL_PREF, ORIGIN_IGP, attribute, hex, reach, route, unreach, update } from './build.js'

const FORMAT = { fourOctetAs: true, internal: true, maxMessage: MAX_MESSAGE }
const rd = { type: 'ipv4', ip: '192.0.2.1', number: 2 } as const
const MULTICAST: OriginatedRoute = { kind: 'inclusive-multicast', rd, ethernetTag: 0, originator: '192.0.2.1' }
const MULTICAST_BYTES = route(3, '0001 c0000201 0002', '00000000', '20', 'c0000201')

suite('UPDATEs that are written', () => {
  test('an announcement has MP_REACH_NLRI first, then the attributes', () => {
    const attributes: Attributes = {
      origin: 'igp',
      asPath: [],
      localPref: 100,
      extendedCommunities: [{ kind: 'route-target', target: { type: 'as2', as: 65000, number: 100 } }],
      pmsiTunnel: { flags: 0, label: 100, tunnel: { kind: 'ingress-replication', endpoint: '192.0.2.1' } },
      unknown: [],
    }
    const expected = update([
      reach(MULTICAST_BYTES),
      ORIGIN_IGP,
      EMPTY_AS_PATH,
      LOCAL_PREF,
      attribute('c0', 16, '0002 fde8 00000064'),
      attribute('c0', 22, '00 06 000064 c0000201'),
    ])
    assert.deepEqual(encodeAnnouncements(attributes, '192.0.2.1', [MULTICAST], FORMAT), [expected])
  })

  test('an IPv6 next hop', () => {
    const [bytes] = encodeAnnouncements({ unknown: [] }, '2001:db8::1', [MULTICAST], FORMAT)
    const value = ['0019 46', '10 20010db8 00000000 00000000 00000001', '00', MULTICAST_BYTES]
    assert.deepEqual(bytes, update([attribute('80', 14, ...value)]))
  })

  test('a withdrawal has nothing else', () => {
    assert.deepEqual(encodeWithdrawals([MULTICAST], MAX_MESSAGE), [update([unreach(MULTICAST_BYTES)])])
  })

  test('End-of-RIB', () => {
    assert.deepEqual(encodeEvpnEndOfRib(), hex('ff'.repeat(16), '001d 02', '0000 0006', '80 0f 03 0019 46'))
  })

  test('nothing makes no message', () => {
    assert.deepEqual(encodeAnnouncements({ unknown: [] }, '192.0.2.1', [], FORMAT), [])
    assert.deepEqual(encodeWithdrawals([], MAX_MESSAGE), [])
  })

  test('a message is filled to its last byte, and one byte less makes two', () => {
    // around the routes: 23 of the message, 4 of the attribute, 3 of the family; each route is 19 bytes
    const size = 23 + 4 + 3 + 20 * 19
    const routes = new Array<OriginatedRoute>(20).fill(MULTICAST)
    assert.deepEqual(lengths(encodeWithdrawals(routes, size)), [size])
    assert.deepEqual(lengths(encodeWithdrawals(routes, size - 1)), [size - 19, 23 + 3 + 3 + 19])
  })

  test('a route that no message can hold is refused', () => {
    const attributes: Attributes = { unknown: [{ flags: 0xc0, code: 99, value: Buffer.alloc(MAX_MESSAGE - 50) }] }
    assert.throws(() => encodeAnnouncements(attributes, '192.0.2.1', [MULTICAST], FORMAT), /does not fit/)
  })
})

const lengths = (messages: readonly Buffer[]): number[] => messages.map(({ length }) => length)

const session = fc.record({ fourOctetAs: fc.boolean(), internal: fc.constant(true) })

/** The routes and attributes of messages, which must all be sound. */
function decodeAll(messages: readonly Buffer[], format: { fourOctetAs: boolean; internal: boolean }) {
  return messages.map((message) => {
    const result = decodeUpdate(message, format)
    assert.equal(result.kind, 'ok', JSON.stringify(result))
    const [part, ...others] = [...result.update.announced, ...result.update.withdrawn]
    assert.deepEqual(others, [])
    assert.ok(part?.family === 'evpn')
    return { part, attributes: result.update.attributes }
  })
}

const allRoutes = (parts: readonly { part: { routes: readonly EvpnRoute[] } }[]): EvpnRoute[] =>
  parts.flatMap(({ part }) => part.routes)

suite('what is written is read again', () => {
  const maximum = fc.constantFrom(MAX_MESSAGE, MAX_EXTENDED_MESSAGE)

  test('any routes of any attributes: all of them, in order, in messages that no other route would fit in', () => {
    const routes = fc.array(originatedRoute, { minLength: 1, maxLength: 300, size: 'max' })
    fc.assert(
      fc.property(routes, sentAttributes, fc.constantFrom('192.0.2.1', '2001:db8::1'), session, maximum, (...drawn) => {
        const [all, attributes, nextHop, format, maxMessage] = drawn
        const messages = encodeAnnouncements(attributes, nextHop, all, { ...format, maxMessage })
        const decoded = decodeAll(messages, format)
        assert.deepEqual(allRoutes(decoded), all)
        for (const each of decoded) {
          assert.deepEqual(each.attributes, attributes)
          assert.equal('nextHop' in each.part && each.part.nextHop, nextHop)
        }
        assert.ok(messages.every(({ length }) => length <= maxMessage))
        // the longest route is 54 bytes, and a length of one byte may have been enough
        assert.ok(messages.slice(0, -1).every(({ length }) => length > maxMessage - 54 - 1))
      }),
      { numRuns: 100 },
    )
  })

  test('any withdrawals', () => {
    fc.assert(
      fc.property(fc.array(originatedRoute, { maxLength: 300, size: 'max' }), maximum, (all, maxMessage) => {
        const messages = encodeWithdrawals(all, maxMessage)
        assert.deepEqual(allRoutes(decodeAll(messages, FORMAT)), all)
        assert.ok(messages.every(({ length }) => length <= maxMessage))
      }),
      { numRuns: 100 },
    )
  })

  test('10,000 routes take few messages, and fewer if they are extended', () => {
    const all = fc.sample(fc.oneof(macIpRoute, multicastRoute), { numRuns: 10_000, seed: 1 })
    const size = encodeWithdrawals(all, MAX_EXTENDED_MESSAGE).length
    assert.deepEqual(allRoutes(decodeAll(encodeWithdrawals(all, MAX_EXTENDED_MESSAGE), FORMAT)), all)
    assert.ok(size <= Math.ceil((10_000 * 54) / (MAX_EXTENDED_MESSAGE - 84)))
    assert.ok(encodeWithdrawals(all, MAX_MESSAGE).length > 10 * size)
  })
})
