// Anonymous files in memory (memfd_create(2)): every process that has the descriptor reads what was written last.
import { readSync, writeSync } from 'node:fs'
import * as libc from './libc.js'
import { SystemError } from './libc.js'

const MFD_CLOEXEC = 1
/** A page: what is written within one is there as a whole or not at all, even if the writer is killed. */
export const MEMORY_FILE_SIZE = 4096

/** @param name shown in /proc. Throws SystemError. */
export function openMemoryFile(name: string): number {
  const fd = libc.memfdCreate(name, MFD_CLOEXEC)
  if (fd < 0) throw new SystemError('memfd_create', libc.errno())
  return fd
}

/** Replaces the file's only line. Throws RangeError if it is too long, and what the kernel reports. */
export function writeLine(fd: number, line: string): void {
  const bytes = Buffer.from(`${line}\n`)
  if (bytes.length > MEMORY_FILE_SIZE) throw new RangeError(`${bytes.length} bytes are more than ${MEMORY_FILE_SIZE}`)
  writeSync(fd, bytes, 0, bytes.length, 0)
}

/** Undefined if no line was written. Throws what the kernel reports. */
export function readLine(fd: number): string | undefined {
  const bytes = Buffer.alloc(MEMORY_FILE_SIZE)
  const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0))
  const end = text.indexOf('\n')
  return end < 0 ? undefined : text.slice(0, end)
}
