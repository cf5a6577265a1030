// Sends the contents of a ring to one client, and what is added later. Records for a slow client wait in the ring,
// where new ones overwrite the oldest: memory is bounded, and recording never waits.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Ring } from './ring.js'

/** Bytes copied from the ring in one turn of the event loop, and records skipped in one turn. */
const SLICE_BYTES = 64 << 10
const SLICE_RECORDS = 4096

export type RingReader = {
  /** Resolves when little is queued; false if the client has gone. */
  writable(): Promise<boolean>
  /** Receives whole records; `lost` records before them were overwritten. */
  records(records: Buffer, lost: number): void
  /** Called when all records that existed at the beginning were delivered. */
  caughtUp(): void
}

/** `last` is the number of existing records to send; `follow` means to continue with new ones. */
export type RingRequest = { last?: number | null; follow?: boolean | null }

/** Resolves when everything is sent, or the client has gone. */
export async function feedRing(reader: RingReader, ring: Ring, request: RingRequest): Promise<void> {
  const [cursor, end] = [ring.start, ring.end]
  const wanted = end.record - (request.last ?? 0)
  let caughtUp = false
  for (;;) {
    await nextTurn()
    // waiting comes before copying: nothing is copied for a client that does not read
    if (!(await reader.writable())) return
    const before = cursor.record
    const missed = ring.catchUp(cursor)
    if (cursor.record < wanted) {
      ring.advance(cursor, Math.min(SLICE_RECORDS, wanted - cursor.record))
      continue
    }
    // overwritten records that the client did not ask for are not lost to it
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
