// The snooper's state and policy in numbers, for macipctl.
import { type Reason, reasonOf, REASONS } from '../evpn/state.js'
import type { Table } from '../evpn/table.js'
import type { snoop as proto } from '../gen/snoop.js'
import { bindingToProto, type PolicyValues } from './control-codec.js'

type Counter = proto.Counter.$Properties

export const counters = (values: Readonly<Record<string, number>>): Counter[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }))

/** Duplicates that are named in the status. */
const NAMED = 16

/** Bindings by the reason of their state, and by state, names that do not occur left out; and the duplicates. */
export function countStates(
  table: Table,
): Required<Pick<proto.SnoopStatus.$Properties, 'states' | 'reasons' | 'duplicates' | 'duplicate'>> {
  const reasons = new Map<Reason, number>()
  const states = new Map<string, number>()
  const duplicate: proto.Binding.$Properties[] = []
  for (const binding of table.bindings()) {
    const reason = reasonOf(binding, table)
    const state: string = REASONS[reason].state
    increase(reasons, reason)
    increase(states, state)
    if (state === 'duplicate' && duplicate.length < NAMED) duplicate.push(bindingToProto(binding, table))
  }
  return {
    states: counters(Object.fromEntries(states)),
    reasons: counters(Object.fromEntries(reasons)),
    duplicates: states.get('duplicate') ?? 0,
    duplicate,
  }
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export function policyToProto(policy: PolicyValues): proto.Policy.$Properties {
  const { moves, windowMs, holdDownMs, confirmMs } = policy.duplicates
  const { perMac, perPort, perVni, total } = policy.limits
  const limits = {
    'mac-ipv4': perMac.ipv4,
    'mac-ipv6': perMac.ipv6,
    'port-ipv4': perPort.ipv4,
    'port-ipv6': perPort.ipv6,
    vni: perVni,
    total,
  }
  const { observe, probes, ageMs } = policy
  return { ageMs: ageMs ?? 0, observe, probes, moves, windowMs, holdDownMs, confirmMs, limits: counters(limits) }
}
