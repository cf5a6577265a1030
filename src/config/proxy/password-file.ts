// The key of a BGP session (TCP MD5, RFC 2385), which is in a file of its own, so that the configuration may be shown.
import { readFileSync, statSync } from 'node:fs'
import { ExitCode, FatalError, reason } from '../../base/exit.js'

/** TCP_MD5SIG_MAXKEYLEN of the kernel. */
const MAX_KEY_BYTES = 80
const NEWLINE = 0x0a
const READABLE_BY_ALL = 0o004

export type Password = {
  /** 1 to 80 bytes. */
  readonly key: Buffer
  readonly isReadableByAll: boolean
}

/** `what` names the key of the configuration. Throws FatalError (usage) if there is no key in the file. */
export function readPasswordFile(path: string, what: string): Password {
  const { bytes, mode } = read(path, what)
  // editors and echo put it there
  const key = bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes
  if (key.length >= 1 && key.length <= MAX_KEY_BYTES) return { key, isReadableByAll: (mode & READABLE_BY_ALL) !== 0 }
  throw new FatalError(
    ExitCode.usage,
    `${what}: ${path} has a password of ${key.length} bytes, expected 1 to ${MAX_KEY_BYTES}`,
  )
}

function read(path: string, what: string): { bytes: Buffer; mode: number } {
  try {
    return { bytes: readFileSync(path), mode: statSync(path).mode }
  } catch (error) {
    throw new FatalError(ExitCode.usage, `${what}: ${path} cannot be read: ${reason(error)}`, { cause: error })
  }
}
