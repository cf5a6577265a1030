// The lock of the run directory: nothing in it is touched before it is ours, because another relay may live on it. A worker
// has a copy, so that one that outlives its keeper is noticed.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, FatalError, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { LockFile } from '../os/lock-file.js'

const RETRY_MS = 20

export class RunDirLock {
  private file: LockFile | undefined
  private lastTrouble = ''

  constructor(
    runDir: string,
    private readonly log: Logger,
    private readonly path = join(runDir, 'relay.lock'),
  ) {}

  /** Undefined while it is not ours, or no file could be locked. */
  get descriptor(): number | undefined {
    return this.file?.descriptor
  }

  /** False if another process has it. Throws FatalError if there can be no lock. */
  take(): boolean {
    try {
      this.file ??= LockFile.take(this.path)
      return this.file !== undefined
    } catch (error) {
      throw new FatalError(ExitCode.privilege, `${this.path}: cannot be locked: ${reason(error)}`, { cause: error })
    }
  }

  /** Waits for one that another process is about to give up; without it the relay goes on all the same. */
  async takeSoon(waitMs: number): Promise<void> {
    for (let waited = 0; waited < waitMs && !this.renew(); waited += RETRY_MS) await sleep(RETRY_MS)
  }

  /** Takes it anew if the file was removed. False if another process has it. Never throws. */
  renew(): boolean {
    try {
      this.file ??= LockFile.take(this.path)
      return this.file?.renew() === true
    } catch (error) {
      const trouble = reason(error)
      if (trouble !== this.lastTrouble) this.log.warn({ error: trouble }, `${this.path} cannot be locked`)
      this.lastTrouble = trouble
      return true
    }
  }

  release(): void {
    this.file?.release()
    this.file = undefined
  }
}
