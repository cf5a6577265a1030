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
    if (statSync(this.path, { throwIfNoEntry: false })?.ino === fstatSync(this.fd).ino) rmSync(this.path)
    closeSync(this.fd)
  }

  /** Locks the file anew if the one at the path is not ours any more. False if another process has locked that one. */
  renew(): boolean {
    const found = statSync(this.path, { throwIfNoEntry: false })
    if (found?.ino === fstatSync(this.fd).ino) return true
    const fd = lock(this.path)
    if (fd === undefined) return false
    closeSync(this.fd)
    this.fd = fd
    return true
  }
}

function lock(path: string): number | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, MODE)
  if (libc.flock(fd, LOCK_EX | LOCK_NB) === 0) {
    if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return fd
    // its owner has removed it in between
    closeSync(fd)
    return lock(path)
  }
  const error = new SystemError('flock', libc.errno())
  closeSync(fd)
  if (error.code === 'EWOULDBLOCK' || error.code === 'EAGAIN') return undefined
  throw error
}
