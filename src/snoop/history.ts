// The events of bindings, for display, in memory of a fixed size that the ports share: see FairShares.
import {
  type Event,
  type EventName,
  type HistoryEvent,
  type HistoryFilter,
  MAX_EVENTS,
  type Refused,
} from '../bindings/event.js'
import { FairShares } from './fair-shares.js'
import { Refusals } from './refusals.js'

/**
 * A reader's position: the sequence number of the event that it reads next. Events before `since` were there when the
 * reader came.
 */
export type Cursor = { sequence: number; readonly since: number }

export class History {
  private readonly kept = new FairShares<Kept>(MAX_EVENTS)
  private readonly refused = new Refusals()
  private readonly counts = new Map<EventName, number>()
  private next = 0
  private waiting: (() => void)[] = []

  /** Sequence number of the oldest event that is kept; of the next event if there is none. */
  get start(): number {
    return this.kept.oldest?.item.item.sequence ?? this.next
  }

  /** Sequence number of the next event. */
  get end(): number {
    return this.next
  }

  /** How many events there were, by name. */
  get counters(): Partial<Record<EventName, number>> {
    return Object.fromEntries(this.counts)
  }

  add(it: Event, at: number): void {
    const { event, port, detail } = it
    const { vni, mac, ip } = it.key
    // copies the fields, as the caller's object may have others
    const key = { vni, mac, ip }
    if (event === 'refused' && !this.refused.add(key, port, detail, at)) return
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1)
    this.kept.add(chargedTo(it), { sequence: this.next++, at, event, key, port, detail })
    if (this.waiting.length > 0) this.wake()
  }

  /** Returns the cursor from which `count` events match, or all matching ones if they are fewer. */
  last(count: number, filter: HistoryFilter): Cursor {
    const cursor = { sequence: this.next, since: this.next }
    let left = count
    for (let kept = this.kept.newest; kept !== undefined && left > 0; kept = kept.older) {
      cursor.sequence = kept.item.item.sequence
      if (matches(kept.item.item, filter)) left--
    }
    return cursor
  }

  /**
   * Returns up to `limit` matching events and moves `cursor` behind them. `lost`: how many of those that came since the
   * reader did had been forgotten, matching or not.
   */
  read(cursor: Cursor, filter: HistoryFilter, limit: number): { events: HistoryEvent[]; lost: number } {
    const events: HistoryEvent[] = []
    let lost = 0
    const moveTo = (sequence: number): void => {
      lost += Math.max(0, sequence - Math.max(cursor.sequence, cursor.since))
      cursor.sequence = sequence
    }
    for (let kept = this.from(cursor); kept !== undefined && events.length < limit; kept = kept.newer) {
      const event = kept.item.item
      moveTo(event.sequence)
      if (matches(event, filter)) events.push(event)
      cursor.sequence += 1
    }
    if (events.length < limit) moveTo(this.next)
    return { events, lost }
  }

  /** A port has another name: what is remembered of it says so, and what comes is charged as before. */
  rename(from: string, to: string): void {
    for (let kept = this.kept.newest; kept !== undefined; kept = kept.older) renamed(kept.item.item, from, to)
    this.kept.rename(from, to)
    this.refused.rename(from, to)
  }

  /** Resolves when an event has been added, or after `wake`. */
  more(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  wake(): void {
    const { waiting } = this
    this.waiting = []
    for (const resolve of waiting) resolve()
  }

  /**
   * Returns the refused claims, most recent last. A claim that belongs to no VNI matches any; a frame whose claim was not
   * read matches also if it came from one of `ports`.
   */
  refusals({ vni, mac, ip }: HistoryFilter, ports: ReadonlySet<string> = new Set()): Refused[] {
    const matching: Refused[] = []
    for (const it of this.refused.all()) {
      const { key } = it
      if (vni !== undefined && key.vni !== 0 && key.vni !== vni) continue
      const isMeant = (mac === undefined || key.mac === mac) && (ip === undefined || key.ip === ip)
      if (isMeant || (key.ip === '' && ports.has(it.port))) matching.push(it)
    }
    return matching
  }

  /** Returns the first event that the reader has not read; it searches from the newest one, where most readers are. */
  private from({ sequence }: Cursor): FairShares<Kept>['newest'] {
    let first: FairShares<Kept>['newest']
    for (let kept = this.kept.newest; kept !== undefined && kept.item.item.sequence >= sequence; kept = kept.older) {
      first = kept
    }
    return first
  }
}

type Kept = { -readonly [Name in keyof HistoryEvent]: HistoryEvent[Name] }

/** Details that name a port end with it. */
function renamed(event: Kept, from: string, to: string): void {
  if (event.port === from) event.port = to
  const { detail } = event
  if (CHALLENGER.exec(detail)?.[1] === from || (event.event === 'moved' && detail === from))
    event.detail = detail.replace(from, to)
}

/** Returns the port whose share an event uses: a claim that the owner of an address defends is the challenger's doing. */
function chargedTo({ event, port, detail }: Event): string {
  const challenger = event === 'contested' || event === 'defended' ? CHALLENGER.exec(detail)?.[1] : undefined
  return challenger ?? port
}

/** MAC and port. */
const CHALLENGER = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2} (\S+)$/

/** A MAC also matches an event that only mentions it, as the former owner or as the claiming host. */
function matches({ event, key, detail }: Event, { vni, mac, ip, events }: HistoryFilter): boolean {
  if (vni !== undefined && key.vni !== vni) return false
  if (ip !== undefined && key.ip !== ip) return false
  if (events !== undefined && !events.has(event)) return false
  return mac === undefined || key.mac === mac || detail.includes(mac)
}
