// Reads recordings in pcapng files.
import { createReadStream } from 'node:fs'
import type { Io } from './io.js'
import { ExitCode, FatalError, reason } from '../base/exit.js'

type Reader<Item> = {
  feed(chunk: Buffer): Iterable<Item>
  /** How many packets were something else. */
  readonly foreign: number
  /** How many bytes at the end are no whole packet. */
  readonly unfinished: number
}

type Receiver<Item> = { onRecord(record: Item): void; onPause(): void; onCaughtUp(): void }

/**
 * Reads the records of a pcapng file; `-` is standard input. Resolves with remarks about the file. Throws FatalError
 * (usage) if it cannot be read.
 */
export async function fromCapture<Item>(
  io: Io,
  file: string,
  reader: Reader<Item>,
  expected: string,
  recording: Receiver<Item>,
  signal: AbortSignal,
): Promise<string[]> {
  const name = file === '-' ? 'standard input' : file
  try {
    const input: AsyncIterable<Buffer> = file === '-' ? io.stdin() : createReadStream(file)
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
  if (reader.foreign > 0) remarks.push(`${name}: ${reader.foreign} packets are no ${expected}`)
  if (reader.unfinished > 0) remarks.push(`${name} ends inside a packet`)
  return remarks
}
