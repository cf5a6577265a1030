// The snooper's state in numbers, for `macipctl status`.
import { type Reason, reasonOf, REASONS, type State } from '../evpn/state.js'
import type { Table } from '../evpn/table.js'
import type { snoop as proto } from '../gen/snoop.js'

type Counter = proto.Counter.$Properties

export const counters = (values: Readonly<Record<string, number>>): Counter[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }))

/** Bindings by the reason of their state, and by state; names that do not occur are left out. */
export function countStates(table: Table): { states: Counter[]; reasons: Counter[] } {
  const reasons = new Map<Reason, number>()
  const states = new Map<State, number>()
  for (const binding of table.bindings()) {
    const reason = reasonOf(binding, table)
    increase(reasons, reason)
    increase(states, REASONS[reason].state)
  }
  return { states: counters(Object.fromEntries(states)), reasons: counters(Object.fromEntries(reasons)) }
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
