// The control socket's answers about zebra's FPM connection: the view in parts, and recent frames.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ControlClient } from '../control/server.js'
import type { FpmView } from '../fpm/view.js'
import type { snoop as proto } from '../gen/snoop.js'
import { feedRing } from '../record/feed.js'
import type { Ring } from '../record/ring.js'
import {
  type FpmQuestion,
  fpmStatusToProto,
  isMacMeant,
  isNexthopMeant,
  isRouteMeant,
  macToProto,
  nexthopToProto,
  routeToProto,
} from '../control/fpm-codec.js'
import type { FpmSubject } from './fpm-source.js'

/** Maximum number of entries in one message. */
const PART = 500
/** Number of entries examined in one turn of the event loop. */
const SLICE = 5000

type Client = ControlClient<proto.FromSnoop.$Properties>

/** Sends the answer in parts, as fast as the client reads; the first part has the status. */
export async function sendFpm(client: Client, fpm: FpmSubject | undefined, question: FpmQuestion): Promise<void> {
  client.send({ fpm: { status: fpmStatusToProto(fpm) } })
  const view = fpm?.view
  if (view !== undefined) {
    let part: Entry[] = []
    let looked = 0
    for (const entry of entriesOf(view, question)) {
      if (entry !== undefined) part.push(entry)
      if (++looked % SLICE !== 0 && part.length < PART) continue
      client.send({ fpm: partOf(part) })
      part = []
      await nextTurn()
      if (!(await client.writable())) return
    }
    client.send({ fpm: partOf(part) })
  }
  client.send({ end: {} })
}

type Entry =
  | { mac: proto.FpmMac.$Properties }
  | { route: proto.FpmRoute.$Properties }
  | { nexthop: proto.FpmNexthop.$Properties }

const partOf = (entries: readonly Entry[]): proto.Fpm.$Properties => ({
  macs: entries.flatMap((it) => ('mac' in it ? [it.mac] : [])),
  routes: entries.flatMap((it) => ('route' in it ? [it.route] : [])),
  nexthops: entries.flatMap((it) => ('nexthop' in it ? [it.nexthop] : [])),
})

/**
 * Yields undefined for each entry that does not match, so that it counts as examined. The view may change meanwhile.
 */
function* entriesOf(view: FpmView, question: FpmQuestion): Generator<Entry | undefined> {
  switch (question.what) {
    case 'macs':
      for (const it of view.remoteMacs()) yield isMacMeant(it, question) ? { mac: macToProto(it, view) } : undefined
      return
    case 'routes':
      for (const it of view.allHostRoutes()) {
        const paths = view.paths(it)
        yield isRouteMeant(it, paths ?? [], question) ? { route: routeToProto(it, paths, view) } : undefined
      }
      return
    case 'nexthops':
      for (const it of view.allNexthops())
        yield isNexthopMeant(it, question) ? { nexthop: nexthopToProto(it, view) } : undefined
      return
    case 'status':
  }
}

/** Returns why recent frames are not available; undefined if they are. */
export function refusalOfDump(fpm: FpmSubject | undefined): string | undefined {
  if (fpm === undefined || fpm.off) return 'it does not listen for FPM; see fpm.listen in its configuration, and --fpm'
  if (fpm.error !== '') return `it does not listen for FPM: ${fpm.error}`
  return fpm.recent === undefined
    ? 'it keeps no recent FPM frames; set fpm.recent in its configuration to 4M'
    : undefined
}

/** Resolves when everything is sent, or the client has gone. */
export function feedFpmDump(client: Client, ring: Ring, request: proto.FpmDump.$Properties): Promise<void> {
  const reader = {
    writable: () => client.writable(),
    records: (records: Buffer, lost: number) => {
      client.send({ fpmRecords: { records, lost } })
    },
    caughtUp: () => {
      client.send({ end: {} })
    },
  }
  return feedRing(reader, ring, request)
}
