// Reads the records that `macipctl zapi replay` replays.
import { readFileSync, statSync } from 'node:fs'
import { errnoName, ExitCode, FatalError, reason } from '../../../base/exit.js'
import { CaptureReader } from '../../../record/pcapng/zapi-capture.js'
import { PcapngError } from '../../../record/pcapng/reader.js'
import { type ExchangeRecord, fileRecords, isExchange } from '../../../record/zapi-records.js'

/** Type of a pcapng section header block, the same in both byte orders. */
const SECTION_HEADER = Buffer.from('0a0d0d0a', 'hex')

/** Yields the records of a file, oldest first; returns how the file ends early, if it does. */
export function recordsOf(path: string): Generator<ExchangeRecord, string | undefined> {
  const file = read(path)
  if (isExchange(file)) return fromExchange(file)
  if (file.subarray(0, SECTION_HEADER.length).equals(SECTION_HEADER)) return fromCapture(file)
  const message = `${path} is no recorded exchange: neither a journal (MACIPDX1) nor a pcapng capture of macipctl zapi dump`
  throw new FatalError(ExitCode.usage, message)
}

function* fromExchange(file: Buffer): Generator<ExchangeRecord, string | undefined> {
  const understood = yield* fileRecords(file)
  return understood === file.length ? undefined : `what follows byte ${understood} is unfinished or no record`
}

function* fromCapture(file: Buffer): Generator<ExchangeRecord, string | undefined> {
  const reader = new CaptureReader()
  try {
    yield* reader.feed(file)
  } catch (error) {
    if (error instanceof PcapngError) return error.message
    throw error
  }
  return reader.unfinished === 0 ? undefined : `the last ${reader.unfinished} bytes are an unfinished packet`
}

function read(path: string): Buffer {
  try {
    // a device or a pipe may have no end
    if (!statSync(path).isFile()) throw new Error('it is not a file')
    return readFileSync(path)
  } catch (error) {
    const why = errnoName(error) === 'ENOENT' ? 'there is no such file' : reason(error)
    throw new FatalError(ExitCode.usage, `${path} cannot be read: ${why}`, { cause: error })
  }
}
