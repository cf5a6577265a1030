// zebra's FPM stream for the rest of the program: listens, decodes, maintains the view and forwards the stream.
import { endpointText } from '../base/address.js'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { monotonicMs } from '../base/clock.js'
import { Backlog } from './backlog.js'
import { decodeFrame } from './decode.js'
import { eachFrame, FpmFormat, frameFormat } from './frame.js'
import { DEFAULT_ADDRESSES, FpmListener, type FpmListenerCounters, type ListenAddress } from './listener.js'
import type { FpmMessage, FpmMessageKind } from './message.js'
import { FpmTee, TEE_DEFAULTS, type TeeCounters, type TeeState } from './tee.js'
import { type FpmChange, FpmView, type FpmViewOptions, type FpmViewStatus } from './view.js'

/** The FPM server that gets a copy of the stream; the other options are those of TEE_DEFAULTS. */
export type FpmForward = { ip: string; port: number } & Partial<typeof TEE_DEFAULTS>

export type FpmOptions = {
  addresses?: readonly ListenAddress[]
  /** Allows listening beyond loopback. */
  allowRemote?: boolean
  /** Whether a user of this machine may connect; undefined: every user may. */
  mayConnect?: ((uid: number) => boolean) | undefined
  forward?: FpmForward | undefined
  view?: FpmViewOptions
  log: Logger
}

/** Callbacks for the rest of the program. An exception in one is logged once and has no other effect. */
export type FpmEvents = {
  /** Called with each frame, header included, before it is decoded. It may be kept; `at`: monotonic milliseconds. */
  onFrame?(frame: Buffer, at: number): void
  onMessage?(message: FpmMessage, at: number): void
  /** Called after the view has changed; must not change the view. */
  onChange?(change: FpmChange, at: number): void
}

export type FpmCounters = FpmListenerCounters & {
  messages: Record<FpmMessageKind, number>
  /** Exceptions thrown by the callbacks. */
  faults: number
}

export type FpmStatus = {
  listening: ListenAddress[]
  /** zebra's end of the connection; undefined while there is none. */
  peer: string | undefined
  /** Format of this connection's frames; undefined before the first frame. */
  format: 'netlink' | 'protobuf' | undefined
  /** Bytes that were read and are not in the view yet. */
  backlog: number
  view: FpmViewStatus
  counters: FpmCounters
  forward: { to: string; state: TeeState; queued: number; counters: TeeCounters } | undefined
}

/** A queued event: `opened`, or `frames`; with neither, the connection was closed. */
type Happening = { at: number; opened?: string; frames?: Buffer }
/** Approximate size of an event without its frames. */
const HAPPENING_BYTES = 200

export class Fpm {
  readonly view: FpmView
  private readonly messages: Record<FpmMessageKind, number> = {
    route: 0,
    nexthop: 0,
    mac: 0,
    'mpls-route': 0,
    'srv6-localsid': 0,
    other: 0,
    malformed: 0,
  }
  private readonly tee: FpmTee | undefined
  private listener: FpmListener | undefined
  private format: FpmStatus['format']
  private timer: NodeJS.Timeout | undefined
  private timerAt = Infinity
  private complained = false
  private faults = 0
  private peer = ''
  /** The time of the event that is being processed. */
  private at = 0

  private readonly backlog = new Backlog<Happening>(
    ({ frames }) => HAPPENING_BYTES + (frames?.length ?? 0),
    (happening) => {
      this.handle(happening)
    },
    () => {
      this.schedule()
    },
  )

  private constructor(
    private readonly options: FpmOptions,
    private readonly events: FpmEvents,
  ) {
    const { forward, log } = options
    this.view = new FpmView(options.view, (change) => {
      this.tell(() => this.events.onChange?.(change, this.at))
    })
    if (forward === undefined) return
    const restart = (): void => this.listener?.restart()
    this.tee = new FpmTee({ ...TEE_DEFAULTS, ...forward, restart, log })
  }

  /** Starts to listen. Throws FatalError if that is not possible on an address. */
  static async start(options: FpmOptions, events: FpmEvents = {}): Promise<Fpm> {
    const { addresses = DEFAULT_ADDRESSES, allowRemote = false, mayConnect, log } = options
    const fpm = new Fpm(options, events)
    fpm.listener = await FpmListener.listen({ addresses, allowRemote, mayConnect, handler: fpm, log })
    return fpm
  }

  /** Closes zebra's connection, so that zebra sends everything again. */
  restart(): void {
    this.listener?.restart()
  }

  async close(): Promise<void> {
    this.tee?.close()
    await this.listener?.close()
    this.backlog.flush()
    clearTimeout(this.timer)
  }

  status(): FpmStatus {
    const { listener, tee } = this
    if (listener === undefined) throw new Error('FPM is not listening yet')
    const { forward } = this.options
    return {
      listening: listener.addresses,
      peer: listener.peer,
      format: this.format,
      backlog: this.backlog.waiting,
      view: this.view.status(),
      counters: { messages: { ...this.messages }, faults: this.faults, ...listener.counters },
      forward: forward &&
        tee && {
          to: endpointText(forward),
          state: tee.state,
          queued: tee.queued,
          counters: { ...tee.counters },
        },
    }
  }

  // the listener's callbacks: bytes are forwarded at once, frames are queued for decoding

  opened(peer: string): void {
    this.tee?.begin()
    this.backlog.push({ at: monotonicMs(), opened: peer })
  }

  bytes(chunk: Buffer): void {
    this.tee?.write(chunk)
  }

  frames(frames: Buffer): void {
    this.backlog.push({ at: monotonicMs(), frames })
  }

  closed(): void {
    this.tee?.end()
    this.backlog.push({ at: monotonicMs() })
  }

  private handle({ at, opened, frames }: Happening): void {
    this.at = at
    if (frames !== undefined) for (const frame of eachFrame(frames)) this.frame(frame, at)
    else if (opened === undefined) this.view.closed(at)
    else {
      this.peer = opened
      this.format = undefined
      this.complained = false
      this.view.opened(at)
    }
  }

  private frame(frame: Buffer, at: number): void {
    this.format = frameFormat(frame) === FpmFormat.protobuf ? 'protobuf' : 'netlink'
    this.tell(() => this.events.onFrame?.(frame, at))
    for (const message of decodeFrame(frame)) {
      this.messages[message.kind]++
      if (message.kind === 'malformed') this.complain(message.error)
      this.view.apply(message, at)
      this.tell(() => this.events.onMessage?.(message, at))
    }
  }

  /** Logs the first error of a connection only, since its next messages may fail in the same way. */
  private complain(error: string): void {
    if (this.complained) return
    this.complained = true
    this.options.log.warn({ peer: this.peer, error }, 'zebra sent an FPM message that cannot be decoded')
  }

  private tell(event: () => void): void {
    try {
      event()
    } catch (error) {
      if (this.faults++ === 0) this.options.log.error({ error: reason(error) }, 'handling what zebra said failed')
    }
  }

  /** Arms the timer. Deadlines only ever move to later, except when the connection ends. */
  private schedule(): void {
    const deadline = this.view.deadline() ?? Infinity
    if (deadline >= this.timerAt || deadline === Infinity) return
    clearTimeout(this.timer)
    this.timerAt = deadline
    this.timer = setTimeout(
      () => {
        this.timerAt = Infinity
        // a queued event may move the deadline
        if (!this.backlog.empty) return
        this.at = monotonicMs()
        this.view.tick(this.at)
        this.schedule()
      },
      // rounded up, as the timer must not fire before the deadline
      Math.max(0, Math.ceil(deadline - monotonicMs())),
    )
    this.timer.unref()
  }
}
