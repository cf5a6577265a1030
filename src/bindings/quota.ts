// Limits the number of bindings. A port or a MAC that has its share gets no more; when the whole table is full, the
// port that has the most bindings loses one.
import { type Binding, isIpv6, type Key } from './model.js'
import type { Refusal } from './refusal.js'
import type { StepContext } from './step-context.js'

/** Why the port or the MAC may have no more bindings; undefined if they may. `former` is the binding to be replaced. */
export function shareTaken(
  context: StepContext,
  { vni, mac, ip }: Key,
  ifindex: number,
  former?: Binding,
): Refusal | undefined {
  const family = isIpv6(ip) ? 'ipv6' : 'ipv4'
  if ((context.table.ofMac(vni, mac)?.[family] ?? 0) >= context.policy.limits.perMac[family]) return 'mac-limit'
  return former?.anchor.ifindex === ifindex ? undefined : portFull(context, ip, ifindex)
}

/** Why the port may have no more bindings; undefined if it may. */
export function portFull({ table, policy }: StepContext, ip: string, ifindex: number): 'port-limit' | undefined {
  const family = isIpv6(ip) ? 'ipv6' : 'ipv4'
  return (table.occupancy.onPort(ifindex)?.[family] ?? 0) >= policy.limits.perPort[family] ? 'port-limit' : undefined
}

/** Makes room for one more binding, evicting another if necessary; returns the reason if that is not possible. */
export function makeRoom(context: StepContext, key: Key, ifindex: number): Refusal | undefined {
  const { table, policy } = context
  const taken = shareTaken(context, key, ifindex)
  if (taken !== undefined) return taken
  const ofVni = table.ofVni(key.vni)
  let victim: Binding | undefined
  if (ofVni !== undefined && ofVni.size >= policy.limits.perVni) {
    victim = ofVni.victimFor(ifindex)
    if (victim === undefined) return 'vni-limit'
    context.withdraw(victim, 'evicted-vni')
  }
  if (table.occupancy.size >= policy.limits.total) {
    victim = table.occupancy.victimFor(ifindex)
    if (victim === undefined) return 'total-limit'
    context.withdraw(victim, 'evicted-total')
  }
  return undefined
}
