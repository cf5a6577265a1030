import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { take } from '../../src/os/splice.js'
import { type Boundary, BoundaryMark, readBoundary } from '../../src/relay/boundary-mark.js'
import { FrameWalk } from '../../src/relay/frame-walk.js'
import { NUMBERS, frame } from '../zapi/build.js'
import { pair } from './socket-pair.js'

const N = NUMBERS['8.4']
const at = (bytesAhead: number, unseen = false): Boundary => ({ known: true, bytesAhead, unseen })
const UNKNOWN: Boundary = { known: false }

type Source = { fd: number; write: (bytes: Buffer) => Promise<void> } & AsyncDisposable

async function source(): Promise<Source> {
  const dir = mkdtempSync(join(tmpdir(), 'macipd-walk-'))
  const { outer, inner, fd } = await pair(join(dir, 'source'))
  return {
    fd,
    write: (bytes) =>
      new Promise((resolve) =>
        outer.write(bytes, () => {
          resolve()
        }),
      ),
    [Symbol.asyncDispose]: () => {
      outer.destroy()
      inner.destroy()
      rmSync(dir, { recursive: true })
      return Promise.resolve()
    },
  }
}

/** Takes `count` bytes out of the socket, or as many as there are. */
const leave = (fd: number, count: number): number => take(fd, Buffer.alloc(65_536), Math.min(count, 65_536)) ?? 0

test('what is noted lasts, and is counted down by what leaves', async () => {
  await using from = await source()
  assert.deepEqual(readBoundary(from.fd), at(0))
  await from.write(Buffer.alloc(1000))
  const mark = new BoundaryMark(from.fd)
  mark.ahead(60, false)
  leave(from.fd, 20)
  assert.deepEqual(readBoundary(from.fd), at(40))
  leave(from.fd, 40)
  assert.deepEqual(readBoundary(from.fd), at(0))
  leave(from.fd, 1)
  assert.deepEqual(readBoundary(from.fd), UNKNOWN)
  mark.ahead(60, true)
  leave(from.fd, 20)
  assert.deepEqual(readBoundary(from.fd), at(40, true))
  mark.inside(40)
  assert.deepEqual(readBoundary(from.fd), at(40, true))
  mark.atFront()
  assert.deepEqual(readBoundary(from.fd), at(0))
  mark.unknown()
  assert.deepEqual(readBoundary(from.fd), UNKNOWN)
})

test('frames in whatever pieces: the next one’s beginning is known at each step, by every successor', async () => {
  const sizes = fc.array(fc.oneof(fc.nat(30), fc.nat(16_000)), { minLength: 1, maxLength: 12 })
  const steps = fc.array(
    fc.record({ write: fc.integer({ min: 1, max: 9000 }), leave: fc.integer({ min: 1, max: 9000 }) }),
  )
  await fc.assert(
    fc.asyncProperty(sizes, steps, async (frameSizes, drawn) => {
      await using from = await source()
      const frames = frameSizes.map((size) => frame(N.ROUTE_ADD, Buffer.alloc(size, 0xfe)))
      const stream = Buffer.concat(frames)
      const boundaries: number[] = []
      for (let offset = 0; offset <= stream.length; offset += stream.readUInt16BE(offset)) {
        boundaries.push(offset)
        if (offset === stream.length) break
      }
      let written = 0
      let gone = 0
      for (const step of [...drawn, { write: stream.length, leave: stream.length }]) {
        const bytes = stream.subarray(written, written + step.write)
        if (bytes.length > 0) await from.write(bytes)
        written += bytes.length
        const walk = new FrameWalk(from.fd)
        for (let quota = step.leave; quota > 0; ) {
          const allowed = walk.next()
          if (allowed === undefined) break
          const moved = leave(from.fd, Math.min(allowed, quota))
          if (moved === 0) break
          gone += moved
          quota -= moved
          const boundary = readBoundary(from.fd)
          assert.ok(boundary.known && !boundary.unseen)
          assert.ok(boundaries.includes(gone + boundary.bytesAhead), `${gone} + ${boundary.bytesAhead}`)
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('what is at the front can be copied, whatever is noted, and that stays noted', async () => {
  await using from = await source()
  const one = frame(N.ROUTE_ADD, Buffer.from('first'))
  await from.write(one)
  const walk = new FrameWalk(from.fd)
  assert.equal(walk.next(), one.length)
  const copy = Buffer.alloc(100)
  for (const gone of [0, 4]) {
    leave(from.fd, gone)
    assert.equal(walk.peekFront(copy), one.length - gone)
    assert.deepEqual(copy.subarray(0, one.length - gone), one.subarray(gone))
    assert.deepEqual(readBoundary(from.fd), at(one.length - gone))
  }
})

test('what is no frame leaves as well, and boundaries are not known then', async () => {
  await using from = await source()
  await from.write(Buffer.concat([frame(N.ROUTE_ADD, Buffer.alloc(5)), Buffer.alloc(50)]))
  const walk = new FrameWalk(from.fd)
  assert.equal(walk.next(), 15)
  leave(from.fd, 15)
  assert.equal(walk.next(), Infinity)
  assert.deepEqual(readBoundary(from.fd), UNKNOWN)
  leave(from.fd, 50)
  assert.equal(new FrameWalk(from.fd).next(), Infinity)
})

test('an unfinished header waits a little for its rest', async () => {
  await using from = await source()
  const one = frame(N.ROUTE_ADD, Buffer.alloc(5))
  await from.write(one.subarray(0, 7))
  const walk = new FrameWalk(from.fd)
  assert.equal(walk.next(), undefined)
  assert.deepEqual(readBoundary(from.fd), at(0))
  await from.write(one.subarray(7, 12))
  assert.equal(walk.next(), one.length)
  leave(from.fd, 12)
  assert.deepEqual(readBoundary(from.fd), at(3))
  assert.equal(walk.next(), 3)
})
