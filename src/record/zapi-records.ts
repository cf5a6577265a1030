// The format of a recorded exchange, in the journal, in the ring of recent messages, on the control socket and in
// files: records of
//   | length u32 | kind u8 | time f64, ms since the epoch | session u32 | bytes … |        all big endian,
// where length counts what follows it. A file begins with 8 bytes of magic.

export const MAGIC = Buffer.from('MACIPDX1')

const LENGTH_BYTES = 4
/** Size of the fields before a record's bytes. */
export const RECORD_HEADER = LENGTH_BYTES + 1 + 8 + 4

/** The kinds of records. */
export const RecordKind = {
  /** A frame that bgpd sent and zebra received. */
  toZebra: 1,
  /** A frame that zebra sent and bgpd received. */
  toBgpd: 2,
  /** A frame that zebra sent and the relay did not pass on. */
  dropped: 3,
  /** A frame that the relay sent to bgpd. */
  injected: 4,
  /** The connection has ended; no bytes. */
  closed: 5,
  /** An overlay.Entry that was put. */
  overlayPut: 6,
  /** An overlay.Key that was removed. */
  overlayRemove: 7,
  /** The connection has begun; no bytes. */
  opened: 8,
  /** The recording begins during a connection; the bytes are its HELLO and CAPABILITIES, as far as they were seen. */
  known: 9,
  /** Something that passed is not in the recording: see Gap. */
  gap: 10,
  /**
   * Only in a rewritten journal: the relay announced a MAC to bgpd with a sequence number, which bgpd keeps as a
   * minimum while the MAC is local. The bytes are the frame of a ZEBRA_MACIP_ADD with both.
   */
  minSequence: 11,
  /** Only in a journal: the bytes are the CRC-32 of all that was written since the checksum before, or the magic. */
  checksum: 12,
  /** From here on it is not certain what bgpd has been told in the session; the bytes say why, in UTF-8. */
  uncertain: 13,
} as const
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]

export type ExchangeRecord = { kind: RecordKind; time: number; session: number; bytes: Buffer }

const KINDS = new Set<number>(Object.values(RecordKind))

/** Writes the fields before a record's `length` bytes. */
export function writeRecordHeader(into: Buffer, kind: number, time: number, session: number, length: number): void {
  into.writeUInt32BE(RECORD_HEADER - LENGTH_BYTES + length, 0)
  into.writeUInt8(kind, 4)
  into.writeDoubleBE(time, 5)
  into.writeUInt32BE(session, 13)
}

export function encodeRecord({ kind, time, session, bytes }: ExchangeRecord): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER + bytes.length)
  writeRecordHeader(record, kind, time, session, bytes.length)
  bytes.copy(record, RECORD_HEADER)
  return record
}

/**
 * Yields the records from `offset` up to the first incomplete or invalid one; their `bytes` are views. Returns the
 * offset at which it stopped.
 */
export function* decodeRecords(records: Buffer, offset = 0): Generator<ExchangeRecord, number> {
  while (records.length - offset >= RECORD_HEADER) {
    const end = offset + LENGTH_BYTES + records.readUInt32BE(offset)
    const kind = records.readUInt8(offset + 4)
    if (end > records.length || end < offset + RECORD_HEADER || !KINDS.has(kind)) break
    yield {
      kind: kind as RecordKind,
      time: records.readDoubleBE(offset + 5),
      session: records.readUInt32BE(offset + 13),
      bytes: records.subarray(offset + RECORD_HEADER, end),
    }
    offset = end
  }
  return offset
}

/** Whether a file is a recorded exchange, judging by its magic. */
export const isExchange = (file: Buffer): boolean => file.subarray(0, MAGIC.length).equals(MAGIC)

/** Yields the records of a file, none if it is not a recorded exchange. Returns the number of bytes understood. */
export function* fileRecords(file: Buffer): Generator<ExchangeRecord, number> {
  return isExchange(file) ? yield* decodeRecords(file, MAGIC.length) : 0
}

/** What a recording lacks. The bytes of a gap record are both numbers as u32. */
export type Gap = {
  /** Records that were overwritten before the reader of the ring read them. */
  lost: number
  /** Frames that passed in parts, so that they were not seen whole. */
  inParts: number
}

export function encodeGap({ lost, inParts }: Gap): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(lost, 0)
  bytes.writeUInt32BE(inParts, 4)
  return bytes
}

/** Decodes a gap; both numbers are 0 if the bytes are something else. */
export const decodeGap = (bytes: Buffer): Gap =>
  bytes.length === 8 ? { lost: bytes.readUInt32BE(0), inParts: bytes.readUInt32BE(4) } : { lost: 0, inParts: 0 }
