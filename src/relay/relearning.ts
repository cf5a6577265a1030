// The way back when it is not certain any more what bgpd has: the relay reads it from FRR itself, while the exchange goes
// on. A message that comes meanwhile is newer than what is read of its key. When a reading finds nothing to correct,
// relay and FRR agree.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { reason } from '../base/exit.js'
import type { BgpMessage, ZebraMessage } from '../zapi/evpn-codec.js'
import { readFrr } from './frr-reading.js'
import { LiveChanges } from './overlay/live-changes.js'
import type { Overlay } from './overlay/overlay.js'
import type { RestateListener } from './overlay/restate.js'

/** Messages of this time before a reading count as newer than it: a daemon handles them a little later than they pass. */
const LEAD_MS = 500
/** A daemon that has not read all messages after this time is read all the same, and then again. */
const DRAIN_MS = 10_000
const DRAIN_CHECK_MS = 20
/** Messages about what was read last have come after this time. */
const SETTLE_MS = 500
/** Readings of one attempt; the first one corrects, the second one is to agree. */
const READINGS = 5
/** Waits after failed attempts. */
const RETRY_MS = [1000, 2000, 5000, 10_000, 30_000]

/** How long to wait, in milliseconds, before FRR is read again after so many vain attempts; 0 before the first. */
export const retryDelay = (attempts: number): number => RETRY_MS[Math.min(attempts, RETRY_MS.length) - 1] ?? 0

export type RelearningOptions = RestateListener & {
  overlay: Overlay
  /** The directory of zebra's and bgpd's vty sockets. */
  vtyDir: string
  /** Messages pass so long before the first reading. */
  delayMs: number
  session: {
    /** Whether frame boundaries are known. */
    readonly inSync: boolean
    /** Whether both daemons have read everything that was sent to them. */
    readonly isAllRead: boolean
  }
  /** Relay and FRR agree. */
  onDone(): void
  /** It is tried again. */
  onFailed(why: string): void
}

export class Relearning {
  private readonly live = new LiveChanges()
  private readonly abort = new AbortController()

  constructor(private readonly options: RelearningOptions) {
    void this.run()
  }

  onMessage(message: ZebraMessage | BgpMessage): void {
    this.live.onMessage(message)
  }

  cancel(): void {
    this.abort.abort()
  }

  private isCancelled(): boolean {
    return this.abort.signal.aborted
  }

  private async run(): Promise<void> {
    await sleep(this.options.delayMs, undefined, { ref: false })
    for (let attempts = 1; !this.isCancelled(); attempts++) {
      try {
        if (await this.attempt()) return
      } catch (error) {
        if (!this.isCancelled()) this.options.onFailed(reason(error))
      }
      await sleep(retryDelay(attempts), undefined, { ref: false })
    }
  }

  /** Resolves with whether there is nothing more to do. */
  private async attempt(): Promise<boolean> {
    for (let reading = 1; reading <= READINGS; reading++) {
      const corrections = await this.correct()
      if (this.isCancelled()) return true
      if (corrections === 0) {
        this.options.onDone()
        return true
      }
    }
    throw new Error(`FRR's tables and its messages did not agree in ${READINGS} readings`)
  }

  private async correct(): Promise<number> {
    this.live.onReading()
    await sleep(LEAD_MS)
    for (let waited = 0; waited < DRAIN_MS && !this.options.session.isAllRead; waited += DRAIN_CHECK_MS)
      await sleep(DRAIN_CHECK_MS)
    if (this.isCancelled()) return 0
    const readings = await readFrr(this.options.vtyDir)
    await sleep(SETTLE_MS)
    if (!this.options.session.inSync) throw new Error('the beginning of a frame has not been found yet')
    const work = this.options.overlay.restate(readings, this.live, this.options)
    for (;;) {
      if (this.isCancelled()) return 0
      const step = work.next()
      if (step.done === true) return step.value
      await nextTurn()
    }
  }
}
