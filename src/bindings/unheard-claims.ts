// Claims that were not believed as long as the owner was there: the next frame of the same host is to count as soon as the
// owner is gone, although the eBPF program takes it for a repetition.
import { BoundedGroups } from '../base/bounded-groups.js'
import type { Anchor, Key } from './model.js'

/** Which were refused first are forgotten first; their hosts are heard after the repeat interval. */
const MAX_CLAIMS = 4096

export type UnheardClaim = Key & { readonly anchor: Anchor }

export class UnheardClaims {
  private readonly claims = new BoundedGroups<UnheardClaim>(MAX_CLAIMS, ({ vni, ip }) => [nameOf(vni, ip)])

  get size(): number {
    return this.claims.size
  }

  add({ vni, mac, ip }: Key, anchor: Anchor): void {
    for (const it of this.claims.of(nameOf(vni, ip))) if (it.mac === mac) this.claims.delete(it)
    this.claims.add({ vni, mac, ip, anchor })
  }

  /** Removes and returns the claims of an IP. */
  take(vni: number, ip: string): readonly UnheardClaim[] {
    if (this.claims.size === 0) return []
    const taken = [...this.claims.of(nameOf(vni, ip))]
    for (const it of taken) this.claims.delete(it)
    return taken
  }
}

const nameOf = (vni: number, ip: string): string => `${vni} ${ip}`
