// The format of recent FPM frames in the ring, on the control socket and in files. The records are those of
// zapi-records.ts; `session` is the number of the connection.
import { RECORD_HEADER, writeRecordHeader } from './zapi-records.js'

export const FpmRecordKind = {
  /** A frame, header included. */
  frame: 1,
  /** zebra has connected and begins to send everything; no bytes. */
  opened: 2,
  /** The replay is over; no bytes. */
  live: 3,
  /** The connection has ended; no bytes. */
  closed: 4,
  /** Only in files: the recording begins during a connection; no bytes. */
  inside: 5,
  /** Only at a reader: the number of records overwritten before it read them, as u32. */
  lost: 6,
} as const
export type FpmRecordKind = (typeof FpmRecordKind)[keyof typeof FpmRecordKind]

/** `time` is in milliseconds since the epoch; `connection` counts from 1 and is 0 for none. */
export type FpmRecord = { kind: FpmRecordKind; time: number; connection: number; bytes: Buffer }

const KINDS = new Set<number>(Object.values(FpmRecordKind))
const LENGTH_BYTES = 4

export function encodeFpmRecord({ kind, time, connection, bytes }: FpmRecord): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER + bytes.length)
  writeRecordHeader(record, kind, time, connection, bytes.length)
  bytes.copy(record, RECORD_HEADER)
  return record
}

/** Yields the records up to the first incomplete or invalid one; their `bytes` are views. */
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

/** Returns the number of lost records; 0 for a record of another kind. */
export const lostOf = ({ kind, bytes }: FpmRecord): number =>
  kind === FpmRecordKind.lost && bytes.length === 4 ? bytes.readUInt32BE() : 0
