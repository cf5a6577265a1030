// Counts the refused claims by claim, reason and port. The number of counters is bounded; a port that has many loses its
// least recent ones first.
import type { Refused } from '../bindings/event.js'
import type { Key } from '../bindings/model.js'
import { FairShares, type Kept, type Share } from './fair-shares.js'

export const MAX_REFUSALS = 4096

/** Refusals of one port that become events per second: they must not displace the other events of that port. */
const TOLD_PER_S = 8
const TOLD_BURST = 256

type Counter = { -readonly [Name in keyof Refused]: Refused[Name] }
type Budget = { left: number; at: number }

export class Refusals {
  /** The counters by VNI, MAC, IP, reason and port. */
  private readonly byName = new Map<string, Kept<Counter>>()
  private readonly shares = new FairShares<Counter>(MAX_REFUSALS, (it) => {
    // after a port was renamed, another counter may have the name
    if (this.byName.get(nameOf(it))?.item.item === it) this.byName.delete(nameOf(it))
  })
  private readonly budgets = new WeakMap<Share<Counter>, Budget>()

  /**
   * Counts a refusal. Returns whether it is worth an event: it is the first of its kind, as far as is remembered, and
   * its port has not had too many events of this kind lately.
   */
  add(key: Key, port: string, reason: string, at: number): boolean {
    const name = nameOf({ key, port, reason })
    const known = this.byName.get(name)
    if (known !== undefined) {
      const counter = known.item.item
      counter.count += 1
      counter.last = at
      this.shares.renew(known)
      return false
    }
    const kept = this.shares.add(port, { key, reason, port, count: 1, first: at, last: at })
    this.byName.set(name, kept)
    return this.mayTell(kept.item.share, at)
  }

  /** A port has another name. */
  rename(from: string, to: string): void {
    for (let kept = this.shares.newest; kept !== undefined; kept = kept.older) {
      const counter = kept.item.item
      if (counter.port !== from) continue
      if (this.byName.get(nameOf(counter)) === kept) this.byName.delete(nameOf(counter))
      counter.port = to
      if (!this.byName.has(nameOf(counter))) this.byName.set(nameOf(counter), kept)
    }
    this.shares.rename(from, to)
  }

  /** Yields the counters, least recent first. */
  *all(): Generator<Refused> {
    for (let kept = this.shares.oldest; kept !== undefined; kept = kept.newer) yield kept.item.item
  }

  private mayTell(share: Share<Counter>, at: number): boolean {
    const before = this.budgets.get(share) ?? { left: TOLD_BURST, at }
    const left = Math.min(TOLD_BURST, before.left + (Math.max(0, at - before.at) / 1000) * TOLD_PER_S)
    const mayTell = left >= 1
    this.budgets.set(share, { left: mayTell ? left - 1 : left, at: Math.max(before.at, at) })
    return mayTell
  }
}

const nameOf = ({ key: { vni, mac, ip }, reason, port }: Pick<Refused, 'key' | 'reason' | 'port'>): string =>
  `${vni} ${mac} ${ip} ${reason} ${port}`
