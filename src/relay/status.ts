// The relay's state in numbers, for `macipctl status`.
import { join } from 'node:path'
import { overlay as proto } from '../gen/overlay.js'
import { version } from '../base/version.js'
import type { Overlay } from './overlay/overlay.js'
import { type Views, eachByIp, isSynced } from './overlay/views.js'
import type { Status } from '../bindings/model.js'
import { errnoName, reason } from '../base/exit.js'
import { bgpClientsQuestion, isPastRelay } from './direct-bgpd.js'
import type { Engine } from './engine.js'
import type { WorkerOptions } from './ipc.js'
import { addPassed, type Passed, passedIn } from './passed.js'
import { segmentsOf } from './segments.js'
import type { Session } from './session.js'
import { inSlices } from './slices.js'

const OPENING_LOST = 'the first frames of a session have passed unseen, so it is not known what it is for'

type RelayStatus = proto.RelayStatus.$Properties

/** Returns what gives the status. zebra is asked for it only while bgpd's main session does not go through the relay. */
export function statusSource(engine: Engine, options: WorkerOptions): () => Promise<RelayStatus> {
  const askBgpClients = bgpClientsQuestion(options.zebra)
  return async () => {
    const hasMain = (): boolean => engine.main !== undefined
    if (hasMain()) return relayStatus(engine, options)
    const clients = await askBgpClients()
    const handshakes = [...engine.sessions.values()].map(({ handshake }) => handshake)
    const bgpdDirect = !hasMain() && isPastRelay(clients, handshakes)
    return { ...(await relayStatus(engine, options)), bgpdDirect }
  }
}

/** What is counted is so over many turns of the event loop, in which it may change. */
async function relayStatus(engine: Engine, options: WorkerOptions): Promise<RelayStatus> {
  const { overlay, views } = engine
  const counts = await inSlices(countViews(views))
  const statuses = await inSlices(countStatuses(overlay))
  const segments = await inSlices(segmentsOf(views, overlay))
  const { main } = engine
  const sessions = [...engine.sessions.values()]
  const withoutMain = sessions.some((session) => session.hasLostOpening) ? OPENING_LOST : 'bgpd is not connected'
  return {
    version,
    keeperPid: options.keeperPid,
    workerPid: process.pid,
    workerStarts: options.workerStarts,
    since: options.since,
    listen: options.listen,
    zebra: options.zebra,
    release: main?.handshake.releaseName ?? '',
    releaseReason: main?.handshake.releaseReason ?? withoutMain,
    injecting: main?.release !== undefined && main.uncertain === undefined,
    sessions: sessions.map(sessionStatus),
    relearningFailure: engine.relearningFailure ?? '',
    ...counts,
    overlayEntries: overlay.size,
    segments,
    announced: statuses.announced ?? 0,
    statuses: countersOf(statuses),
    passed: countersOf(passedInAll(engine)),
    counters: countersOf({ ...engine.counters, vtepsLeftOut: views.vtepsLeftOut }),
    keeperLost: !process.connected,
    journalFailure: journalFailure(engine, options),
  }
}

const countersOf = (counts: Readonly<Record<string, number>>): proto.Counter.$Properties[] =>
  Object.entries(counts).map(([name, value]) => ({ name, value }))

function passedInAll({ passed, sessions }: Engine): Passed {
  const sum = { ...passed }
  for (const session of sessions.values()) addPassed(sum, session)
  return sum
}

function journalFailure(
  { journalFailure }: Engine,
  { runDir }: WorkerOptions,
): proto.JournalFailure.$Properties | null {
  if (journalFailure === undefined) return null
  const { since, error, isWritten } = journalFailure
  return { path: join(runDir, 'journal'), since, code: errnoName(error) ?? '', why: reason(error), isWritten }
}

function sessionStatus(session: Session): proto.Session.$Properties {
  const { id, handshake, since, inSync, untrusted, uncertain } = session
  return {
    id,
    kind: handshake.kind,
    client: handshake.client,
    since,
    ...passedIn(session),
    inSync,
    note: handshake.release === undefined ? handshake.releaseReason : '',
    untrusted: untrusted ?? (session.hasLostOpening ? OPENING_LOST : ''),
    uncertain: uncertain ?? '',
  }
}

function* countStatuses(overlay: Overlay): Generator<void, Partial<Record<Status, number>>> {
  const statuses: Partial<Record<Status, number>> = {}
  for (const { report } of overlay.entries()) {
    statuses[report.status] = (statuses[report.status] ?? 0) + 1
    yield
  }
  return statuses
}

type ViewCounts = Pick<
  proto.RelayStatus.$Properties,
  'vnis' | 'localMacs' | 'localMacips' | 'remoteMacs' | 'remoteMacips'
>

function* countViews(views: Views): Generator<void, ViewCounts> {
  const counts = { vnis: 0, localMacs: 0, localMacips: 0, remoteMacs: 0, remoteMacips: 0 }
  for (const [, view] of views.entries()) {
    if (view.announced !== undefined) counts.vnis++
    counts.localMacs += view.macs.size
    for (const remote of view.remoteMacs.values()) {
      if (!isSynced(remote)) counts.remoteMacs++
      yield
    }
    for (const byMac of view.macIps.values()) {
      counts.localMacips += byMac.size
      yield
    }
    for (const { value } of eachByIp(view.remoteMacIps)) {
      if (!isSynced(value)) counts.remoteMacips++
      yield
    }
    yield
  }
  return counts
}
