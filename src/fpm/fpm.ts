// zebra's FPM stream for the rest of the program: listens, decodes, keeps the view, forwards.
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { monotonicMs } from '../base/clock.js'
import { Backlog } from './backlog.js'
import { decodeFrame } from './decode.js'
import { eachFrame, FpmFormat, frameFormat } from './frame.js'
import {
  addressText,
  DEFAULT_ADDRESSES,
  FpmListener,
  type FpmListenerCounters,
  type ListenAddress,
} from './listener.js'
import type { FpmMessage, FpmMessageKind } from './message.js'
import { FpmTee, TEE_DEFAULTS, type TeeCounters, type TeeState } from './tee.js'
import { type FpmChange, FpmView, type FpmViewOptions, type FpmViewStatus } from './view.js'

/** Where to hand everything on to; the rest as in TEE_DEFAULTS. */
export type FpmForward = { ip: string; port: number } & Partial<typeof TEE_DEFAULTS>

export type FpmOptions = {
  addresses?: readonly ListenAddress[]
  /** Lets it listen beyond loopback. */
  allowRemote?: boolean
  /** Whether a user of this machine is believed; undefined: everybody is. */
  mayConnect?: ((uid: number) => boolean) | undefined
  forward?: FpmForward | undefined
  view?: FpmViewOptions
  log: Logger
}

/** What the rest of the program wants to hear. What they throw is logged once and costs nothing else. */
export type FpmEvents = {
  /** Each frame with its header, before it is decoded; `at`: monotonic milliseconds. May be kept. */
  onFrame?(frame: Buffer, at: number): void
  onMessage?(message: FpmMessage, at: number): void
  /** After the view has changed. It is not to be changed by this. */
  onChange?(change: FpmChange, at: number): void
}

export type FpmCounters = FpmListenerCounters & {
  messages: Record<FpmMessageKind, number>
  /** What `events` have thrown. */
  faults: number
}

export type FpmStatus = {
  listening: ListenAddress[]
  /** zebra's end of the connection; undefined while there is none */
  peer: string | undefined
  /** of the frames of this connection; undefined before the first */
  format: 'netlink' | 'protobuf' | undefined
  /** bytes that have been read and are not in the view yet */
  backlog: number
  view: FpmViewStatus
  counters: FpmCounters
  forward: { to: string; state: TeeState; queued: number; counters: TeeCounters } | undefined
}

/** In the order in which it happened; without anything else, the connection has ended. */
type Happening = { at: number; opened?: string; frames?: Buffer }
/** About what one takes besides its frames. */
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
  /** When what is handled now happened. */
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

  /** Throws FatalError if an address cannot be listened on. */
  static async start(options: FpmOptions, events: FpmEvents = {}): Promise<Fpm> {
    const { addresses = DEFAULT_ADDRESSES, allowRemote = false, mayConnect, log } = options
    const fpm = new Fpm(options, events)
    fpm.listener = await FpmListener.listen({ addresses, allowRemote, mayConnect, handler: fpm, log })
    return fpm
  }

  /** Ends zebra's connection, so that it tells everything again. */
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
          to: addressText(forward),
          state: tee.state,
          queued: tee.queued,
          counters: { ...tee.counters },
        },
    }
  }

  // what the listener calls: bytes are handed on at once, what they mean is found out in its turn

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

  /** Once for each connection: the next message may be as bad. */
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

  /** Deadlines are only ever put off, except by the end of a connection. */
  private schedule(): void {
    const deadline = this.view.deadline() ?? Infinity
    if (deadline >= this.timerAt || deadline === Infinity) return
    clearTimeout(this.timer)
    this.timerAt = deadline
    this.timer = setTimeout(
      () => {
        this.timerAt = Infinity
        // what waits may say that it is not due
        if (!this.backlog.empty) return
        this.at = monotonicMs()
        this.view.tick(this.at)
        this.schedule()
      },
      // not a fraction of a millisecond too early
      Math.max(0, Math.ceil(deadline - monotonicMs())),
    )
    this.timer.unref()
  }
}
