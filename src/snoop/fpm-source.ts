// zebra's FPM connection as the snooper's second source of zebra's state. It is optional: nothing else depends on it.
import { FatalError } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { FpmOptions } from '../config/options.js'
import { Fpm, type FpmStatus } from '../fpm/fpm.js'
import { DEFAULT_ADDRESSES } from '../fpm/listener.js'
import { FpmRecordKind } from '../record/fpm-records.js'
import type { FpmChange, FpmView, FpmViewOptions } from '../fpm/view.js'
import { Ring } from '../record/ring.js'
import type { FpmEnsured } from '../control/fpm-codec.js'
import { FpmEnsure, type FpmEnsureOptions } from './fpm-ensure.js'
import { monotonicMs } from '../base/clock.js'

/** What the control socket reports. */
export type FpmSubject = {
  /** Whether the FPM connection is switched off in the configuration. */
  readonly off: boolean
  /** Why we do not listen; empty if we do, or if `off`. */
  readonly error: string
  /** undefined while we do not listen. */
  readonly view: FpmView | undefined
  /** Recent frames; undefined if none are kept. */
  readonly recent: Ring | undefined
  /** Whether zebra's configuration is as it is to be; undefined if it is left alone. */
  readonly ensured: FpmEnsured | undefined
  status(): FpmStatus | undefined
}

export type FpmSourceOptions = FpmOptions & {
  view?: FpmViewOptions
  /** Path of zebra's vty socket, for `ensure`. */
  vty: string
  /** As in FpmOptions of fpm.ts. */
  mayConnect?: (uid: number) => boolean
}

const RECORD_OF = {
  replaying: FpmRecordKind.opened,
  live: FpmRecordKind.live,
  disconnected: FpmRecordKind.closed,
} as const

const NOTHING = new Uint8Array(0)

export class FpmSource implements FpmSubject {
  readonly recent: Ring | undefined
  private fpm: Fpm | undefined
  private ensure: FpmEnsure | undefined
  private failure = ''
  private connection = 0
  private readonly clock = new Dated()

  private constructor(
    private readonly options: FpmSourceOptions,
    private readonly log: Logger,
    private readonly changed: (change: FpmChange) => void,
  ) {
    this.recent = options.recentBytes === 0 || this.off ? undefined : new Ring(options.recentBytes)
  }

  /**
   * Throws FatalError if it cannot listen at a configured address. The default address may be in use by another FPM
   * server, which then keeps it.
   *
   * @param changed as `onChange` of FpmEvents
   */
  static async open(options: FpmSourceOptions, log: Logger, changed: (change: FpmChange) => void): Promise<FpmSource> {
    const fpm = new FpmSource(options, log, changed)
    if (!fpm.off) await fpm.listen()
    return fpm
  }

  get off(): boolean {
    return this.options.listen === 'none'
  }

  get error(): string {
    return this.failure
  }

  get view(): FpmView | undefined {
    return this.fpm?.view
  }

  get ensured(): FpmEnsured | undefined {
    return this.ensure?.status
  }

  status(): FpmStatus | undefined {
    return this.fpm?.status()
  }

  /** At process exit, the part that runs synchronously is enough. */
  async close(): Promise<void> {
    this.ensure?.close()
    await this.fpm?.close()
  }

  private async listen(): Promise<void> {
    const { listen, allowRemote, mayConnect, forward, view } = this.options
    const mayFail = listen === 'default' && forward === undefined
    const addresses = listen === 'default' || listen === 'none' ? DEFAULT_ADDRESSES : listen
    const { log } = this
    try {
      this.fpm = await Fpm.start(
        { addresses, allowRemote, mayConnect, forward, log, ...(view !== undefined && { view }) },
        {
          onFrame: (frame, at) =>
            this.recent?.append(FpmRecordKind.frame, this.connection, frame, 0, frame.length, this.clock.at(at)),
          onChange: (change, at) => {
            if (change.type === 'phase') this.onPhase(change.phase, at)
            this.changed(change)
          },
        },
      )
    } catch (error) {
      if (!mayFail || !(error instanceof FatalError)) throw error
      this.failure = error.message
      log.warn({ error: error.message }, 'going on without zebra’s FPM connection')
    }
    if (this.options.ensure && this.fpm !== undefined) this.ensure = new FpmEnsure(this.ensureOptions(this.fpm))
  }

  private ensureOptions(fpm: Fpm): FpmEnsureOptions {
    return {
      vty: this.options.vty,
      listening: () => fpm.status().listening,
      isConnected: () => fpm.status().peer !== undefined,
      log: this.log,
    }
  }

  private onPhase(phase: keyof typeof RECORD_OF, at: number): void {
    if (phase === 'replaying') {
      this.connection++
      this.ensure?.onConnected()
    }
    if (phase === 'disconnected') this.ensure?.onDisconnected()
    this.recent?.append(RECORD_OF[phase], this.connection, NOTHING, 0, 0, this.clock.at(at))
  }
}

/** Time between two readings of the date, in milliseconds. */
const DATED_MS = 1000

/** Converts monotonic times to fractional milliseconds since the epoch, cheaply enough for every frame. */
class Dated {
  private offset = 0
  private lookedAt = -Infinity

  at(monotonic: number): number {
    if (monotonic > this.lookedAt + DATED_MS) {
      this.lookedAt = monotonic
      this.offset = Date.now() - monotonicMs()
    }
    return monotonic + this.offset
  }
}
