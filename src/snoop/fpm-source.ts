// zebra's FPM connection as the snooper's second fpm. Nothing depends on it: without one, everything else works.
import { FatalError } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { FpmOptions } from '../config/options.js'
import { Fpm, type FpmStatus } from '../fpm/fpm.js'
import { DEFAULT_ADDRESSES } from '../fpm/listener.js'
import { FpmRecordKind } from '../record/fpm-records.js'
import type { FpmChange, FpmView, FpmViewOptions } from '../fpm/view.js'
import { Ring } from '../record/ring.js'
import { monotonicMs } from '../base/clock.js'

/** What the control socket asks. */
export type FpmSubject = {
  /** Not wanted. */
  readonly off: boolean
  /** Why nobody listens; empty if somebody does, or `off`. */
  readonly error: string
  /** Undefined while nobody listens. */
  readonly view: FpmView | undefined
  /** Recent frames; undefined if none are kept. */
  readonly recent: Ring | undefined
  status(): FpmStatus | undefined
}

export type FpmSourceOptions = FpmOptions & {
  view?: FpmViewOptions
  /** As in Fpm. */
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
   * Throws FatalError if it cannot listen where it was told to. Where nobody said so, another FPM server has more right
   * to the port.
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

  status(): FpmStatus | undefined {
    return this.fpm?.status()
  }

  /** What it does at once is enough when the process ends. */
  async close(): Promise<void> {
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
  }

  private onPhase(phase: keyof typeof RECORD_OF, at: number): void {
    if (phase === 'replaying') this.connection++
    this.recent?.append(RECORD_OF[phase], this.connection, NOTHING, 0, 0, this.clock.at(at))
  }
}

/** How often the date is looked at, milliseconds. */
const DATED_MS = 1000

/** Times of day with fractions, from monotonic ones; cheap enough for every frame. */
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
