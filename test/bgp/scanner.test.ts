import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { MAX_EXTENDED_MESSAGE } from '../../src/bgp/header.js'
import type { Notification } from '../../src/bgp/notification.js'
import { MessageScanner } from '../../src/bgp/scanner.js'
import {
  KEEPALIVE,
  LOCAL_PREF,
  NOTIFICATION,
  OPEN,
  ROUTE_REFRESH,
  UPDATE,
  hex,
  message,
  u16,
  u8,
  update,
} from './build.js'

const header = (length: number, type: number): Buffer => hex('ff'.repeat(16), u16(length), u8(type))

const SESSION = [
  message(OPEN, '04 fde8 003c c0000201 00'),
  message(KEEPALIVE),
  update([LOCAL_PREF]),
  message(UPDATE, '0000 0fa0', '00'.repeat(4000)),
  message(ROUTE_REFRESH, '0019 00 46'),
  message(KEEPALIVE),
  message(NOTIFICATION, '06 02'),
]
const STREAM = Buffer.concat(SESSION)

function scan(scanner: MessageScanner, ...chunks: Buffer[]): Buffer[] {
  return chunks.flatMap((chunk) => Array.from(scanner.push(chunk), (seen) => Buffer.from(seen)))
}

suite('messages', () => {
  test('split at every offset: each is seen once, whole', () => {
    for (let split = 0; split <= STREAM.length; split++) {
      const seen = scan(new MessageScanner(), STREAM.subarray(0, split), STREAM.subarray(split))
      assert.deepEqual(seen, SESSION, `split at ${split}`)
    }
  })

  test('cut anywhere into any number of pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        const chunks: Buffer[] = []
        for (let offset = 0, index = 0; offset < STREAM.length; index++) {
          const size = sizes[index % sizes.length] ?? 1
          chunks.push(STREAM.subarray(offset, offset + size))
          offset += size
        }
        assert.deepEqual(scan(new MessageScanner(), ...chunks), SESSION)
      }),
    )
  })

  test('whole ones are read in place; split ones are copied, and stay what they were', () => {
    const chunk = Buffer.concat([message(KEEPALIVE), message(ROUTE_REFRESH, '0019 00 46').subarray(0, 20)])
    const scanner = new MessageScanner()
    const [whole] = [...scanner.push(chunk)]
    assert.equal(whole?.buffer, chunk.buffer)
    const alone = Buffer.alloc(19, message(KEEPALIVE))
    assert.equal([...new MessageScanner().push(alone)][0]?.buffer, alone.buffer)
    const rest = message(ROUTE_REFRESH, '0019 00 46').subarray(20)
    chunk.fill(0)
    const [split] = [...scanner.push(rest)]
    scan(scanner, ...SESSION)
    assert.deepEqual(split, message(ROUTE_REFRESH, '0019 00 46'))
  })

  test('the longest message is 4096 bytes, or 65535 from when that is agreed, between two messages', () => {
    const extended = message(UPDATE, '0000 0000', '00'.repeat(MAX_EXTENDED_MESSAGE - 23))
    assert.equal(scan(new MessageScanner(), header(4097, UPDATE)).length, 0)
    const scanner = new MessageScanner()
    const seen = []
    for (const each of scanner.push(Buffer.concat([message(KEEPALIVE), extended]))) {
      scanner.maxMessage = MAX_EXTENDED_MESSAGE
      seen.push(each.length)
    }
    assert.deepEqual(seen, [19, MAX_EXTENDED_MESSAGE])
    assert.equal(scanner.fault, undefined)
  })
})

suite('headers that are wrong (RFC 4271 6.1)', () => {
  const notSynchronized = { code: 1, subcode: 1, data: Buffer.alloc(0) }
  const badLength = (length: number): Notification => ({ code: 1, subcode: 2, data: hex(u16(length)) })
  const rows: [name: string, bytes: Buffer, expected: Notification, reason: RegExp][] = [
    ['the marker', hex('ff'.repeat(15), 'fe', '0013', '04'), notSynchronized, /marker/],
    ['below the header', header(18, KEEPALIVE), badLength(18), /length 18, expected 19 to 19/],
    ['a long KEEPALIVE', header(20, KEEPALIVE), badLength(20), /length 20, expected 19/],
    ['a short OPEN', header(28, OPEN), badLength(28), /length 28, expected 29/],
    ['a short UPDATE', header(22, UPDATE), badLength(22), /length 22, expected 23/],
    ['a short NOTIFICATION', header(20, NOTIFICATION), badLength(20), /length 20, expected 21/],
    ['a short ROUTE-REFRESH', header(18, ROUTE_REFRESH), badLength(18), /length 18, expected 19/],
    ['a long UPDATE', header(4097, UPDATE), badLength(4097), /length 4097, expected 23 to 4096/],
    ['type 0', header(19, 0), { code: 1, subcode: 3, data: hex('00') }, /0 is no message type/],
    ['type 6', header(30, 6), { code: 1, subcode: 3, data: hex('06') }, /6 is no message type/],
  ]
  for (const [name, bytes, expected, reason] of rows) {
    test(`${name}: split anywhere, messages before are seen, none after, and what to send is known`, () => {
      const stream = Buffer.concat([message(KEEPALIVE), bytes, STREAM])
      for (let split = 0; split <= 19 + bytes.length + 3; split++) {
        const scanner = new MessageScanner()
        const seen = scan(scanner, stream.subarray(0, split), stream.subarray(split), STREAM)
        assert.deepEqual(seen, [message(KEEPALIVE)])
        assert.deepEqual(scanner.fault?.notification, expected)
        assert.match(scanner.fault.reason, reason)
      }
    })
  }

  test('an OPEN is never extended (RFC 8654 4)', () => {
    const scanner = new MessageScanner()
    scanner.maxMessage = MAX_EXTENDED_MESSAGE
    scan(scanner, header(4097, OPEN))
    assert.deepEqual(scanner.fault?.notification, badLength(4097))
  })
})
