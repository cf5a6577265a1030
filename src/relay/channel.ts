// One direction of a connection: source socket → transit pipe → sink socket.
//
// Bytes are peeked at while they still wait in the source's kernel queue, and then spliced, never read into this process.
// Bytes that are in neither socket queue are in the transit pipe, which the keeper holds open, too: if this process dies,
// its successor finds every byte where it was left.
import { FrameScanner, type ScanResult } from '../zapi/scanner.js'
import type { FdPoll } from '../os/fd-poll.js'
import { SystemError } from '../os/libc.js'
import { peek, send, shutdownWrite, take } from '../os/splice.js'
import type { Transit } from './transit.js'

/** Peeked bytes. They are used only within one turn, so all channels share the buffer. */
const lookBuffer = Buffer.allocUnsafeSlow(64 * 1024)
/** Steps before the event loop gets its turn again. */
const STEPS_PER_TURN = 64
/** An unfinished message that must be seen whole is peeked at again after this time, and passes as it is after so many. */
const STARVED_RETRY_MS = 1
const STARVED_RETRIES = 100
/** A stream that was joined at an unknown position is between two frames when nothing comes for so long. */
const QUIET_MS = 50

/** Frames of ours for a channel's sink. */
export type InjectionQueue = {
  /** Whether `next` may have frames. */
  readonly pending: boolean
  /** The next frames, which the channel writes to the end, at a frame boundary; undefined when there are none. */
  next(): Buffer | undefined
  /** The frames that `next` gave last have been written. */
  done(): void
}

export type ChannelOptions = {
  source: FdPoll
  sink: FdPoll
  transit: Transit
  scanner: FrameScanner
  /** The scanned bytes are about to leave the source: what was learned from them must be safe now. */
  beforeConsume: () => void
  /** The source has ended, and so has the sink's stream. */
  onEnd: () => void
  /** The connection is broken. */
  onBroken: (error: SystemError) => void
}

export class Channel {
  /** The frames to inject; undefined while nothing may be injected. Frames already handed out are still written. */
  injections: InjectionQueue | undefined
  private plan: ScanResult = { pass: 0, discard: 0, starved: false }
  /** The rest of the frames that are being written, and the queue they are from. */
  private injecting: { frames: Buffer; queue: InjectionQueue } | undefined
  private ended = false
  private starvedLooks = 0
  private stuckDeferrals = 0
  private retry: NodeJS.Timeout | undefined
  private quiet: NodeJS.Timeout | undefined
  private scheduled: NodeJS.Immediate | undefined
  private closed = false
  private onFinished: (() => void) | undefined

  constructor(private readonly options: ChannelOptions) {}

  /** Bytes passed on. */
  get bytes(): number {
    return this.options.transit.bytes
  }

  /** Moves what can be moved now, and waits for what cannot. */
  readonly run = (): void => {
    if (this.closed) return
    try {
      const { source, sink } = this.options
      for (let step = 0; step < STEPS_PER_TURN; step++) {
        if (this.onFinished !== undefined && this.injecting === undefined) {
          this.close()
          return
        }
        const outcome = this.step()
        if (outcome === 'moved') continue
        sink.writable(outcome === 'sink-full' ? this.run : undefined)
        source.readable(outcome === 'source-empty' ? this.run : undefined)
        return
      }
      this.scheduled = setImmediate(this.run)
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
      this.options.onBroken(error)
    }
  }

  /** Closes, but only when the frames that are being written are complete. */
  finish(onFinished: () => void): void {
    if (this.closed) onFinished()
    this.onFinished = onFinished
    this.run()
  }

  close(): void {
    this.closed = true
    this.onFinished?.()
    clearTimeout(this.retry)
    clearTimeout(this.quiet)
    clearImmediate(this.scheduled)
  }

  private readonly onQuiet = (): void => {
    this.options.scanner.assumeBoundary()
    this.run()
  }

  private step(): 'moved' | 'sink-full' | 'source-empty' | 'resting' {
    if (!this.options.transit.drain(this.options.sink.fd)) return 'sink-full'
    if (this.plan.pass > 0) return this.pass()
    if (this.plan.discard > 0) return this.discard()
    if (this.ended) return 'resting'
    if (this.options.scanner.atBoundary) {
      this.injecting ??= this.nextInjection()
      if (this.injecting !== undefined) return this.inject(this.injecting)
    }
    return this.look()
  }

  private look(): 'moved' | 'source-empty' | 'resting' {
    const { source, scanner } = this.options
    const size = peek(source.fd, lookBuffer)
    if (size === undefined) {
      if (scanner.joining) this.quiet ??= setTimeout(this.onQuiet, QUIET_MS)
      return 'source-empty'
    }
    clearTimeout(this.quiet)
    if (size === 0) return this.end()
    const plan = scanner.scan(lookBuffer, size)
    if (plan.starved && this.starvedLooks++ < STARVED_RETRIES) {
      this.retry = setTimeout(this.run, STARVED_RETRY_MS)
      return 'resting'
    }
    if (plan.starved) plan.pass = size
    this.starvedLooks = 0
    // a frame that stays deferred although there is nothing to inject before it must not stop the bytes
    if (plan.pass === 0 && plan.discard === 0 && ++this.stuckDeferrals > 2)
      scanner.loseTrack('a frame could not be passed on')
    else if (plan.pass > 0 || plan.discard > 0) this.stuckDeferrals = 0
    scanner.consumed(lookBuffer, plan.pass + plan.discard)
    this.plan = plan
    this.options.beforeConsume()
    return 'moved'
  }

  private pass(): 'moved' | 'source-empty' {
    const moved = this.options.transit.fill(this.options.source.fd, this.plan.pass)
    if (moved === undefined || moved === 0) return 'source-empty'
    this.plan.pass -= moved
    return 'moved'
  }

  private discard(): 'moved' | 'source-empty' {
    const taken = take(this.options.source.fd, lookBuffer, this.plan.discard)
    if (taken === undefined || taken === 0) return 'source-empty'
    this.plan.discard -= taken
    return 'moved'
  }

  private nextInjection(): typeof this.injecting {
    const queue = this.injections
    const frames = queue?.pending === true ? queue.next() : undefined
    return queue && frames && { frames, queue }
  }

  private inject({ frames, queue }: { frames: Buffer; queue: InjectionQueue }): 'moved' | 'sink-full' {
    const sent = send(this.options.sink.fd, frames)
    if (sent === undefined) return 'sink-full'
    this.injecting = sent < frames.length ? { frames: frames.subarray(sent), queue } : undefined
    if (this.injecting === undefined) {
      this.stuckDeferrals = 0
      queue.done()
    }
    return 'moved'
  }

  private end(): 'resting' {
    this.ended = true
    shutdownWrite(this.options.sink.fd)
    this.options.onEnd()
    return 'resting'
  }
}
