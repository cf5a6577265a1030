// Whatever the bytes, a decoder answers with one of its results, and reads nothing beyond its message.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import {
  HEADER_SIZE,
  MAX_EXTENDED_MESSAGE,
  MessageType,
  frame,
  messageLength,
  messageType,
} from '../../src/bgp/header.js'
import { decodeNotification, encodeNotification, notificationName, shutdownText } from '../../src/bgp/notification.js'
import { decodeOpen, encodeOpen } from '../../src/bgp/open.js'
import { decodeRouteRefresh, encodeRouteRefresh } from '../../src/bgp/route-refresh.js'
import { MessageScanner } from '../../src/bgp/scanner.js'
import { type UpdateResult, decodeUpdate } from '../../src/bgp/update.js'
import { RELEASES, ROOT } from '../../lab/frr.js'
import { open } from './arbitrary.js'
import { attribute, hex, reach, route, unreach, update } from './build.js'

const session = fc.record({ fourOctetAs: fc.boolean(), internal: fc.boolean() })
type Session = typeof session extends fc.Arbitrary<infer T> ? T : never

/** All that a decoder says of a message, whose length the header says. */
function decode(message: Buffer, format: Session): unknown {
  switch (messageType(message)) {
    case MessageType.OPEN:
      return decodeOpen(message)
    case MessageType.UPDATE:
      return decodeUpdate(message, format)
    case MessageType.NOTIFICATION: {
      const value = decodeNotification(message)
      return [value, notificationName(value), shutdownText(value)]
    }
    case MessageType.ROUTE_REFRESH:
      return decodeRouteRefresh(message)
    default:
      return undefined
  }
}

/** Decoding must neither throw nor depend on what stands around the message in memory, nor write to it. */
function tame(message: Buffer, format: Session): void {
  const alone = Buffer.from(message)
  const result = decode(alone, format)
  assert.deepEqual(alone, message)
  for (const around of [0x00, 0xff]) {
    const memory = Buffer.alloc(message.length + 64, around)
    message.copy(memory, 32)
    assert.deepEqual(decode(memory.subarray(32, 32 + message.length), format), result)
  }
  const reset = result as Partial<Extract<UpdateResult, { kind: 'session-reset' }>> | undefined
  if (reset?.kind === 'session-reset') {
    assert.ok(reset.reason !== undefined && reset.reason.length > 0)
    const [answer] = reset.notification === undefined ? [] : scan(encodeNotification(reset.notification))
    assert.ok(answer !== undefined)
  }
}

function scan(bytes: Buffer): Buffer[] {
  const scanner = new MessageScanner()
  scanner.maxMessage = MAX_EXTENDED_MESSAGE
  return [...scanner.push(bytes)]
}

const RECORDED = RELEASES.flatMap((frr) => scan(readFileSync(join(ROOT, `test/fixtures/bgp/${frr}.bin`))))
/** What FRR does not send here. */
const RARE = [
  update([reach(route(1, '00'.repeat(25)), route(4, '00'.repeat(18), '20', '00000000')), unreach(route(9, 'ab'))]),
  update([attribute('40', 1, '00'), attribute('40', 2, '02 02 fde9 fdea'), attribute('c0', 17, '02 01 0000fdea')], {
    withdrawn: '18 cb0071',
    nlri: '20 cb007101 00',
  }),
  update([
    attribute('c0', 7, '5ba0 c0000209'),
    attribute('c0', 18, 'fa56ea00 c0000209'),
    attribute('c0', 32, '00'.repeat(24)),
  ]),
]

/** Replaced, inserted and removed bytes, and the tail cut off; the header says the length again. */
const mutation = fc.array(
  fc.record({
    kind: fc.constantFrom('replace', 'insert', 'remove', 'cut'),
    at: fc.nat(300),
    byte: fc.oneof(fc.constantFrom(0, 1, 2, 4, 16, 32, 48, 127, 128, 255), fc.nat(255)),
  }),
  { minLength: 1, maxLength: 4 },
)
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(message: Buffer, changes: Mutation): Buffer {
  const body = [...message.subarray(HEADER_SIZE)]
  for (const { kind, at, byte } of changes) {
    const place = body.length === 0 ? 0 : at % body.length
    if (kind === 'replace' && body.length > 0) body[place] = byte
    if (kind === 'insert') body.splice(place, 0, byte)
    if (kind === 'remove') body.splice(place, 1)
    if (kind === 'cut') body.length = place
  }
  return frame(messageType(message), Buffer.from(body))
}

suite('decoders', () => {
  const types = fc.constantFrom(...Object.values(MessageType))

  test('mutations of recorded messages', () => {
    fc.assert(
      fc.property(fc.constantFrom(...RECORDED, ...RARE), mutation, session, (message, changes, format) => {
        // too short for its type is what the scanner refuses
        for (const mutated of scan(mutate(message, changes))) tame(mutated, format)
      }),
      { numRuns: 20_000 },
    )
  })

  const bodies: [name: string, body: fc.Arbitrary<Uint8Array | number[]>][] = [
    ['random bytes', fc.uint8Array({ maxLength: 200 })],
    [
      'small numbers, which lengths, types and flags like',
      fc.array(fc.constantFrom(0, 1, 2, 3, 4, 14, 15, 25, 32, 48, 64, 70, 128, 255), { maxLength: 120 }),
    ],
  ]
  for (const [name, body] of bodies) {
    test(name, () => {
      fc.assert(
        fc.property(types, body, session, (type, bytes, format) => {
          for (const message of scan(frame(type, Buffer.from(bytes)))) tame(message, format)
        }),
        { numRuns: 5000 },
      )
    })

    test(`${name} as attributes`, () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(255), body), { maxLength: 6 }), session, (all, format) => {
          const attributes = all.map(([code, flags, value]) => {
            const bytes = Buffer.from(value)
            return hex(attribute((flags & ~0x10).toString(16).padStart(2, '0'), code, bytes.toString('hex')))
          })
          tame(update(attributes.map((each) => each.toString('hex'))), format)
        }),
        { numRuns: 5000 },
      )
    })

    test(`${name} as EVPN routes`, () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(6), body), { maxLength: 3 }), session, (all, format) => {
          const routes = all.map(([type, value]) => route(type, Buffer.from(value).subarray(0, 70).toString('hex')))
          tame(update([unreach(...routes)]), format)
        }),
        { numRuns: 5000 },
      )
    })
  }

  test('the longest messages of the smallest parts', () => {
    const size = MAX_EXTENDED_MESSAGE - 23
    const attributes = (bytes: Buffer): Buffer => {
      const lengths = Buffer.alloc(4)
      lengths.writeUInt16BE(bytes.length, 2)
      return frame(MessageType.UPDATE, lengths, bytes)
    }
    const full = (part: string): Buffer =>
      Buffer.concat(new Array<Buffer>(size).fill(hex(part)), Math.floor(size / hex(part).length) * hex(part).length)
    const messages = [
      // attributes of no bytes, routes of no bytes, prefixes of no bits
      attributes(full('c06300')),
      attributes(Buffer.concat([hex('900f', 'ffe4', '001946'), full('0900').subarray(0, 0xffe1 & ~1)])),
      frame(MessageType.UPDATE, hex('00000000'), full('00')),
    ]
    for (const message of messages) tame(message, { fourOctetAs: true, internal: true })
  })
})

suite('what decoders take', () => {
  test('any OPEN is read as it was written', () => {
    fc.assert(
      fc.property(open, (value) => {
        const bytes = encodeOpen(value)
        assert.equal(messageLength(bytes), bytes.length)
        assert.deepEqual(decodeOpen(bytes), { kind: 'ok', open: value })
      }),
    )
  })

  test('a NOTIFICATION and a ROUTE-REFRESH are written as they were read', () => {
    for (const message of RECORDED) {
      if (messageType(message) === MessageType.NOTIFICATION)
        assert.deepEqual(encodeNotification(decodeNotification(message)), message)
      if (messageType(message) !== MessageType.ROUTE_REFRESH) continue
      const result = decodeRouteRefresh(message)
      assert.ok(result.kind === 'ok')
      assert.deepEqual(encodeRouteRefresh(result.refresh), message)
    }
  })
})
