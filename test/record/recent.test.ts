import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { decodeRecords, RECORD_HEADER, RecordKind } from '../../src/record/zapi-records.js'
import { Ring } from '../../src/record/ring.js'

const CAPACITY = 300
/** Everything from `cursor` on, a few bytes at a time. */
function drain(ring: Ring, cursor = ring.start): Buffer[] {
  const slices: Buffer[] = []
  for (let slice = ring.read(cursor, 40); slice.length > 0; slice = ring.read(cursor, 40)) slices.push(slice)
  return [...decodeRecords(Buffer.concat(slices))].map(({ bytes }) => bytes)
}

/** The newest of `frames` whose records fit together; what could never fit is not kept. */
function newestThatFit(frames: readonly Uint8Array[]): Buffer[] {
  const kept: Buffer[] = []
  let size = 0
  for (const frame of frames.filter(({ length }) => RECORD_HEADER + length <= CAPACITY).reverse()) {
    size += RECORD_HEADER + frame.length
    if (size > CAPACITY) break
    kept.unshift(Buffer.from(frame))
  }
  return kept
}

const frames = fc.array(fc.uint8Array({ maxLength: CAPACITY + 10 }), { maxLength: 60 })

suite('the ring of recent messages', () => {
  test('keeps the newest that fit', () => {
    fc.assert(
      fc.property(frames, (all) => {
        const ring = new Ring(CAPACITY)
        for (const frame of all) ring.append(RecordKind.toBgpd, 7, frame)
        assert.deepEqual(drain(ring), newestThatFit(all))
      }),
    )
  })

  test('a reader that comes again and again gets every record once, or is told how many it has missed', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 20 }), (rounds) => {
        const ring = new Ring(CAPACITY)
        const cursor = ring.start
        let seen = 0
        let recorded = 0
        for (const round of rounds) {
          for (const frame of round) ring.append(RecordKind.toZebra, 1, frame)
          recorded += round.filter(({ length }) => RECORD_HEADER + length <= CAPACITY).length
          seen += ring.catchUp(cursor)
          seen += [...decodeRecords(ring.read(cursor, 100))].length
          assert.equal(cursor.record, seen)
        }
        seen += drain(ring, cursor).length
        assert.equal(seen, recorded)
      }),
    )
  })

  test('records only the part of the bytes that is the frame, with kind, session and time of day', () => {
    const ring = new Ring(CAPACITY)
    const before = Date.now()
    ring.append(RecordKind.dropped, 0xffffffff, Buffer.from('before frame after'), 7, 5)
    const [record] = [...decodeRecords(ring.read(ring.start, CAPACITY))]
    assert.ok(record !== undefined)
    assert.deepEqual([record.kind, record.session, record.bytes.toString()], [RecordKind.dropped, 0xffffffff, 'frame'])
    assert.ok(Math.abs(record.time - before) < 1000)
  })

  test('wakes who waits for more', async () => {
    const ring = new Ring(CAPACITY)
    const cursor = ring.end
    const more = ring.more()
    ring.append(RecordKind.closed, 1, Buffer.alloc(0))
    await more
    assert.equal(ring.read(cursor, CAPACITY).length, RECORD_HEADER)
  })
})
