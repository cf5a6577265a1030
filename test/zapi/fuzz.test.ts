// Whatever the bytes, a decoder answers with a value or with its own error, in bounded time and memory.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/zapi/cursor.js'
import { dissect } from '../../src/zapi/dissect.js'
import { renderTree } from '../../src/zapi/render.js'
import { HEADER_SIZE, MAX_FRAME, frameLength } from '../../src/zapi/frame.js'
import { FRR_RELEASES, type FrrRelease, frrRelease } from '../../src/zapi/releases.js'
import type { Layout } from '../../src/zapi/message.js'
import { type Direction, FAMILIES } from '../../src/zapi/messages/index.js'
import { ROUTE } from '../../src/zapi/messages/route.js'
import { RELEASES, ROOT } from '../../lab/frr.js'

const LAYOUTS: Layout<unknown>[] = FAMILIES.flatMap(({ toZebra, toBgpd }) =>
  [toZebra, toBgpd].flatMap((layouts) => Object.values(layouts)),
)

/** What decodes must be written as the same bytes; what does not must say so with the decoder's own error. */
function tame(layout: Layout<unknown>, payload: Buffer, { features }: FrrRelease): void {
  let value: unknown
  try {
    value = layout.decode(payload, features)
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error))
    assert.ok(error.offset >= 0 && error.offset <= payload.length)
    return
  }
  assert.equal(layout.encode(value, features).toString('hex'), payload.toString('hex'))
}

function framesOf(frr: string): { frame: Buffer; release: FrrRelease; direction: Direction }[] {
  const release = frrRelease(frr)
  assert.ok(release)
  const directory = join(ROOT, 'test/fixtures/zapi', frr)
  return readdirSync(directory).flatMap((name) => {
    const stream = readFileSync(join(directory, name))
    const direction: Direction = name.endsWith('to-zebra.bin') ? 'to-zebra' : 'to-bgpd'
    const frames = []
    for (let offset = 0; offset < stream.length; offset += frameLength(stream, offset)) {
      frames.push({ frame: stream.subarray(offset, offset + frameLength(stream, offset)), release, direction })
    }
    return frames
  })
}
const RECORDED = RELEASES.flatMap(framesOf)

/** Replaced, inserted and removed bytes, and the tail cut off. */
const mutation = fc.array(
  fc.record({
    kind: fc.constantFrom('replace' as const, 'insert' as const, 'remove' as const, 'defer' as const),
    at: fc.nat(200),
    byte: fc.oneof(fc.constantFrom(0, 1, 2, 10, 127, 128, 255), fc.nat(255)),
  }),
  { minLength: 1, maxLength: 4 },
)
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(payload: Buffer, changes: Mutation): Buffer {
  const bytes = [...payload]
  for (const { kind, at, byte } of changes) {
    const place = bytes.length === 0 ? 0 : at % bytes.length
    if (kind === 'replace' && bytes.length > 0) bytes[place] = byte
    if (kind === 'insert') bytes.splice(place, 0, byte)
    if (kind === 'remove') bytes.splice(place, 1)
    if (kind === 'defer') bytes.length = place
  }
  return Buffer.from(bytes)
}

const anyRelease = fc.constantFrom(...FRR_RELEASES)

suite('decoders', () => {
  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 160 }), anyRelease, (bytes, release) => {
        for (const layout of LAYOUTS) tame(layout, Buffer.from(bytes), release)
      }),
      { numRuns: 500 },
    )
  })

  test('small numbers, which counts, families and flags like', () => {
    const small = fc.array(fc.constantFrom(0, 1, 2, 3, 4, 10, 16, 32, 64, 255), { maxLength: 120 })
    fc.assert(
      fc.property(small, anyRelease, (bytes, release) => {
        for (const layout of LAYOUTS) tame(layout, Buffer.from(bytes), release)
      }),
      { numRuns: 1000 },
    )
  })

  test('mutations of recorded messages, in any release', () => {
    fc.assert(
      fc.property(fc.constantFrom(...RECORDED), mutation, anyRelease, ({ frame, direction }, changes, other) => {
        const header = Buffer.from(frame.subarray(0, HEADER_SIZE))
        const payload = mutate(frame.subarray(HEADER_SIZE), changes)
        for (const layout of LAYOUTS) tame(layout, payload, other)
        const dissection = dissect(Buffer.concat([header, payload]), other, direction)
        assert.equal(dissection.length, HEADER_SIZE + payload.length)
      }),
      { numRuns: 1000 },
    )
  })

  test('counts beyond what is there are refused before anything is made for them', () => {
    const { features } = FRR_RELEASES[0] as FrrRelease
    // bgp, message NEXTHOP, 0.0.0.0/0, 65535 nexthops, of which one is there
    const route = Buffer.from('0900000000000000000001010200ffff000000000600', 'hex')
    assert.throws(
      () => ROUTE.decode(route, features),
      /nexthops at offset 16: 65535 of them need more than the 6 bytes/,
    )
  })

  test('the longest payload of nothing but elements is decoded, shown and written', () => {
    for (const release of FRR_RELEASES) {
      const count = Math.floor((MAX_FRAME - HEADER_SIZE - 15) / 7)
      const head = Buffer.from('0900000000000000000001010200', 'hex')
      const size = Buffer.alloc(2)
      size.writeUInt16BE(count)
      const route = Buffer.concat([head, size, ...Array<Buffer>(count).fill(Buffer.from('00000000060001', 'hex'))])
      assert.equal(ROUTE.decode(route, release.features).nexthops?.length, count)
      tame(ROUTE, route, release)
      assert.equal(ROUTE.understand(route, release.features).problem, undefined)
    }
  })
})

suite('dissect', () => {
  test('never throws, and its fields are what JSON can say', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.option(anyRelease, { nil: undefined }),
        fc.constantFrom<Direction>('to-zebra', 'to-bgpd'),
        fc.nat(150),
        (bytes, release, direction, command) => {
          const frame = Buffer.from(bytes)
          // most random numbers are no command
          if (frame.length >= HEADER_SIZE) frame.writeUInt16BE(command, HEADER_SIZE - 2)
          const dissection = dissect(frame, release, direction)
          assert.deepEqual(JSON.parse(JSON.stringify(dissection.fields ?? null)), dissection.fields ?? null)
          // nothing that a terminal would obey
          assert.match([dissection.summary, ...renderTree(dissection)].join(''), /^[\x20-\x7e…]*$/)
        },
      ),
      { numRuns: 5000 },
    )
  })
})
