// A binding's visible state: a function of the binding, the relay's report and bgpd's view, never stored.
import type { Binding } from './binding.js'
import type { Table } from './table.js'

export type State = 'pending' | 'active' | 'shadowed' | 'remote'

/** Reason → the state it means, and the reason in words. */
export const REASONS = {
  announced: { state: 'active', meaning: 'announced to bgpd' },
  shadowed: { state: 'shadowed', meaning: 'zebra announces the same MAC-IP itself' },
  remote: { state: 'remote', meaning: 'bgpd has a remote route for the MAC or the IP that wins' },
  'mac-remote': { state: 'remote', meaning: 'the MAC is behind another VTEP' },
  'relay-gone': { state: 'pending', meaning: 'the relay is not connected' },
  'not-reported': { state: 'pending', meaning: 'the relay has not reported on it yet' },
  'no-session': { state: 'pending', meaning: 'bgpd is not connected to the relay' },
  'line-uncertain': { state: 'pending', meaning: "FRR's release line is not certain: nothing is injected" },
  'vni-not-live': { state: 'pending', meaning: 'zebra has not announced the VNI' },
  'mac-not-local': { state: 'pending', meaning: 'zebra does not announce the MAC as local in the VNI' },
  observed: { state: 'pending', meaning: 'would be announced: the snooper only observes' },
  'ip-conflict': { state: 'pending', meaning: 'another MAC is announced with the IP' },
} as const satisfies Record<string, { state: State; meaning: string }>
export type Reason = keyof typeof REASONS

/** Why the binding is in the state that `REASONS` gives for it. */
export function reasonOf(binding: Binding, table: Table): Reason {
  if (!table.relayConnected) return 'relay-gone'
  const { report } = binding
  if (report === undefined || report.connection !== table.connection) return 'not-reported'
  if (report.status === 'mac-not-local' && table.views.isRemote(binding.vni, binding.mac)) return 'mac-remote'
  return report.status
}
