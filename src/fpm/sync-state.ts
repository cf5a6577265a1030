// What is known of zebra's state, as its connection comes and goes. Time is handed in: monotonic milliseconds.
//
//   disconnected ──opened──► replaying ──settled──► live
//        ▲                        │                   │
//        └──────────closed────────┴───────closed──────┘
//
// zebra tells everything again when it connects, without saying where that ends: it is over when nothing came for a
// while, or after a longer while of whatever. Until then what zebra said before is stale, not wrong. What it has not
// said again by then is gone — except ordinary remote MACs, which no module ever tells again: they stay stale, may be
// shown and prove nothing, until zebra mentions them or too much time has passed.

export type Phase = 'disconnected' | 'replaying' | 'live'

/** `replayed`: said while zebra told everything again, so perhaps nothing new. */
export type Freshness = 'live' | 'replayed' | 'stale'

/** When zebra last said it. */
export type Heard = {
  at: number
  /** which connection that was, from 1 */
  connection: number
  replayed: boolean
}

export type SyncOptions = {
  /** The replay is over when nothing has come for so long … */
  quietMs: number
  /** … or after so long. */
  settleMs: number
  /** How long anything stays stale. */
  staleMs: number
}

export const SYNC_DEFAULTS: SyncOptions = { quietMs: 5000, settleMs: 60_000, staleMs: 1800_000 }

export type Due = {
  /** The replay is over. */
  settled: boolean
  /** Everything of this connection and earlier ones has been stale too long. */
  expired: number | undefined
}

export class SyncState {
  private state: Phase = 'disconnected'
  private number = 0
  private openedAt: number | undefined
  private heardAt = 0
  /** Ends of connections, oldest first: what they said expires. */
  private readonly ends: { connection: number; at: number }[] = []

  constructor(private readonly options: SyncOptions) {}

  get phase(): Phase {
    return this.state
  }

  /** Of the connection that is, or was last; 0 before the first. */
  get connection(): number {
    return this.number
  }

  /** When zebra connected; undefined while it is not. */
  get since(): number | undefined {
    return this.openedAt
  }

  opened(now: number): void {
    this.state = 'replaying'
    this.number++
    this.openedAt = now
    this.heardAt = now
  }

  closed(now: number): void {
    this.state = 'disconnected'
    this.openedAt = undefined
    this.ends.push({ connection: this.number, at: now })
  }

  /** Notes that zebra says something now. */
  hear(now: number): Heard {
    this.heardAt = now
    return { at: now, connection: this.number, replayed: this.state === 'replaying' }
  }

  freshness({ connection, replayed }: Heard): Freshness {
    if (this.state === 'disconnected' || connection !== this.number) return 'stale'
    return replayed ? 'replayed' : 'live'
  }

  /** When `due` has something to say; undefined for never. */
  deadline(): number | undefined {
    const settles = this.settles()
    const [end] = this.ends
    const expires = end && end.at + this.options.staleMs
    return settles === undefined || expires === undefined ? (settles ?? expires) : Math.min(settles, expires)
  }

  due(now: number): Due {
    const settles = this.settles()
    const settled = settles !== undefined && settles <= now
    if (settled) this.state = 'live'
    let expired: number | undefined
    for (let end = this.ends[0]; end !== undefined && end.at + this.options.staleMs <= now; end = this.ends[0]) {
      expired = end.connection
      this.ends.shift()
    }
    return { settled, expired }
  }

  private settles(): number | undefined {
    if (this.state !== 'replaying' || this.openedAt === undefined) return undefined
    return Math.min(this.heardAt + this.options.quietMs, this.openedAt + this.options.settleMs)
  }
}
