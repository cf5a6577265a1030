// What happened to bindings, for those who look, in memory of a fixed size: the newest displace the oldest.
import { type Event, type HistoryEvent, type HistoryFilter, MAX_EVENTS, type Refused } from '../bindings/event.js'
import { Refusals } from './refusals.js'

/** A reader's cursor: the event with this sequence number is the next it reads. */
export type Cursor = { sequence: number }

/** New refusals become events this often: who invents addresses must not displace what happened to others. */
const REFUSED_PER_S = 8
const REFUSED_BURST = 256

export class History {
  private readonly ring: HistoryEvent[] = []
  private readonly refused = new Refusals()
  private next = 0
  private refusedBudget = REFUSED_BURST
  private refusedAt = -Infinity
  private waiting: (() => void)[] = []

  /** Sequence number of the oldest event that is left, or, if there is none, of the next. */
  get start(): number {
    return this.next - this.ring.length
  }

  /** Sequence number of the next event. */
  get end(): number {
    return this.next
  }

  add({ event, key: { vni, mac, ip }, port, detail }: Event, at: number): void {
    // whatever else the caller's object holds is not kept
    const key = { vni, mac, ip }
    if (event === 'refused') {
      const isNew = this.refused.add(key, port, detail, at)
      if (!isNew || !this.mayTellRefused(at)) return
    }
    const sequence = this.next++
    this.ring[sequence % MAX_EVENTS] = { sequence, at, event, key, port, detail }
    if (this.waiting.length > 0) this.wake()
  }

  /** Those that are left and match, oldest first. What is noted meanwhile comes, too. */
  *events(filter: HistoryFilter, from = this.start): Generator<HistoryEvent> {
    for (let sequence = Math.max(from, this.start); sequence < this.next; sequence++) {
      const event = this.ring[sequence % MAX_EVENTS]
      // a caller may have paused for so long that it was displaced
      if (event?.sequence === sequence && matches(event, filter)) yield event
    }
  }

  /** The cursor from which on `count` events match, or all that do if they are fewer. */
  last(count: number, filter: HistoryFilter): Cursor {
    let sequence = this.next
    for (let left = count; left > 0 && sequence > this.start; ) {
      const event = this.ring[--sequence % MAX_EVENTS]
      if (event !== undefined && matches(event, filter)) left--
    }
    return { sequence }
  }

  /** Up to `limit` matching events from `cursor`, which moves behind them; `lost`: how many it was too late for. */
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

  /** Resolves when something has been noted, or after `wake`. */
  more(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  wake(): void {
    const { waiting } = this
    this.waiting = []
    for (const resolve of waiting) resolve()
  }

  /** What was not believed, the most recent last. A claim that belongs to no VNI matches any. */
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

/** A MAC also matches an event that only mentions it: the former owner, or who claims the address. */
function matches({ event, key, detail }: Event, { vni, mac, ip, events }: HistoryFilter): boolean {
  if (vni !== undefined && key.vni !== vni) return false
  if (ip !== undefined && key.ip !== ip) return false
  if (events !== undefined && !events.has(event)) return false
  return mac === undefined || key.mac === mac || detail.includes(mac)
}
