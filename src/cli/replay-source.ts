// Where `macipctl zapi replay` has its records from.
import { readFileSync, statSync } from 'node:fs'
import { errnoName, ExitCode, FatalError, reason } from '../daemon/exit.js'
import { type ExchangeRecord, decodeRecords, isExchange } from '../zapi/relay/journal.js'

/** The records of a file, oldest first; returns how the file ends early, if it does. */
export function recordsOf(path: string): Generator<ExchangeRecord, string | undefined> {
  const file = read(path)
  if (!isExchange(file)) {
    throw new FatalError(ExitCode.usage, `${path} is no recorded exchange: it does not begin with MACIPDX1`)
  }
  return fromExchange(file)
}

function* fromExchange(file: Buffer): Generator<ExchangeRecord, string | undefined> {
  const understood = yield* decodeRecords(file)
  return understood === file.length ? undefined : `what follows byte ${understood} is unfinished or no record`
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
