// Whether the file system of the run directory has room for a journal.
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { NO_ROOM, errnoName, reason } from '../base/exit.js'

/** A journal is written anew when it has at least this size. */
export const COMPACT_BYTES = 1 << 20

const KIB = 1024
const TRIAL_BLOCK = 64 * KIB

/** Returns what is missing if so many bytes do not fit into the file system of a path, or no other file does. */
export function lackOfRoom(path: string, bytes: number): string | undefined {
  const { bavail, bsize, files, ffree } = statfsSync(path)
  // some file systems do not count files
  if (files > 0 && ffree === 0) return 'there is no room for another file'
  const free = bavail * bsize
  if (free >= bytes) return undefined
  return `it may take ${Math.ceil(bytes / KIB)} KiB more before it is written anew, and there are ${Math.floor(free / KIB)}`
}

/**
 * Finds out by writing whether so many bytes fit into a new file at a path, and leaves nothing behind; returns what
 * prevents it. Throws if the file cannot be made for another reason.
 */
export function tryRoom(path: string, bytes: number): string | undefined {
  rmSync(path, { force: true })
  let file: number | undefined
  try {
    file = openSync(path, 'wx', 0o600)
    // the file would stay if this process ended before it is deleted
    rmSync(path)
    const block = Buffer.alloc(TRIAL_BLOCK)
    for (let left = bytes; left > 0; ) left -= writeSync(file, block, 0, Math.min(left, block.length))
    return undefined
  } catch (error) {
    if (!NO_ROOM.has(errnoName(error) ?? '')) throw error
    return `${Math.ceil(bytes / KIB)} KiB more cannot be written: ${reason(error)}`
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Whether there is less room than the smallest journal may take; false if that cannot be told. */
export function isRunDirFull(runDir: string): boolean {
  try {
    const journal = statSync(join(runDir, 'journal'), { throwIfNoEntry: false })
    return lackOfRoom(runDir, Math.max(0, COMPACT_BYTES - (journal?.size ?? 0))) !== undefined
  } catch {
    return false
  }
}
