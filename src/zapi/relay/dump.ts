// Feeds one client with recent messages. What waits for a slow client waits in the ring, where the newest overwrite the
// oldest: it costs no memory, and the relay never waits.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ControlClient } from '../../daemon/control-server.js'
import type { overlay as proto } from '../../gen/overlay.js'
import type { Engine } from './engine.js'
import type { Ring } from './ring.js'
import type { Session } from './session.js'

/** Bytes copied from the ring, and records stepped over, in one turn of the event loop. */
const SLICE_BYTES = 64 << 10
const SLICE_RECORDS = 4096

type Client = ControlClient<proto.FromRelay.$Properties>

/** Resolves when all is sent, or the client has gone. */
export async function feedDump(
  client: Client,
  engine: Engine,
  ring: Ring,
  request: proto.Dump.$Properties,
): Promise<void> {
  for (const session of engine.sessions.values()) {
    client.send({ records: { sessions: [describe(session)] } })
    if (!(await client.writable())) return
  }
  const [place, end] = [ring.start, ring.end]
  const wanted = end.record - (request.last ?? 0)
  let caughtUp = false
  for (;;) {
    await nextTurn()
    // before anything is copied: who does not read gets nothing more
    if (!(await client.writable())) return
    const before = place.record
    const missed = ring.catchUp(place)
    if (place.record < wanted) {
      ring.advance(place, Math.min(SLICE_RECORDS, wanted - place.record))
      continue
    }
    // of those that were not wanted none is missed
    const lost = missed - Math.min(missed, Math.max(0, wanted - before))
    const records = ring.read(place, SLICE_BYTES)
    if (lost > 0 || records.length > 0) client.send({ records: { records, lost } })
    if (!caughtUp && place.record >= end.record) {
      caughtUp = true
      client.send({ synced: {} })
    }
    if (caughtUp && request.follow !== true) return
    if (records.length === 0) await ring.more()
  }
}

function describe({ id, hello, capabilities, line }: Session): proto.RecordedSession.$Properties {
  const unseen = Buffer.alloc(0)
  return { id, hello: hello ?? unseen, capabilities: capabilities ?? unseen, line: line?.name ?? '' }
}
