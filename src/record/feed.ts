// Feeds one client with what a ring holds and will hold. What waits for a slow client waits in the ring, where the
// newest overwrite the oldest: it costs no memory, and whoever records never waits.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Ring } from './ring.js'

/** Bytes copied from the ring, and records stepped over, in one turn of the event loop. */
const SLICE_BYTES = 64 << 10
const SLICE_RECORDS = 4096

export type RingReader = {
  /** Resolves when little is queued; false if nobody reads any more. */
  writable(): Promise<boolean>
  /** Whole records; before them, so many were overwritten. */
  records(records: Buffer, lost: number): void
  /** All that was there at the beginning has come. */
  caughtUp(): void
}

/** `last`: how many of the records already there; `follow`: go on with what comes. */
export type RingRequest = { last?: number | null; follow?: boolean | null }

/** Resolves when all is sent, or nobody reads any more. */
export async function feedRing(reader: RingReader, ring: Ring, request: RingRequest): Promise<void> {
  const [cursor, end] = [ring.start, ring.end]
  const wanted = end.record - (request.last ?? 0)
  let caughtUp = false
  for (;;) {
    await nextTurn()
    // before anything is copied: who does not read gets nothing more
    if (!(await reader.writable())) return
    const before = cursor.record
    const missed = ring.catchUp(cursor)
    if (cursor.record < wanted) {
      ring.advance(cursor, Math.min(SLICE_RECORDS, wanted - cursor.record))
      continue
    }
    // of those that were not wanted none is missed
    const lost = missed - Math.min(missed, Math.max(0, wanted - before))
    const records = ring.read(cursor, SLICE_BYTES)
    if (lost > 0 || records.length > 0) reader.records(records, lost)
    if (!caughtUp && cursor.record >= end.record) {
      caughtUp = true
      reader.caughtUp()
    }
    if (caughtUp && request.follow !== true) return
    if (records.length === 0) await ring.more()
  }
}
