// Hosts that claim addresses whose owners answer. A claim that was defended costs the owner nothing: it is charged to the
// challenger, by MAC and port, and to the port, since a host can invent MACs. Who is charged too often is not believed
// for the hold-down time, as long as the owner is there.
import { BoundedGroups } from '../base/bounded-groups.js'
import type { Anchor, Key } from './model.js'
import type { Policy } from './policy.js'

/** A port is held down after so many times the defended claims after which one of its hosts is. */
const HOSTS_PER_PORT = 10
/** Who was charged least recently is forgotten first. */
export const MAX_CHALLENGERS = 4096

type Rules = Policy['duplicates']

/** A host, or all hosts of a port, whose claims are not believed. `claimed`: what was claimed last. */
export type HeldDown = { readonly claimed: Key; readonly port: string; readonly until: number }

/** `name`: that of a host behind a port, or of a port. */
type Charged = HeldDown & { readonly name: string; readonly times: readonly number[] }

export class Challengers {
  private readonly charged = new BoundedGroups<Charged>(MAX_CHALLENGERS, ({ name }) => [name])

  get size(): number {
    return this.charged.size
  }

  /**
   * Charges a host for a claim that was defended. Returns whether the host or its port is held down from now on; false if
   * it was before.
   */
  charge(claimed: Key, { ifindex, port }: Anchor, now: number, rules: Rules): boolean {
    const host = this.add(`${ifindex} ${claimed.mac}`, claimed, port, now, rules, rules.moves)
    const all = this.add(`${ifindex}`, claimed, port, now, rules, rules.moves * HOSTS_PER_PORT)
    return host || all
  }

  isHeldDown({ ifindex }: Anchor, mac: string, now: number): boolean {
    if (this.charged.size === 0) return false
    const until = (name: string): number => this.find(name)?.until ?? -Infinity
    return until(`${ifindex} ${mac}`) > now || until(`${ifindex}`) > now
  }

  *heldDown(now: number): Generator<HeldDown> {
    for (const it of this.charged) if (it.until > now) yield it
  }

  /** Believes the challengers that claimed this last. */
  release({ vni, mac, ip }: Key): void {
    for (const it of [...this.charged]) {
      const { claimed } = it
      if (claimed.vni === vni && claimed.mac === mac && claimed.ip === ip) this.charged.delete(it)
    }
  }

  private find(name: string): Charged | undefined {
    const [only] = this.charged.of(name)
    return only
  }

  /** Announcements are repeated within moments: those are one claim. */
  private add(name: string, claimed: Key, port: string, now: number, rules: Rules, most: number): boolean {
    const { windowMs, holdDownMs, confirmMs } = rules
    const known = this.find(name)
    const { times, until } = known ?? { times: [], until: -Infinity }
    const recent = times.filter((at) => at > now - windowMs)
    const isRepeated = (recent.at(-1) ?? -Infinity) > now - confirmMs
    const all = isRepeated ? recent : [...recent, now].slice(-most)
    const isHeld = until <= now && all.length >= most
    const charged = isHeld ? { times: [], until: now + holdDownMs } : { times: all, until }
    if (known !== undefined) this.charged.delete(known)
    this.charged.add({ name, claimed, port, ...charged })
    return isHeld
  }
}
