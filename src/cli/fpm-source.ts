// Where an FPM dump's records come from: the snooper, or a file that an earlier dump has written.
import { createReadStream } from 'node:fs'
import { ExitCode, FatalError, reason } from '../daemon/exit.js'
import { decodeFpmRecords, type FpmRecord, lostRecord } from '../fpm/records.js'
import { snoop as proto } from '../gen/snoop.js'
import { FpmCaptureReader } from '../pcapng/fpm-capture.js'
import { follow, type Followed } from './follow.js'

export type FpmRecording = {
  onRecord(record: FpmRecord): void
  /** Nothing more is at hand: what there was can be shown. */
  onPause(): void
  /** All that was recorded before has come. */
  onCaughtUp(): void
}

const ALL = 0xffffffff

/**
 * Records of a running snooper: those it still has if `history`, and those to come if `follow`. Resolves at the end of
 * these, or when aborted. Throws FatalError.
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

/**
 * Records of a pcapng file, `-` for standard input. Resolves with what there is to say about the file. Throws FatalError
 * (usage) when it cannot be read.
 */
export async function fromFpmFile(file: string, recording: FpmRecording, signal: AbortSignal): Promise<string[]> {
  const name = file === '-' ? 'standard input' : file
  const reader = new FpmCaptureReader()
  try {
    const input: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file)
    for await (const chunk of input) {
      for (const record of reader.feed(chunk)) recording.onRecord(record)
      recording.onPause()
      if (signal.aborted) break
    }
  } catch (error) {
    throw new FatalError(ExitCode.usage, `${name} cannot be read: ${reason(error)}`, { cause: error })
  }
  recording.onCaughtUp()
  const remarks: string[] = []
  if (reader.foreign > 0) remarks.push(`${name}: ${reader.foreign} packets are no FPM frames of macipd`)
  if (reader.unfinished > 0) remarks.push(`${name} ends inside a packet`)
  return remarks
}
