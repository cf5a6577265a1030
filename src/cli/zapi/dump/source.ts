// Reads the records of a dump from the relay, or from a file that an earlier dump has written.
import { overlay as proto } from '../../../gen/overlay.js'
import { CaptureReader } from '../../../record/pcapng/zapi-capture.js'
import { frrRelease, type FrrRelease } from '../../../zapi/releases.js'
import { decodeRecords, encodeGap, type ExchangeRecord, RecordKind } from '../../../record/zapi-records.js'
import { fromCapture } from '../../capture-source.js'
import { ALL, follow, type Followed } from '../../follow.js'
import type { Io } from '../../io.js'

export type Recording = {
  onRecord(record: ExchangeRecord): void
  /** Is called with the release that the relay names for a session. */
  onRelease(session: number, release: FrrRelease | undefined): void
  /** Is called when no more records are at hand, so that those before can be shown. */
  onPause(): void
  /** Is called when everything that was recorded before has come. */
  onCaughtUp(): void
}

/**
 * Reads the records of a running relay: those it still has if `history`, and those to come if `follow`. Resolves at
 * their end, or when aborted. Throws FatalError.
 */
export async function fromRelay(
  socket: string,
  { history, follow: goOn }: { history: boolean; follow: boolean },
  recording: Recording,
  signal: AbortSignal,
): Promise<void> {
  const onPart = ({ records, synced }: proto.FromRelay): boolean => {
    if (records != null) {
      for (const session of records.sessions ?? []) known(session, recording)
      receive(records, recording)
      recording.onPause()
    }
    if (synced == null) return false
    recording.onCaughtUp()
    return !goOn
  }
  const question: Followed<proto.FromRelay, proto.ToRelay.$Properties> = {
    path: socket,
    who: 'relay',
    ask: { dump: { follow: goOn, last: history ? ALL : 0 } },
    decode: (bytes) => proto.FromRelay.decode(bytes),
    encode: (message) => proto.ToRelay.encode(message).finish(),
    onPart,
  }
  await follow(question, signal)
}

function known(session: proto.RecordedSession.$Properties, recording: Recording): void {
  const { id, hello, capabilities, release } = proto.RecordedSession.create(session)
  recording.onRelease(id, frrRelease(release))
  const bytes = Buffer.concat([hello, capabilities])
  recording.onRecord({ kind: RecordKind.known, time: Date.now(), session: id, bytes })
}

function receive(records: proto.Records.$Properties, recording: Recording): void {
  const { records: bytes, lost } = proto.Records.create(records)
  const all = [...decodeRecords(Buffer.from(bytes))]
  if (lost > 0) {
    const gap = encodeGap({ lost: Math.min(lost, 0xffffffff), inParts: 0 })
    recording.onRecord({ kind: RecordKind.gap, time: all.at(0)?.time ?? Date.now(), session: 0, bytes: gap })
  }
  for (const record of all) recording.onRecord(record)
}

/** Reads a file as `fromCapture` does. */
export const fromFile = (io: Io, file: string, recording: Recording, signal: AbortSignal): Promise<string[]> =>
  fromCapture(io, file, new CaptureReader(), 'records of macipd', recording, signal)
