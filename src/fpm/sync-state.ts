// Whether our copy of zebra's state is complete, as its connection comes and goes. Times are monotonic milliseconds.
//
//   disconnected ──opened──► replaying ──synced───► live
//        ▲                        │                   │
//        └──────────closed────────┴───────closed──────┘
//
// zebra sends everything again when it connects, without marking the end of that replay: it counts as over when nothing
// has come for a while, or after a longer while in any case. Until then, earlier state is stale, not wrong. What was
// not sent again by then is gone, except ordinary remote MACs, which no module ever sends again: they stay stale, may
// be shown and prove nothing, until zebra mentions them or too much time has passed.

export type Phase = 'disconnected' | 'replaying' | 'live'

/** `replayed` means received during a replay, so it may not be new. */
export type Freshness = 'live' | 'replayed' | 'stale'

/** When and where zebra last said something. */
export type Heard = {
  at: number
  /** Number of the connection, from 1. */
  connection: number
  replayed: boolean
}

export type SyncOptions = {
  /** The replay is over when nothing has come for this long … */
  quietMs: number
  /** … or this long after the connection began. */
  syncMaxMs: number
  /** State may stay stale for this long. */
  staleMs: number
}

export const SYNC_DEFAULTS: SyncOptions = { quietMs: 5000, syncMaxMs: 60_000, staleMs: 1800_000 }

export type Due = {
  /** Whether the replay has just ended. */
  synced: boolean
  /** The state of this connection and of earlier ones has been stale too long; undefined if there is none. */
  expired: number | undefined
}

export class SyncState {
  private state: Phase = 'disconnected'
  private number = 0
  private openedAt: number | undefined
  private heardAt = 0
  /** Ends of connections, oldest first: the state of each connection expires. */
  private readonly ends: { connection: number; at: number }[] = []

  constructor(private readonly options: SyncOptions) {}

  get phase(): Phase {
    return this.state
  }

  /** Number of the current or last connection; 0 before the first. */
  get connection(): number {
    return this.number
  }

  /** When zebra connected; undefined while it is not connected. */
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

  /** Registers that zebra says something now. */
  hear(now: number): Heard {
    this.heardAt = now
    return { at: now, connection: this.number, replayed: this.state === 'replaying' }
  }

  freshness({ connection, replayed }: Heard): Freshness {
    if (this.state === 'disconnected' || connection !== this.number) return 'stale'
    return replayed ? 'replayed' : 'live'
  }

  /** The next time at which `due` must be called; undefined if there is none. */
  deadline(): number | undefined {
    const syncEnd = this.syncEnd()
    const [end] = this.ends
    const expires = end && end.at + this.options.staleMs
    return syncEnd === undefined || expires === undefined ? (syncEnd ?? expires) : Math.min(syncEnd, expires)
  }

  due(now: number): Due {
    const syncEnd = this.syncEnd()
    const synced = syncEnd !== undefined && syncEnd <= now
    if (synced) this.state = 'live'
    let expired: number | undefined
    for (let end = this.ends[0]; end !== undefined && end.at + this.options.staleMs <= now; end = this.ends[0]) {
      expired = end.connection
      this.ends.shift()
    }
    return { synced, expired }
  }

  private syncEnd(): number | undefined {
    if (this.state !== 'replaying' || this.openedAt === undefined) return undefined
    return Math.min(this.heardAt + this.options.quietMs, this.openedAt + this.options.syncMaxMs)
  }
}
