// How many bindings there may be. A port or a MAC that has its share gets no more; where all together are too many, the
// port that has the most gives one up.
import { type Binding, isIpv6, type Key } from './binding.js'
import type { Refusal } from './refusal.js'
import type { Turn } from './turn.js'

/** Why the port or the MAC may have no more bindings; undefined if they may. */
export function shareTaken({ table, policy }: Turn, { vni, mac, ip }: Key, ifindex: number): Refusal | undefined {
  const family = isIpv6(ip) ? 'ipv6' : 'ipv4'
  const { perMac, perPort } = policy.limits
  if ((table.ofMac(vni, mac)?.[family] ?? 0) >= perMac[family]) return 'mac-limit'
  if ((table.crowd.onPort(ifindex)?.[family] ?? 0) >= perPort[family]) return 'port-limit'
  return undefined
}

/** Makes room for one more binding, if need be at the cost of another; returns why there is none. */
export function makeRoom(turn: Turn, key: Key, ifindex: number): Refusal | undefined {
  const { table, policy } = turn
  const taken = shareTaken(turn, key, ifindex)
  if (taken !== undefined) return taken
  const ofVni = table.ofVni(key.vni)
  let victim: Binding | undefined
  if (ofVni !== undefined && ofVni.size >= policy.limits.perVni) {
    victim = ofVni.victimFor(ifindex)
    if (victim === undefined) return 'vni-limit'
    turn.withdraw(victim, 'evicted-vni')
  }
  if (table.crowd.size >= policy.limits.total) {
    victim = table.crowd.victimFor(ifindex)
    if (victim === undefined) return 'total-limit'
    turn.withdraw(victim, 'evicted-total')
  }
  return undefined
}
