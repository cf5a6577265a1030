// One direction of a connection: source socket → transit pipe → sink socket.
//
// Bytes are peeked at while they still wait in the source's kernel queue, and then spliced, never read into this process.
// Bytes that are in neither socket queue are in the transit pipe, which the keeper holds open, too: if this process dies,
// its successor finds every byte where it was left. Frames of ours go through the pipe as well, so what this process has
// begun to say is said to the end.
import { monotonicMs } from '../base/clock.js'
import { FrameScanner, type ScanResult } from '../zapi/scanner.js'
import type { FdPoll } from '../os/fd-poll.js'
import { SystemError } from '../os/libc.js'
import { peek, shutdownWrite, take } from '../os/splice.js'
import { BoundaryMark } from './boundary-mark.js'
import type { Transit } from './transit.js'

/** Peeked bytes. They are used only within one turn, so all channels share the buffer. */
const lookBuffer = Buffer.allocUnsafeSlow(64 * 1024)
/** Steps before the event loop gets its turn again. */
const STEPS_PER_TURN = 64
/**
 * An unfinished message that must be seen whole may wait so long for its rest; then it passes in parts. Its reader could not
 * have used the first part, and its writer goes on as soon as there is room, so only one that is stopped, or that needs the
 * room of this very part, takes longer. On a machine under load, processes wait their turn for tens of milliseconds.
 */
const STARVED_MS = 250
/** It is looked at again after this time: the socket is readable meanwhile, so readiness cannot be waited for. */
const STARVED_RETRY_MS = 1

/** Frames of ours for a channel's sink. */
export type InjectionQueue = {
  /** Whether `next` may have frames. */
  readonly pending: boolean
  /** The next frames, which the channel writes to the end, at a frame boundary; undefined when there are none. */
  next(): readonly Buffer[] | undefined
  /** The frames that `next` gave last are on their way, where no successor of this process can lose them. */
  done(): void
}

export type ChannelOptions = {
  source: FdPoll
  sink: FdPoll
  transit: Transit
  scanner: FrameScanner
  /** Bytes at the front of the source that a predecessor has dealt with, up to the next frame. */
  bytesAhead: number
  /** The scanned bytes are about to leave the source: what was learned from them must be safe now. */
  beforeConsume: () => void
  /** A frame cannot be passed on in the order it should; from now on its verdict must be another. */
  onStuck: () => void
  /** The source has ended, and so has the sink's stream. */
  onEnd: () => void
  /** The connection is broken. */
  onBroken: (error: SystemError) => void
}

export class Channel {
  /** The frames to inject; undefined while nothing may be injected. Frames already handed out are still written. */
  injections: InjectionQueue | undefined
  private plan: ScanResult
  /** The rest of the frames that are being written, and the queue they are from. */
  private injecting: { frames: readonly Buffer[]; queue: InjectionQueue } | undefined
  private readonly mark: BoundaryMark
  private ended = false
  /** Monotonic time of the first look at an unfinished message, in milliseconds. */
  private starvedSince: number | undefined
  private stuckDeferrals = 0
  private retry: NodeJS.Timeout | undefined
  private scheduled: NodeJS.Immediate | undefined
  private closed = false
  private onFinished: (() => void) | undefined

  constructor(private readonly options: ChannelOptions) {
    this.plan = { pass: options.bytesAhead, discard: 0, starved: false }
    this.mark = new BoundaryMark(options.source.fd)
  }

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
    clearImmediate(this.scheduled)
  }

  private step(): 'moved' | 'sink-full' | 'source-empty' | 'resting' {
    if (!this.options.transit.drain(this.options.sink.fd)) return 'sink-full'
    if (this.plan.pass > 0) return this.pass()
    if (this.plan.discard > 0) return this.discard()
    if (this.ended) return 'resting'
    if (this.options.scanner.position.at === 'boundary') {
      this.injecting ??= this.nextInjection()
      if (this.injecting !== undefined) return this.inject(this.injecting)
    }
    return this.look()
  }

  private look(): 'moved' | 'source-empty' | 'resting' {
    const { source, scanner } = this.options
    this.markFront()
    const size = peek(source.fd, lookBuffer)
    if (size === undefined) return 'source-empty'
    if (size === 0) return this.end()
    let plan = scanner.scan(lookBuffer, size)
    if (plan.starved) {
      this.starvedSince ??= monotonicMs()
      if (monotonicMs() - this.starvedSince < STARVED_MS) {
        clearTimeout(this.retry)
        this.retry = setTimeout(this.run, STARVED_RETRY_MS)
        return 'resting'
      }
      plan = scanner.scanPart(lookBuffer, size)
    }
    this.starvedSince = undefined
    // a frame that stays deferred although there is nothing to inject before it must not stop the bytes
    if (plan.pass > 0 || plan.discard > 0) this.stuckDeferrals = 0
    else if (++this.stuckDeferrals > 2) this.options.onStuck()
    this.plan = plan
    this.options.beforeConsume()
    this.markEnd(plan.pass)
    return 'moved'
  }

  /** Lets peeking begin at the front, and notes what is there. */
  private markFront(): void {
    const { position } = this.options.scanner
    switch (position.at) {
      case 'boundary':
        this.mark.atFront()
        return
      case 'inside':
        this.mark.inside(position.remaining)
        return
      case 'unknown':
        this.mark.unknown()
        return
    }
  }

  /** Notes where the next frame begins when what was learned is safe, and before the first byte leaves. */
  private markEnd(pass: number): void {
    const { position } = this.options.scanner
    switch (position.at) {
      case 'boundary':
        // a dropped frame leaves with one system call, so it is either at the front or gone
        if (pass > 0) this.mark.ahead(pass, false)
        return
      case 'inside':
        this.mark.ahead(pass + position.remaining, true)
        return
      case 'unknown':
        this.mark.unknown()
        return
    }
  }

  private pass(): 'moved' | 'source-empty' | 'resting' {
    const moved = this.options.transit.fill(this.options.source.fd, this.plan.pass)
    if (moved === undefined) return 'source-empty'
    // the rest of an unfinished frame never comes
    if (moved === 0) return this.end()
    this.plan.pass -= moved
    // the note was counted down to the dropped frame, which does not count
    if (this.plan.pass === 0 && this.plan.discard > 0) this.mark.atFront()
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

  private inject({ frames, queue }: { frames: readonly Buffer[]; queue: InjectionQueue }): 'moved' {
    const rest = this.options.transit.put(frames)
    this.injecting = rest.length > 0 ? { frames: rest, queue } : undefined
    if (rest.length === 0) {
      this.stuckDeferrals = 0
      queue.done()
    }
    return 'moved'
  }

  private end(): 'resting' {
    this.ended = true
    this.plan = { pass: 0, discard: 0, starved: false }
    shutdownWrite(this.options.sink.fd)
    this.options.onEnd()
    return 'resting'
  }
}
