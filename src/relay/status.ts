// The relay's state in numbers, for `macipctl status`.
import { overlay as proto } from '../gen/overlay.js'
import { version } from '../base/version.js'
import type { Views } from './overlay/views.js'
import type { Engine } from './engine.js'
import type { WorkerOptions } from './ipc.js'
import type { Session } from './session.js'

const UNKNOWN_SESSION =
  'the first frames of a session have passed unseen, so it is not known what it is for: restart bgpd'

export function relayStatus(engine: Engine, options: WorkerOptions): proto.RelayStatus.$Properties {
  const { main, overlay, views } = engine
  let announced = 0
  for (const { report } of overlay.entries()) if (report.status === 'announced') announced++
  const unknown = [...engine.sessions.values()].find(({ handshake }) => handshake.kind === 'unknown')
  const why = uncertainty(engine) ?? main?.handshake.releaseReason ?? (unknown && UNKNOWN_SESSION)
  return {
    version,
    keeperPid: options.keeperPid,
    workerPid: process.pid,
    workerStarts: options.workerStarts,
    since: options.since,
    listen: options.listen,
    zebra: options.zebra,
    release: main?.handshake.releaseName ?? '',
    releaseReason: why ?? 'bgpd is not connected',
    injecting: main?.release !== undefined && main.uncertain === undefined,
    sessions: [...engine.sessions.values()].map(sessionStatus),
    ...countViews(views),
    overlayEntries: overlay.size,
    announced,
    counters: Object.entries({ ...engine.counters, vtepsLeftOut: views.vtepsLeftOut }).map(([name, value]) => ({
      name,
      value,
    })),
  }
}

/** Why nothing is injected although the release is known, and what is being done about it. */
function uncertainty({ main, relearningFailure }: Engine): string | undefined {
  if (main?.uncertain === undefined) return undefined
  const cure =
    relearningFailure === undefined
      ? 'what bgpd has is being read from FRR'
      : `what bgpd has cannot be read from FRR, which is tried again (${relearningFailure}); or restart bgpd`
  return `${main.uncertain}: ${cure}`
}

function sessionStatus({
  id,
  handshake,
  since,
  toZebra,
  toBgpd,
  frames,
  inSync,
  uncertain,
}: Session): proto.Session.$Properties {
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
    note: uncertain ?? (handshake.release === undefined ? handshake.releaseReason : ''),
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
