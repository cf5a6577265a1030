// Claims that were not believed as long as the owner was there: the next frame of the same host is to count as soon as the
// owner is gone, although the eBPF program takes it for a repetition.
import type { Anchor, Key } from './model.js'

/** Which were refused first are forgotten first; their hosts are heard after the repeat interval. */
const MAX_CLAIMS = 4096

export type UnheardClaim = { readonly anchor: Anchor; readonly mac: string; readonly ip: string }

export class UnheardClaims {
  /** VNI and IP → MAC → its claim. */
  private readonly byIp = new Map<string, Map<string, UnheardClaim>>()
  private count = 0

  get size(): number {
    return this.count
  }

  add({ vni, mac, ip }: Key, anchor: Anchor): void {
    const name = nameOf(vni, ip)
    let claims = this.byIp.get(name)
    if (claims === undefined) this.byIp.set(name, (claims = new Map<string, UnheardClaim>()))
    if (!claims.has(mac)) this.count += 1
    claims.set(mac, { anchor, mac, ip })
    for (const [oldest, { size }] of this.count > MAX_CLAIMS ? this.byIp : []) {
      this.byIp.delete(oldest)
      this.count -= size
      break
    }
  }

  /** Removes and returns the claims of an IP. */
  take(vni: number, ip: string): Iterable<UnheardClaim> {
    if (this.count === 0) return []
    const name = nameOf(vni, ip)
    const claims = this.byIp.get(name)
    if (claims === undefined) return []
    this.byIp.delete(name)
    this.count -= claims.size
    return claims.values()
  }
}

const nameOf = (vni: number, ip: string): string => `${vni} ${ip}`
