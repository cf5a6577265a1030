// What is kept of recent FPM connections, in the ring, on the control socket and in files: records as those of
// zapi/relay/records.ts, whose `session` is the number of the connection.
import { RECORD_HEADER, writeRecordHeader } from './zapi-records.js'

export const FpmRecordKind = {
  /** A frame with its header. */
  frame: 1,
  /** zebra has connected, and begins to tell everything; no bytes. */
  opened: 2,
  /** It seems to have told everything; no bytes. */
  live: 3,
  /** The connection has ended; no bytes. */
  closed: 4,
  /** Only in files: the recording begins inside a connection; no bytes. */
  inside: 5,
  /** Only at the reader: how many records it was too late for, as u32. */
  lost: 6,
} as const
export type FpmRecordKind = (typeof FpmRecordKind)[keyof typeof FpmRecordKind]

/** `time`: milliseconds since the epoch; `connection`: from 1, 0 for none in particular. */
export type FpmRecord = { kind: FpmRecordKind; time: number; connection: number; bytes: Buffer }

const KINDS = new Set<number>(Object.values(FpmRecordKind))
const LENGTH_BYTES = 4

export function encodeFpmRecord({ kind, time, connection, bytes }: FpmRecord): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER + bytes.length)
  writeRecordHeader(record, kind, time, connection, bytes.length)
  bytes.copy(record, RECORD_HEADER)
  return record
}

/** The records up to the first that is unfinished or not one; their `bytes` are views. */
export function* decodeFpmRecords(records: Buffer): Generator<FpmRecord, void, undefined> {
  for (let offset = 0; records.length - offset >= RECORD_HEADER; ) {
    const end = offset + LENGTH_BYTES + records.readUInt32BE(offset)
    const kind = records.readUInt8(offset + 4)
    if (end > records.length || end < offset + RECORD_HEADER || !KINDS.has(kind)) return
    yield {
      kind: kind as FpmRecordKind,
      time: records.readDoubleBE(offset + 5),
      connection: records.readUInt32BE(offset + 13),
      bytes: records.subarray(offset + RECORD_HEADER, end),
    }
    offset = end
  }
}

export function lostRecord(lost: number, time: number): FpmRecord {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(Math.min(lost, 0xffffffff))
  return { kind: FpmRecordKind.lost, time, connection: 0, bytes }
}

/** Of a record that holds something else, none. */
export const lostOf = ({ kind, bytes }: FpmRecord): number =>
  kind === FpmRecordKind.lost && bytes.length === 4 ? bytes.readUInt32BE() : 0
