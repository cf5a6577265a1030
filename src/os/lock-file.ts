// Keeps two processes from using the same files: flock(2), which ends with the process however it ends.
import { closeSync, constants, fstatSync, openSync, rmSync, statSync } from 'node:fs'
import * as libc from './libc.js'
import { SystemError } from './libc.js'

const LOCK_EX = 2
const LOCK_NB = 4
const MODE = 0o600

/** An exclusive lock on a file, which is created if necessary. */
export class LockFile {
  private constructor(
    readonly path: string,
    private fd: number,
  ) {}

  /** Undefined if another process has the lock. Throws if the file cannot be opened. */
  static take(path: string): LockFile | undefined {
    const fd = lock(path)
    return fd === undefined ? undefined : new LockFile(path, fd)
  }

  /** Its descriptor. A child process that has a copy keeps the lock as well. */
  get descriptor(): number {
    return this.fd
  }

  /** Ends the lock and removes the file. */
  release(): void {
    if (isAt(this.path, this.fd)) rmSync(this.path)
    closeSync(this.fd)
  }

  /** Locks the file anew if the one at the path is not ours any more. False if another process has locked that one. */
  renew(): boolean {
    if (isAt(this.path, this.fd)) return true
    const fd = lock(this.path)
    if (fd === undefined) return false
    closeSync(this.fd)
    this.fd = fd
    return true
  }
}

function lock(path: string): number | undefined {
  for (;;) {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, MODE)
    let isOurs = false
    try {
      if (libc.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
        const error = new SystemError('flock', libc.errno())
        if (error.code === 'EWOULDBLOCK' || error.code === 'EAGAIN') return undefined
        throw error
      }
      // if not, its owner has removed it in between
      isOurs = isAt(path, fd)
      if (isOurs) return fd
    } finally {
      if (!isOurs) closeSync(fd)
    }
  }
}

/** Whether the path leads to an open file; the same number on another file system is another file. */
function isAt(path: string, fd: number): boolean {
  const [found, ours] = [statSync(path, { throwIfNoEntry: false }), fstatSync(fd)]
  return found?.ino === ours.ino && found.dev === ours.dev
}
