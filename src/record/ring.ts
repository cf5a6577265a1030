// The most recent messages of all sessions, in memory of a fixed size: new ones overwrite the oldest.
import { RECORD_HEADER, writeRecordHeader } from './zapi-records.js'

/** A reader's position: the number of a record, and the position of its first byte. Both only grow. */
export type Cursor = { record: number; position: number }

const LENGTH_BYTES = 4

export class Ring {
  private readonly memory: Buffer
  private readonly header = Buffer.alloc(RECORD_HEADER)
  private readonly clock = new Clock()
  private oldest: Cursor = { record: 0, position: 0 }
  private next: Cursor = { record: 0, position: 0 }
  private waiting: (() => void)[] = []

  /** @param capacity is in bytes; a record counts with its header */
  constructor(capacity: number) {
    this.memory = Buffer.allocUnsafeSlow(capacity)
  }

  /** Cursor of the oldest record; of the next record if there is none. */
  get start(): Cursor {
    return { ...this.oldest }
  }

  /** Cursor of the next record. */
  get end(): Cursor {
    return { ...this.next }
  }

  /** Copies bytes from `offset` into a record of `time`, by default now. Drops a record larger than the ring. */
  append(kind: number, session: number, bytes: Uint8Array, offset = 0, length = bytes.length, time?: number): void {
    const size = RECORD_HEADER + length
    if (size > this.memory.length) return
    while (this.next.position + size - this.oldest.position > this.memory.length) this.skip(this.oldest)
    writeRecordHeader(this.header, kind, time ?? this.clock.now(), session, length)
    this.write(this.next.position, this.header, 0, RECORD_HEADER)
    this.write(this.next.position + RECORD_HEADER, bytes, offset, length)
    this.next.position += size
    this.next.record++
    if (this.waiting.length > 0) this.wake()
  }

  /**
   * Moves `cursor` to the oldest record that is kept, if its own was overwritten; returns the number of records that it
   * has missed.
   */
  catchUp(cursor: Cursor): number {
    const missed = this.oldest.record - cursor.record
    if (missed <= 0) return 0
    Object.assign(cursor, this.oldest)
    return missed
  }

  /** Moves `cursor` over up to `count` records; its record must not be overwritten. */
  advance(cursor: Cursor, count: number): void {
    for (let left = count; left > 0 && cursor.record < this.next.record; left--) this.skip(cursor)
  }

  /**
   * Copies whole records, up to about `limit` bytes, and moves `cursor` behind them. Its record must not be
   * overwritten.
   */
  read(cursor: Cursor, limit: number): Buffer {
    const start = cursor.position
    while (cursor.record < this.next.record && cursor.position - start < limit) this.skip(cursor)
    const records = Buffer.allocUnsafe(cursor.position - start)
    this.copy(start, records)
    return records
  }

  /** Resolves when a record has been added, or after `wake`. */
  more(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  wake(): void {
    const { waiting } = this
    this.waiting = []
    for (const resolve of waiting) resolve()
  }

  private skip(cursor: Cursor): void {
    let length = 0
    for (let i = 0; i < LENGTH_BYTES; i++) {
      length = length * 256 + (this.memory[(cursor.position + i) % this.memory.length] ?? 0)
    }
    cursor.position += LENGTH_BYTES + length
    cursor.record++
  }

  private write(position: number, bytes: Uint8Array, offset: number, length: number): void {
    const at = position % this.memory.length
    const first = Math.min(length, this.memory.length - at)
    this.memory.set(first === bytes.length ? bytes : bytes.subarray(offset, offset + first), at)
    if (first < length) this.memory.set(bytes.subarray(offset + first, offset + length), 0)
  }

  private copy(position: number, into: Buffer): void {
    const at = position % this.memory.length
    const first = this.memory.copy(into, 0, at)
    if (first < into.length) this.memory.copy(into, first, 0)
  }
}

/** Milliseconds since the epoch with fractions, which Date.now() lacks; follows when the date is set. */
class Clock {
  private offset = performance.timeOrigin

  now(): number {
    const [wall, monotonic] = [Date.now(), performance.now()]
    if (Math.abs(this.offset + monotonic - wall) > 2) this.offset = wall - monotonic
    return this.offset + monotonic
  }
}
