// The file of a journal: a recorded exchange whose first record says how much of it has been written for certain. What is
// written at once ends with a checksum. A process that dies while it writes leaves something unfinished beyond that length,
// and what it tells of has not happened yet; whatever is wrong before it means that the journal has been damaged.
import { crc32 } from 'node:zlib'
import {
  type ExchangeRecord,
  MAGIC,
  RECORD_HEADER,
  RecordKind,
  decodeRecords,
  encodeRecord,
  isExchange,
} from '../record/zapi-records.js'

const LENGTH_BYTES = 6
const CRC_BYTES = 4

/** Where `writtenBytes` are in the file. */
export const WRITTEN_OFFSET = MAGIC.length + RECORD_HEADER

/** The bytes of a record of kind `written`. */
export function writtenBytes(length: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES + CRC_BYTES)
  bytes.writeUIntBE(length, 0, LENGTH_BYTES)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, LENGTH_BYTES)), LENGTH_BYTES)
  return bytes
}

/** What a journal begins with; nothing else has been written yet. */
export function beginning(): Buffer {
  const length = WRITTEN_OFFSET + LENGTH_BYTES + CRC_BYTES
  return Buffer.concat([MAGIC, encode(RecordKind.written, writtenBytes(length))])
}

/** A checksum costs about a microsecond, and is written with what it is about. */
export function withChecksum(records: readonly Buffer[]): Buffer {
  const sum = Buffer.alloc(CRC_BYTES)
  sum.writeUInt32BE(records.reduce((crc, bytes) => crc32(bytes, crc), 0))
  return Buffer.concat([...records, encode(RecordKind.checksum, sum)])
}

const encode = (kind: RecordKind, bytes: Buffer): Buffer => encodeRecord({ kind, time: 0, session: 0, bytes })

/**
 * Yields the records of a journal up to its last checksum. Returns why it cannot be trusted; undefined if all that has been
 * written is there.
 */
export function* checkedRecords(file: Buffer): Generator<ExchangeRecord, string | undefined> {
  if (file.length === 0) return 'there is none'
  if (!isExchange(file)) return 'it is of another version, or no journal'
  const records = decodeRecords(file, MAGIC.length)
  const first = records.next()
  const written = first.done === true ? undefined : writtenLength(first.value)
  if (written === undefined) return 'its beginning is damaged, or of another version'
  if (file.length < written) return `it has ${file.length} of ${written} bytes`
  let start = beginning().length
  let part: ExchangeRecord[] = []
  for (;;) {
    const next = records.next()
    if (next.done === true) return start < written ? `it is not understood after byte ${next.value}` : undefined
    const record = next.value
    if (record.kind !== RecordKind.checksum) {
      part.push(record)
      continue
    }
    const end = record.bytes.byteOffset - file.byteOffset - RECORD_HEADER
    if (record.bytes.length !== CRC_BYTES || crc32(file.subarray(start, end)) !== record.bytes.readUInt32BE())
      return start < written ? `the checksum at byte ${end} is wrong` : undefined
    yield* part
    part = []
    start = end + RECORD_HEADER + record.bytes.length
  }
}

function writtenLength({ kind, bytes }: ExchangeRecord): number | undefined {
  if (kind !== RecordKind.written || bytes.length !== LENGTH_BYTES + CRC_BYTES) return undefined
  const length = bytes.readUIntBE(0, LENGTH_BYTES)
  return bytes.equals(writtenBytes(length)) ? length : undefined
}
