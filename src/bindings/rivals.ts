// Hosts whose claims were refused because the owner answered. It may leave a moment later, as a router does that hands its
// address to another one, and that one will not say so again for long. What is done about it: see defended.ts.
import { BoundedGroups } from '../base/bounded-groups.js'
import type { Deadlines } from '../base/deadlines.js'
import type { Anchor, Key } from './model.js'

/** Whose claims were defended first are forgotten first; their next frame counts all the same. */
const MAX_RIVALS = 4096

/** `timer`: it has a deadline of its own, beside those of bindings; `tries`: how often it was asked. */
export type Rival = Key & {
  readonly timer: 'rival'
  readonly anchor: Anchor
  tries: number
  /** When it was asked whether it has the address; -Infinity if it was not, or if a claim was its answer. */
  askedAt: number
}

const byIp = (vni: number, ip: string): string => `${vni} ${ip}`
const byPort = (ifindex: number): string => `${ifindex}`

export class Rivals {
  private readonly all = new BoundedGroups<Rival>(MAX_RIVALS, ({ vni, ip, anchor }) => [
    byIp(vni, ip),
    byPort(anchor.ifindex),
  ])

  constructor(private readonly timers: Pick<Deadlines<Rival>, 'set' | 'delete'>) {}

  get size(): number {
    return this.all.size
  }

  /** Adds a host, which is due at `at`. */
  add({ vni, mac, ip }: Key, anchor: Anchor, at: number): void {
    const { oldest } = this.all
    if (this.all.size === MAX_RIVALS && oldest !== undefined) this.delete(oldest)
    const rival: Rival = { vni, mac, ip, timer: 'rival', anchor, tries: 0, askedAt: -Infinity }
    this.all.add(rival)
    this.timers.set(rival, at)
  }

  find({ vni, mac, ip }: Key): Rival | undefined {
    return this.ofIp(vni, ip).find((it) => it.mac === mac)
  }

  ofIp(vni: number, ip: string): Rival[] {
    return this.all.size === 0 ? [] : [...this.all.of(byIp(vni, ip))]
  }

  onPort(ifindex: number): Rival[] {
    return [...this.all.of(byPort(ifindex))]
  }

  delete(rival: Rival): void {
    this.all.delete(rival)
    this.timers.delete(rival)
  }
}
