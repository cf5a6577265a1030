// Sends recent messages to one client.
import type { ControlClient } from '../control/server.js'
import type { overlay as proto } from '../gen/overlay.js'
import type { Engine } from './engine.js'
import { feedRing } from '../record/feed.js'
import type { Ring } from '../record/ring.js'
import type { Session } from './session.js'

type Client = ControlClient<proto.FromRelay.$Properties>

/** Resolves when all records are sent, or the client has gone. */
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
  const reader = {
    writable: () => client.writable(),
    records: (records: Buffer, lost: number) => {
      client.send({ records: { records, lost } })
    },
    caughtUp: () => {
      client.send({ synced: {} })
    },
  }
  await feedRing(reader, ring, request)
}

function describe({ id, hello, capabilities, release }: Session): proto.RecordedSession.$Properties {
  const unseen = Buffer.alloc(0)
  return { id, hello: hello ?? unseen, capabilities: capabilities ?? unseen, release: release?.name ?? '' }
}
