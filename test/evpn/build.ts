// Events as the tests write them: only what matters is named.
import type { Entry, Evidence } from '../../src/evpn/binding.js'
import { DEFAULT_POLICY, type Policy } from '../../src/evpn/refusal.js'
import { type Action, type Event, step } from '../../src/evpn/step.js'
import { Table } from '../../src/evpn/table.js'

export const VM1 = 'bc:24:11:00:00:01'
export const VM2 = 'bc:24:11:00:00:02'
export const TAP1 = { ifindex: 11, port: 'tap1', vlan: 0 }
export const TAP2 = { ifindex: 12, port: 'tap2', vlan: 0 }

export const evidence = (changes: Partial<Evidence>): Event => ({
  type: 'evidence',
  evidence: {
    kind: 'arp-request',
    mac: VM1,
    etherSource: changes.mac ?? VM1,
    ip: '10.0.0.1',
    router: false,
    override: false,
    place: TAP1,
    vni: 100,
    own: undefined,
    ...changes,
  },
})

export const restored = (changes: Partial<Entry>, now: Partial<Extract<Event, { type: 'restored' }>> = {}): Event => ({
  type: 'restored',
  entry: {
    ...{ vni: 100, mac: VM1, ip: '10.0.0.1', router: false, port: 'tap1', vlan: 0, firstSeen: 0, lastSeen: 0 },
    ...{ minSeq: 0, observe: false },
    ...changes,
  },
  place: TAP1,
  vni: changes.vni ?? 100,
  own: undefined,
  ...now,
})

export const gateway = (by: 'zebra' | 'bgpd', mac: string, ip: string, gone = false): Event => ({
  type: 'view',
  change: { type: 'macip', by, vni: 100, mac, ip, gone, flags: 0x02, seq: 0 },
})

/** A table driven by events; `at` is the clock. */
export function driven(policy: Policy = DEFAULT_POLICY): {
  table: Table
  policy: Policy
  send: (event: Event, at?: number) => string[]
} {
  const table = new Table()
  return { table, policy, send: (event, at = 1000) => step(table, event, policy, at).map(show) }
}

/** An action as one line: `put 100 MAC IP tap1`. */
export function show(action: Action): string {
  switch (action.type) {
    case 'put': {
      const { vni, mac, ip, port, router } = action.entry
      return `put ${vni} ${mac} ${ip} ${port}${router ? ' router' : ''}`
    }
    case 'remove':
      return `remove ${action.key.vni} ${action.key.mac} ${action.key.ip}`
    case 'forget':
      return `forget ${action.place.port} ${action.mac} ${action.ip}`
  }
}
