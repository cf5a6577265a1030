import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { eachFrame, FpmFrameError, FrameScanner, MAX_FRAME } from '../../src/fpm/frame.js'
import { frame } from './build.js'

function scan(chunks: Iterable<Buffer>): { frames: Buffer[]; error: unknown; waiting: number } {
  const scanner = new FrameScanner()
  const frames: Buffer[] = []
  try {
    for (const chunk of chunks)
      scanner.feed(chunk, (found, count) => {
        const each = [...eachFrame(found)]
        assert.equal(each.length, count)
        frames.push(...each)
      })
    return { frames, error: undefined, waiting: scanner.waiting }
  } catch (error) {
    return { frames, error, waiting: scanner.waiting }
  }
}

test('frames of every length, however the stream is cut', () => {
  const payload = fc.uint8Array({ maxLength: 300 })
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), payload), { maxLength: 12 })
  const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(frames, cuts, (contents, sizes) => {
      const sent = contents.map(([type, body]) => frame(type, body))
      const stream = Buffer.concat(sent)
      const chunks: Buffer[] = []
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1
        chunks.push(stream.subarray(at, at + size))
        at += size
      }
      assert.deepEqual(scan(chunks), { frames: sent, error: undefined, waiting: 0 })
    }),
  )
})

test('the longest frame, byte by byte, and the shortest', () => {
  const longest = frame(2, Buffer.alloc(MAX_FRAME - 4, 7))
  const bytes = Array.from(longest, (byte) => Buffer.of(byte))
  assert.deepEqual(scan([...bytes, frame(1)]).frames, [longest, frame(1)])
})

test('of a frame that never ends no more waits than a frame has', () => {
  const longest = frame(1, Buffer.alloc(MAX_FRAME - 4))
  assert.deepEqual(scan([frame(1), longest.subarray(0, MAX_FRAME - 1)]), {
    frames: [frame(1)],
    error: undefined,
    waiting: MAX_FRAME - 1,
  })
})

test('what is no frame is refused at its first wrong byte, after the frames before it', () => {
  const good = frame(1, Buffer.alloc(8))
  const cases: [bytes: number[], offset: number, what: RegExp][] = [
    [[0], 12, /at byte 12 of the stream: version 0, expected 1/],
    [[1, 3], 13, /message type 3, expected 1 \(netlink\) or 2/],
    [[1, 1, 0, 3], 14, /length 3, expected 4 to 65535/],
  ]
  for (const [bytes, offset, what] of cases) {
    const whole = Buffer.concat([good, Buffer.from(bytes)])
    for (const chunks of [[whole], Array.from(whole, (byte) => Buffer.of(byte))]) {
      const { frames, error } = scan(chunks)
      assert.deepEqual(frames, [good])
      assert.ok(error instanceof FpmFrameError)
      assert.equal(error.offset, offset)
      assert.match(error.message, what)
    }
  }
})

test('any bytes: frames, then at most one error of its own kind', () => {
  const chunk = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes))
  const likely = fc.tuple(fc.constantFrom(1, 2), fc.nat(40)).map(([type, length]) => Buffer.of(1, type, 0, length))
  fc.assert(
    fc.property(fc.array(fc.oneof(chunk, likely), { maxLength: 10 }), (chunks) => {
      const { error, waiting } = scan(chunks)
      assert.ok(error === undefined || error instanceof FpmFrameError, String(error))
      assert.ok(waiting < MAX_FRAME)
    }),
    { numRuns: 3000 },
  )
})
