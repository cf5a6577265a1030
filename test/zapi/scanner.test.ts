import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
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
  readonly scanner: FrameScanner

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
      const { pass, discard, starved } = this.scanner.scan(this.queue, this.queue.length)
      if (starved) return
      this.scanner.consumed(this.queue, pass + discard)
      this.passed.push(Buffer.from(this.queue.subarray(0, pass)))
      this.discarded.push(Buffer.from(this.queue.subarray(pass, pass + discard)))
      this.queue = this.queue.subarray(pass + discard)
    }
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
      assert.ok(feed.scanner.atBoundary, `split at ${split}`)
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
    assert.equal(feed.scanner.atBoundary, false)
    feed.arrive(route.subarray(40))
    assert.equal(feed.scanner.atBoundary, true)
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
      assert.equal(feed.scanner.atBoundary, false)
    })
  }
})

suite('a stream joined inside', () => {
  test('at every offset: all bytes pass, and boundaries are found without inventing a frame', () => {
    const stream = Buffer.concat([...CONVERSATION, ...CONVERSATION])
    const real = new Set(CONVERSATION.map((part) => part.toString('hex')))
    for (let start = 0; start < stream.length - 60; start++) {
      const feed = new Feed(undefined, [], true)
      feed.arrive(stream.subarray(start))
      assert.deepEqual(feed.output, stream.subarray(start))
      assert.ok(feed.scanner.atBoundary, `joined at ${start}`)
      for (const seen of feed.frames) assert.ok(real.has(seen.toString('hex')), `joined at ${start}`)
    }
  })

  test('silence is a boundary', () => {
    const feed = new Feed(undefined, [], true)
    assert.equal(feed.scanner.atBoundary, false)
    feed.scanner.assumeBoundary()
    assert.equal(feed.scanner.atBoundary, true)
  })
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
