// The events of bindings, for display, in memory of a fixed size: new ones overwrite the oldest.
import { type Event, type HistoryEvent, type HistoryFilter, MAX_EVENTS, type Refused } from '../bindings/event.js'
import { Refusals } from './refusals.js'

/** A reader's position: the sequence number of the event that it reads next. */
export type Cursor = { sequence: number }

/** Refusals that become events per second: a host that invents addresses must not displace the events of others. */
const REFUSED_PER_S = 8
const REFUSED_BURST = 256

export class History {
  private readonly ring: HistoryEvent[] = []
  private readonly refused = new Refusals()
  private next = 0
  private refusedBudget = REFUSED_BURST
  private refusedAt = -Infinity
  private waiting: (() => void)[] = []

  /** Sequence number of the oldest event that is kept; of the next event if there is none. */
  get start(): number {
    return this.next - this.ring.length
  }

  /** Sequence number of the next event. */
  get end(): number {
    return this.next
  }

  add({ event, key: { vni, mac, ip }, port, detail }: Event, at: number): void {
    // copies the fields, as the caller's object may have others
    const key = { vni, mac, ip }
    if (event === 'refused') {
      const isNew = this.refused.add(key, port, detail, at)
      if (!isNew || !this.mayTellRefused(at)) return
    }
    const sequence = this.next++
    this.ring[sequence % MAX_EVENTS] = { sequence, at, event, key, port, detail }
    if (this.waiting.length > 0) this.wake()
  }

  /** Yields the matching events, oldest first, including those that are added meanwhile. */
  *events(filter: HistoryFilter, from = this.start): Generator<HistoryEvent> {
    for (let sequence = Math.max(from, this.start); sequence < this.next; sequence++) {
      const event = this.ring[sequence % MAX_EVENTS]
      // the event may have been overwritten while the caller paused
      if (event?.sequence === sequence && matches(event, filter)) yield event
    }
  }

  /** Returns the cursor from which `count` events match, or all matching ones if they are fewer. */
  last(count: number, filter: HistoryFilter): Cursor {
    let sequence = this.next
    for (let left = count; left > 0 && sequence > this.start; ) {
      const event = this.ring[--sequence % MAX_EVENTS]
      if (event !== undefined && matches(event, filter)) left--
    }
    return { sequence }
  }

  /** Returns up to `limit` matching events and moves `cursor` behind them; `lost`: how many had been overwritten. */
  read(cursor: Cursor, filter: HistoryFilter, limit: number): { events: HistoryEvent[]; lost: number } {
    const lost = Math.max(0, this.start - cursor.sequence)
    cursor.sequence += lost
    const events: HistoryEvent[] = []
    for (; cursor.sequence < this.next && events.length < limit; cursor.sequence++) {
      const event = this.ring[cursor.sequence % MAX_EVENTS]
      if (event !== undefined && matches(event, filter)) events.push(event)
    }
    return { events, lost }
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

  /** Returns the refused claims, most recent last. A claim that belongs to no VNI matches any. */
  refusals({ vni, mac, ip }: HistoryFilter): Refused[] {
    const matching: Refused[] = []
    for (const it of this.refused.all()) {
      const { key } = it
      if (vni !== undefined && key.vni !== 0 && key.vni !== vni) continue
      if ((mac === undefined || key.mac === mac) && (ip === undefined || key.ip === ip)) matching.push(it)
    }
    return matching
  }

  private mayTellRefused(at: number): boolean {
    const earned = Math.max(0, (at - this.refusedAt) / 1000) * REFUSED_PER_S
    this.refusedBudget = Math.min(REFUSED_BURST, this.refusedBudget + earned)
    this.refusedAt = Math.max(this.refusedAt, at)
    if (this.refusedBudget < 1) return false
    this.refusedBudget -= 1
    return true
  }
}

/** A MAC also matches an event that only mentions it, as the former owner or as the claiming host. */
function matches({ event, key, detail }: Event, { vni, mac, ip, events }: HistoryFilter): boolean {
  if (vni !== undefined && key.vni !== vni) return false
  if (ip !== undefined && key.ip !== ip) return false
  if (events !== undefined && !events.has(event)) return false
  return mac === undefined || key.mac === mac || detail.includes(mac)
}
