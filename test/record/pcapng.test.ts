import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { CaptureReader, CaptureWriter, isMessage } from '../../src/record/pcapng/zapi-capture.js'
import { PcapngError } from '../../src/record/pcapng/reader.js'
import { type ExchangeRecord, RecordKind } from '../../src/record/zapi-records.js'
import { run, tempDir } from '../support.js'
import { frame } from '../zapi/build.js'

/** A quarter of a microsecond is what a time of day in milliseconds resolves. */
const TIME_STEP = 2 ** -12
const time = fc.integer({ min: 0, max: 2 ** 30 }).map((steps) => 1_800_000_000_000 + steps * TIME_STEP)
const session = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 0xffffffff }))
const kind = fc.constantFrom(...Object.values(RecordKind))
const record: fc.Arbitrary<ExchangeRecord> = fc
  .record({ kind, time, session, payload: fc.uint8Array({ maxLength: 200 }) })
  .map(({ payload, ...rest }) => ({
    ...rest,
    bytes: isMessage(rest.kind) ? frame(72, Buffer.from(payload)) : Buffer.from(payload),
  }))

function written(records: readonly ExchangeRecord[], comment = 'what it says'): Buffer {
  const writer = new CaptureWriter()
  return Buffer.concat([writer.begin('test'), ...records.map((each) => writer.packet(each, comment))])
}

/** What is read back when the file comes in pieces of this size. */
function read(file: Buffer, piece = file.length): { records: ExchangeRecord[]; foreign: number; unfinished: number } {
  const reader = new CaptureReader()
  const records: ExchangeRecord[] = []
  for (let offset = 0; offset < file.length; offset += piece) {
    records.push(...reader.feed(file.subarray(offset, offset + piece)))
  }
  return { records, foreign: reader.foreign, unfinished: reader.unfinished }
}

suite('a capture file', () => {
  test('gives back every record as it was, in whatever pieces it is read', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), fc.integer({ min: 1, max: 300 }), (records, piece) => {
        assert.deepEqual(read(written(records), piece), { records, foreign: 0, unfinished: 0 })
      }),
    )
  })

  test('cut off anywhere, as by a death of its writer: whole records are read, and the rest is counted', () => {
    const records = fc.sample(record, 3)
    const file = written(records)
    for (let end = 0; end <= file.length; end++) {
      const { records: found, unfinished } = read(file.subarray(0, end))
      assert.deepEqual(found, records.slice(0, found.length))
      assert.equal(unfinished === 0, isBoundary(end, file))
    }
  })

  test('of the longest messages and a comment longer than an option can be', () => {
    const records = [{ kind: RecordKind.toBgpd, time: 0, session: 1, bytes: frame(72, Buffer.alloc(16374)) }]
    assert.deepEqual(read(written(records, 'ä'.repeat(70_000))).records, records)
  })

  test('whatever the bytes: records, or an error that names the cursor', () => {
    const file = written(fc.sample(record, 10))
    const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
    const mutated = damage.map((changes) => {
      const bytes = Buffer.from(file)
      for (const [at, value] of changes) bytes[at] = value
      return bytes
    })
    const random = fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.oneof(mutated, random), (bytes) => {
        try {
          read(bytes, 50)
        } catch (error) {
          assert.ok(error instanceof PcapngError)
          assert.match(error.message, /^at byte \d+: /)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('of another program: packets that are no records are counted', () => {
    const file = written([{ kind: RecordKind.toBgpd, time: 0, session: 1, bytes: frame(72, Buffer.alloc(5)) }])
    // the port of zebra in the TCP header
    const port = file.lastIndexOf(Buffer.from([0x0a, 0x28]))
    file[port] = 0
    assert.deepEqual(read(file), { records: [], foreign: 1, unfinished: 0 })
  })
})

/** Whether a block ends at this position. */
function isBoundary(position: number, file: Buffer): boolean {
  let offset = 0
  while (offset < position) offset += file.readUInt32LE(offset + 4)
  return offset === position
}

suite('tshark', () => {
  test('calls every message ZEBRA, finds no checksum wrong and no byte missing, and shows our comment', async (t) => {
    const kinds = [RecordKind.toZebra, RecordKind.toBgpd, RecordKind.dropped, RecordKind.injected]
    const messages = Array.from({ length: 200 }, (_, index): ExchangeRecord => {
      const bytes = frame(index % 20, Buffer.alloc(index % 13, index))
      return {
        kind: kinds[index % 4] ?? RecordKind.toZebra,
        time: 1_800_000_000_000 + index,
        session: 1 + (index % 3),
        bytes,
      }
    })
    const events = [RecordKind.opened, RecordKind.closed].map((kind) => {
      return { kind, time: 1_800_000_000_000, session: 9, bytes: Buffer.alloc(0) }
    })
    const file = join(tempDir(t), 'test.pcapng')
    writeFileSync(file, written([...messages, ...events], 'MACIP_ADD in our words'))
    const tshark = async (...args: string[]): Promise<string[]> => {
      const checks = ['-o', 'ip.check_checksum:TRUE', '-o', 'tcp.check_checksum:TRUE']
      const { code, stdout, stderr } = await run('tshark', ['-r', file, ...checks, ...args])
      assert.equal(code, 0, `tshark (Debian package tshark) must read the file: ${stderr}`)
      return stdout.split('\n').filter((release) => release !== '')
    }
    assert.equal((await tshark()).length, messages.length + events.length)
    assert.equal((await tshark('-Y', 'zebra')).length, messages.length)
    const wrong =
      'tcp.analysis.lost_segment || tcp.analysis.retransmission || ip.checksum.status == 0 || tcp.checksum.status == 0'
    assert.deepEqual(await tshark('-Y', wrong), [])
    const comments = await tshark('-Y', 'zebra', '-T', 'fields', '-e', 'frame.comment')
    assert.deepEqual(new Set(comments), new Set(['MACIP_ADD in our words']))
    const toBgpd = 'frame.packet_flags_direction == 1'
    assert.equal((await tshark('-Y', toBgpd)).length, 150)
  })
})
