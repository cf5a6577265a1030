import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { MAX_FRAME } from '../../src/zapi/frame.js'
import { FrameScanner, type Verdict } from '../../src/zapi/scanner.js'
import { NUMBERS, OPENINGS, frame, hex, macIpAdd, vniAdd } from './build.js'

const N = NUMBERS['8.4']
const MAC = 'bc:24:11:00:00:01'

/** Feeds a stream as a socket would: bytes become visible in pieces, and what was not consumed is seen again. */
class Feed {
  readonly frames: Buffer[] = []
  readonly passed: Buffer[] = []
  readonly discarded: Buffer[] = []
  private queue: Buffer = Buffer.alloc(0)
  /** Bytes that are to pass when they come. */
  private owed = 0
  readonly scanner: FrameScanner
  /** Lets what is unfinished pass at once. */
  impatient = false

  constructor(verdict: (frame: Buffer) => Verdict = () => 'pass', watched: number[] = [], joining = false) {
    this.scanner = new FrameScanner(
      (bytes, offset, length) => {
        const seen = Buffer.from(bytes.subarray(offset, offset + length))
        const answer = verdict(seen)
        if (answer !== 'defer') this.frames.push(seen)
        return answer
      },
      (command) => watched.includes(command),
      joining,
    )
  }

  arrive(bytes: Buffer): void {
    this.queue = Buffer.concat([this.queue, bytes])
    while (this.queue.length > 0) {
      if (this.owed === 0) {
        const { pass, discard, starved } = this.scanner.scan(this.queue, this.queue.length)
        if (starved && !this.impatient) return
        if (starved) this.owed = this.scanner.scanPart(this.queue, this.queue.length).pass
        else {
          this.owed = pass
          if (discard > 0) {
            this.pass()
            this.discarded.push(Buffer.from(this.queue.subarray(0, discard)))
            this.queue = this.queue.subarray(discard)
          }
        }
      }
      this.pass()
    }
  }

  private pass(): void {
    const bytes = Buffer.from(this.queue.subarray(0, this.owed))
    this.passed.push(bytes)
    this.queue = this.queue.subarray(bytes.length)
    this.owed -= bytes.length
  }

  /** Whether something could be inserted behind the output. */
  get atBoundary(): boolean {
    return this.owed === 0 && this.scanner.position.at === 'boundary'
  }

  get output(): Buffer {
    return Buffer.concat(this.passed)
  }
}

const CONVERSATION = [
  OPENINGS['8.4'].capabilities,
  vniAdd(N),
  macIpAdd(N, MAC, ''),
  frame(N.ROUTE_ADD, Buffer.alloc(300, 0xfe)),
  macIpAdd(N, MAC, '0a02010b'),
  frame(25, Buffer.alloc(0)),
]

suite('a stream from its beginning', () => {
  const stream = Buffer.concat(CONVERSATION)

  test('split at every offset: every byte passes, in order; watched frames are always seen whole', () => {
    for (let split = 0; split <= stream.length; split++) {
      const feed = new Feed(undefined, [N.MACIP_ADD, N.VNI_ADD])
      feed.arrive(stream.subarray(0, split))
      feed.arrive(stream.subarray(split))
      assert.deepEqual(feed.output, stream, `split at ${split}`)
      const watched = feed.frames.filter((seen) => [N.MACIP_ADD, N.VNI_ADD].some((command) => command === seen[9]))
      assert.deepEqual(watched, [CONVERSATION[1], CONVERSATION[2], CONVERSATION[4]], `split at ${split}`)
      assert.ok(feed.atBoundary, `split at ${split}`)
    }
  })

  test('one byte at a time', () => {
    const feed = new Feed(undefined, [N.MACIP_ADD])
    for (const byte of stream) feed.arrive(Buffer.from([byte]))
    assert.deepEqual(feed.output, stream)
    assert.equal(feed.frames.filter((seen) => seen[9] === N.MACIP_ADD).length, 2)
  })

  test('an unfinished frame that is not waited for is passed on at once, and nothing may be inserted in it', () => {
    const feed = new Feed()
    const route = frame(N.ROUTE_ADD, Buffer.alloc(100))
    feed.arrive(route.subarray(0, 40))
    assert.equal(feed.output.length, 40)
    assert.equal(feed.atBoundary, false)
    feed.arrive(route.subarray(40))
    assert.equal(feed.atBoundary, true)
  })

  test('a dropped frame is taken out, what stands around it is not', () => {
    const dropped = macIpAdd(N, MAC, '0a02010b')
    const feed = new Feed((seen) => (seen.equals(dropped) ? 'drop' : 'pass'))
    feed.arrive(stream)
    assert.deepEqual(Buffer.concat(feed.discarded), dropped)
    assert.deepEqual(feed.output, Buffer.concat(CONVERSATION.filter((part) => !part.equals(dropped))))
  })

  test('a deferred frame is offered again, and what stands before it is passed on', () => {
    const until = macIpAdd(N, MAC, '0a02010b')
    let offered = 0
    const feed = new Feed((seen) => (seen.equals(until) && offered++ === 0 ? 'defer' : 'pass'))
    feed.arrive(stream)
    assert.equal(offered, 2)
    assert.deepEqual(feed.passed.at(0), Buffer.concat(CONVERSATION.slice(0, 4)))
    assert.deepEqual(feed.output, stream)
  })
})

suite('bytes that are not ZAPI', () => {
  const header = (length: number, marker = 'fe', version = '06'): Buffer =>
    hex(length.toString(16).padStart(4, '0'), marker, version, '00000000', '0008')
  const wrong: [name: string, bytes: Buffer, expected: RegExp][] = [
    ['a length below the header', header(9), /length 9 is below 10/],
    ['a length above the maximum', header(16385), /length 16385 is above 16384/],
    ['another marker', header(20, 'ff'), /marker is 0xff/],
    ['another version', header(20, 'fe', '05'), /version is 5/],
    ['an impossible command', hex('0014 fe 06 00000000 0400'), /command number 1024/],
  ]
  for (const [name, bytes, expected] of wrong) {
    test(`${name}: passes untouched, with all that follows, and is named`, () => {
      const feed = new Feed()
      const stream = Buffer.concat([OPENINGS['8.4'].capabilities, bytes, Buffer.alloc(30), ...CONVERSATION])
      feed.arrive(stream)
      assert.deepEqual(feed.output, stream)
      assert.equal(feed.frames.length, 1)
      assert.match(feed.scanner.fault ?? '', expected)
      assert.equal(feed.atBoundary, false)
      // the search does not end
      feed.arrive(Buffer.concat(CONVERSATION))
      assert.deepEqual(feed.output, Buffer.concat([stream, ...CONVERSATION]))
      assert.equal(feed.atBoundary, true)
      assert.match(feed.scanner.fault ?? '', expected)
    })
  }
})

suite('a stream joined inside', () => {
  test('at every offset: all bytes pass, and boundaries are found without inventing a frame', () => {
    const stream = Buffer.concat([...CONVERSATION, ...CONVERSATION, ...CONVERSATION])
    const real = new Set(CONVERSATION.map((part) => part.toString('hex')))
    for (let start = 0; start < 2 * (stream.length / 3) - 60; start++) {
      const feed = new Feed(undefined, [], true)
      feed.arrive(stream.subarray(start))
      assert.deepEqual(feed.output, stream.subarray(start))
      assert.ok(feed.atBoundary, `joined at ${start}`)
      for (const seen of feed.frames) assert.ok(real.has(seen.toString('hex')), `joined at ${start}`)
    }
  })

  test('neither silence nor a few frames are a boundary', () => {
    const feed = new Feed(undefined, [], true)
    assert.equal(feed.atBoundary, false)
    for (const part of [...CONVERSATION, vniAdd(N)]) {
      feed.arrive(part)
      assert.equal(feed.atBoundary, false)
    }
    feed.arrive(vniAdd(N))
    assert.equal(feed.atBoundary, true)
  })

  test('frames inside a frame are not believed while the true ones go on', () => {
    const inner = Buffer.concat(new Array<Buffer>(20).fill(frame(N.ROUTE_ADD, Buffer.alloc(0))))
    const outer = frame(N.ROUTE_ADD, Buffer.concat([Buffer.alloc(6), inner, Buffer.alloc(6)]))
    const start = Buffer.concat(CONVERSATION)
    const feed = new Feed(undefined, [], true)
    for (const byte of Buffer.concat([start, outer])) {
      feed.arrive(Buffer.from([byte]))
      assert.equal(feed.atBoundary, false)
    }
    feed.arrive(start)
    assert.equal(feed.atBoundary, true)
  })

  test('any frames, joined anywhere, cut anywhere: what is found is a boundary', () => {
    const one = fc.tuple(fc.nat(147), fc.uint8Array({ maxLength: 60 })).map(([command, payload]) =>
      // bytes that look like headers, too
      frame(command, Buffer.from(payload.map((byte) => (byte % 4 === 0 ? 0xfe : byte % 4 === 1 ? 6 : byte)))),
    )
    const frames = fc.array(one, { minLength: 20, maxLength: 40 })
    // a false header may point far ahead; there it finds nothing
    const tail = new Array<Buffer>(20).fill(frame(N.ROUTE_ADD, Buffer.alloc(1000)))
    fc.assert(
      fc.property(
        frames,
        fc.nat(200),
        fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 80 }),
        (drawn, from, cuts) => {
          const all = [...drawn, ...tail]
          const stream = Buffer.concat(all)
          const boundaries = new Set([0])
          for (const [index] of all.entries()) boundaries.add(Buffer.concat(all.slice(0, index + 1)).length)
          const feed = new Feed(undefined, [], true)
          let offset = Math.min(from, stream.length)
          const joinedAt = offset
          for (const cut of [...cuts, stream.length]) {
            feed.arrive(stream.subarray(offset, offset + cut))
            offset = Math.min(stream.length, offset + cut)
            if (feed.atBoundary) assert.ok(boundaries.has(joinedAt + feed.output.length))
          }
          assert.deepEqual(feed.output, stream.subarray(joinedAt, joinedAt + feed.output.length))
          assert.equal(feed.scanner.inSync, true)
        },
      ),
      { numRuns: 300 },
    )
  })
})

test('a false chain that ends in a later look does not stop the search', () => {
  const bytes = Buffer.alloc(60_000)
  for (const offset of [16_000, 16_000 + MAX_FRAME])
    frame(N.ROUTE_ADD, Buffer.alloc(MAX_FRAME - 10)).copy(bytes, offset)
  const feed = new Feed(undefined, [], true)
  // the chain's next header would be at 48,768
  feed.arrive(bytes.subarray(0, 40_000))
  feed.arrive(bytes.subarray(40_000))
  assert.equal(feed.atBoundary, false)
  feed.arrive(Buffer.concat([...CONVERSATION, ...CONVERSATION]))
  assert.equal(feed.atBoundary, true)
})

test('a watched frame that has to pass in parts is seen whole, cut anywhere, a header as well', () => {
  const watched = macIpAdd(N, MAC, '0a02010b')
  const stream = Buffer.concat([vniAdd(N), watched, vniAdd(N)])
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second += 7) {
      const feed = new Feed(undefined, [N.MACIP_ADD, N.VNI_ADD])
      feed.impatient = true
      feed.arrive(stream.subarray(0, first))
      feed.arrive(stream.subarray(first, second))
      feed.arrive(stream.subarray(second))
      assert.deepEqual(feed.output, stream)
      assert.deepEqual(feed.frames, [vniAdd(N), watched, vniAdd(N)], `cut at ${first} and ${second}`)
      assert.ok(feed.atBoundary)
    }
  }
})

test('whatever arrives in whatever pieces leaves unchanged', () => {
  const piece = fc.oneof(
    fc.constantFrom(...CONVERSATION),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat(80), { maxLength: 30 }),
      fc.boolean(),
      (pieces, cuts, joining) => {
        const stream = Buffer.concat(pieces)
        const feed = new Feed(undefined, [], joining)
        let offset = 0
        for (const cut of cuts) {
          feed.arrive(stream.subarray(offset, offset + cut))
          offset += cut
        }
        feed.arrive(stream.subarray(offset))
        // Fewer bytes than a header may still wait for the rest.
        const { output } = feed
        assert.ok(stream.length - output.length < 10)
        assert.deepEqual(output, stream.subarray(0, output.length))
      },
    ),
    { numRuns: 1000 },
  )
})
