// Whether the file system of the run directory has room for a journal.
import { statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A journal is written anew when it has at least this size. */
export const COMPACT_BYTES = 1 << 20

const KIB = 1024

/** Returns what is missing if so many bytes do not fit into the file system of a path, or no other file does. */
export function lackOfRoom(path: string, bytes: number): string | undefined {
  const { bavail, bsize, files, ffree } = statfsSync(path)
  // some file systems do not count files
  if (files > 0 && ffree === 0) return 'there is no room for another file'
  const free = bavail * bsize
  if (free >= bytes) return undefined
  return `it may take ${Math.ceil(bytes / KIB)} KiB more before it is written anew, and there are ${Math.floor(free / KIB)}`
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
