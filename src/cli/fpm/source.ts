// Reads the records of an FPM dump from the snooper, or from a file that an earlier dump has written.
import { decodeFpmRecords, type FpmRecord, lostRecord } from '../../record/fpm-records.js'
import { snoop as proto } from '../../gen/snoop.js'
import { FpmCaptureReader } from '../../record/pcapng/fpm-capture.js'
import { fromCapture } from '../capture-source.js'
import { ALL, follow, type Followed } from '../follow.js'
import type { Io } from '../io.js'

export type FpmRecording = {
  onRecord(record: FpmRecord): void
  /** Is called when no more records are at hand, so that those before can be shown. */
  onPause(): void
  /** Is called when everything that was recorded before has come. */
  onCaughtUp(): void
}

/**
 * Reads the records of a running snooper: those it still has if `history`, and those to come if `follow`. Resolves at
 * their end, or when aborted. Throws FatalError.
 */
export async function fromSnooper(
  socket: string,
  { history, follow: goOn }: { history: boolean; follow: boolean },
  recording: FpmRecording,
  signal: AbortSignal,
): Promise<void> {
  const question: Followed<proto.FromSnoop, proto.ToSnoop.$Properties> = {
    path: socket,
    who: 'snooper',
    ask: { fpmDump: { follow: goOn, last: history ? ALL : 0 } },
    decode: (bytes) => proto.FromSnoop.decode(bytes),
    encode: (message) => proto.ToSnoop.encode(message).finish(),
    onPart: ({ fpmRecords, end }) => {
      if (fpmRecords != null) {
        receive(fpmRecords, recording)
        recording.onPause()
      }
      if (end == null) return false
      recording.onCaughtUp()
      return !goOn
    },
  }
  await follow(question, signal)
}

function receive(part: proto.FpmRecords.$Properties, recording: FpmRecording): void {
  const { records, lost } = proto.FpmRecords.create(part)
  const all = [...decodeFpmRecords(Buffer.from(records))]
  if (lost > 0) recording.onRecord(lostRecord(lost, all.at(0)?.time ?? Date.now()))
  for (const record of all) recording.onRecord(record)
}

/** Reads a file as `fromCapture` does. */
export const fromFpmFile = (io: Io, file: string, recording: FpmRecording, signal: AbortSignal): Promise<string[]> =>
  fromCapture(io, file, new FpmCaptureReader(), 'FPM frames of macipd', recording, signal)
