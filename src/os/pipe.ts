// Anonymous pipes: no file name, directory or disk space is needed for them.
import { endianness } from 'node:os'
import * as libc from './libc.js'
import { SystemError } from './libc.js'

/** The descriptors of a pipe's two ends. */
export type Pipe = { readonly readEnd: number; readonly writeEnd: number }

/** Opens a pipe whose ends do not block and are not inherited by child processes. Throws SystemError. */
export function openPipe(): Pipe {
  const ends = Buffer.alloc(8)
  if (libc.pipe2(ends, libc.CLOEXEC | libc.NONBLOCK) < 0) throw new SystemError('pipe2', libc.errno())
  return { readEnd: int(ends, 0), writeEnd: int(ends, 4) }
}

const int = (bytes: Buffer, offset: number): number =>
  endianness() === 'LE' ? bytes.readInt32LE(offset) : bytes.readInt32BE(offset)
