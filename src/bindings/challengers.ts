// Hosts that claim addresses whose owners answer. A claim that was defended costs the owner nothing: it is charged to the
// challenger, by MAC and port, and to the port, since a host can invent MACs. Who is charged too often is not believed
// for the hold-down time, as long as the owner is there.
import type { Anchor } from './model.js'
import type { Policy } from './policy.js'

/** So many claims of one port are defended before none of them is believed, for each that one of its hosts may make. */
const HOSTS_PER_PORT = 10
/** Who was charged first is forgotten first. */
export const MAX_CHALLENGERS = 4096

type Rules = Policy['duplicates']
type Charged = { times: readonly number[]; heldUntil: number }

export class Challengers {
  private readonly charged = new Map<string, Charged>()

  get size(): number {
    return this.charged.size
  }

  /**
   * Charges a host for a claim that was defended. Returns whether the host or its port is held down from now on; false if
   * it was before.
   */
  charge({ ifindex }: Anchor, mac: string, now: number, rules: Rules): boolean {
    const host = this.add(`${ifindex} ${mac}`, now, rules, rules.moves)
    const port = this.add(`${ifindex}`, now, rules, rules.moves * HOSTS_PER_PORT)
    return host || port
  }

  isHeldDown({ ifindex }: Anchor, mac: string, now: number): boolean {
    if (this.charged.size === 0) return false
    const until = (name: string): number => this.charged.get(name)?.heldUntil ?? -Infinity
    return until(`${ifindex} ${mac}`) > now || until(`${ifindex}`) > now
  }

  /** Announcements are repeated within moments: those are one claim. */
  private add(name: string, now: number, { windowMs, holdDownMs, confirmMs }: Rules, most: number): boolean {
    const { times, heldUntil } = this.charged.get(name) ?? { times: [], heldUntil: -Infinity }
    const recent = times.filter((at) => at > now - windowMs)
    const isRepeated = (recent.at(-1) ?? -Infinity) > now - confirmMs
    const all = isRepeated ? recent : [...recent, now].slice(-most)
    const isHeld = heldUntil <= now && all.length >= most
    this.charged.set(name, isHeld ? { times: [], heldUntil: now + holdDownMs } : { times: all, heldUntil })
    const [oldest] = this.charged.size > MAX_CHALLENGERS ? this.charged.keys() : []
    if (oldest !== undefined) this.charged.delete(oldest)
    return isHeld
  }
}
