// The relay's state in numbers, for `macipctl status`.
import { join } from 'node:path'
import { overlay as proto } from '../gen/overlay.js'
import { version } from '../base/version.js'
import type { Views } from './overlay/views.js'
import { errnoName, reason } from '../base/exit.js'
import { directBgpdQuestion } from './direct-bgpd.js'
import type { Engine } from './engine.js'
import type { WorkerOptions } from './ipc.js'
import type { Session } from './session.js'

const OPENING_LOST = 'the first frames of a session have passed unseen, so it is not known what it is for'

type Status = proto.RelayStatus.$Properties

/** Returns what gives the status; it takes a moment only while no connection of bgpd goes through the relay. */
export function statusSource(engine: Engine, options: WorkerOptions): () => Status | Promise<Status> {
  const isBgpdDirect = directBgpdQuestion(options.zebra)
  return () => {
    const status = relayStatus(engine, options)
    if (engine.sessions.size > 0) return status
    return isBgpdDirect().then((bgpdDirect) => ({ ...status, bgpdDirect }))
  }
}

function relayStatus(engine: Engine, options: WorkerOptions): Status {
  const { main, overlay, views } = engine
  let announced = 0
  for (const { report } of overlay.entries()) if (report.status === 'announced') announced++
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
    ...countViews(views),
    overlayEntries: overlay.size,
    announced,
    counters: Object.entries({ ...engine.counters, vtepsLeftOut: views.vtepsLeftOut }).map(([name, value]) => ({
      name,
      value,
    })),
    keeperLost: !process.connected,
    journalFailure: journalFailure(engine, options),
  }
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
  const { id, handshake, since, toZebra, toBgpd, frames, inSync, untrusted, uncertain } = session
  return {
    id,
    kind: handshake.kind,
    client: handshake.client,
    since,
    bytesToZebra: toZebra.bytes,
    bytesToBgpd: toBgpd.bytes,
    framesToZebra: frames.toZebra,
    framesToBgpd: frames.toBgpd,
    injected: frames.injected,
    dropped: frames.dropped,
    inSync,
    note: handshake.release === undefined ? handshake.releaseReason : '',
    untrusted: untrusted ?? (session.hasLostOpening ? OPENING_LOST : ''),
    uncertain: uncertain ?? '',
  }
}

function countViews(
  views: Views,
): Pick<proto.RelayStatus.$Properties, 'vnis' | 'localMacs' | 'localMacips' | 'remoteMacs' | 'remoteMacips'> {
  const counts = { vnis: 0, localMacs: 0, localMacips: 0, remoteMacs: 0, remoteMacips: 0 }
  for (const [, view] of views.entries()) {
    if (view.announced !== undefined) counts.vnis++
    counts.localMacs += view.macs.size
    counts.remoteMacs += view.remoteMacs.size
    for (const byMac of view.macIps.values()) counts.localMacips += byMac.size
    for (const byMac of view.remoteMacIps.values()) counts.remoteMacips += byMac.size
  }
  return counts
}
