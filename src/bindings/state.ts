// A binding's visible state, and every transition between states. What the relay makes of a binding is computed from
// its report and bgpd's view, and never stored.
import type { Binding } from './model.js'
import type { Input } from './input.js'
import type { Table } from './table.js'

/** Maps each state to its meaning. */
export const STATES = {
  pending: 'known, but bgpd may not be told now: the reason says why',
  active: 'announced to bgpd',
  probing: 'the host is asked whether it is still there',
  contested: 'another host claims the address, or zebra routes it to another VTEP; the owner is asked first',
  claiming: 'the host claims an address that is announced behind another VTEP; the owner there is asked first',
  duplicate: 'the IP changed its owner too often: withdrawn, and frozen for the hold-down time',
  remote: 'the MAC or the IP is behind another VTEP',
  shadowed: 'zebra announces the same MAC-IP itself',
} as const
export type State = keyof typeof STATES

/** Maps each reason to the state it belongs to, and to its text. */
export const REASONS = {
  announced: { state: 'active', meaning: 'announced to bgpd' },
  shadowed: { state: 'shadowed', meaning: 'zebra announces the same MAC-IP itself' },
  proxied: {
    state: 'shadowed',
    meaning: 'not heard here any more, but by another node of its Ethernet segment, for which zebra announces it',
  },
  remote: { state: 'remote', meaning: 'bgpd has a remote route for the MAC or the IP that wins' },
  'mac-remote': { state: 'remote', meaning: 'the MAC is behind another VTEP' },
  'fpm-remote': {
    state: 'remote',
    meaning: 'zebra has programmed the MAC as remote (FPM), and not taken it back with a higher sequence number',
  },
  duplicate: { state: 'duplicate', meaning: 'the IP changed its owner too often (RFC 9161 3.7)' },
  claiming: { state: 'claiming', meaning: 'the owner of the address behind another VTEP is asked first' },
  unconfirmed: { state: 'pending', meaning: 'known from before; it waits to be seen, or to answer a probe' },
  observed: { state: 'pending', meaning: 'would be announced, but the snooper only observes' },
  'relay-gone': { state: 'pending', meaning: 'the relay is not connected' },
  'not-reported': { state: 'pending', meaning: 'the relay has not reported on it yet' },
  'no-session': { state: 'pending', meaning: 'bgpd is not connected to the relay' },
  'release-uncertain': { state: 'pending', meaning: "FRR's release is not certain: nothing is injected" },
  relearning: { state: 'pending', meaning: 'what bgpd has is not certain: the relay is reading it from FRR' },
  'vni-not-live': { state: 'pending', meaning: 'zebra has not announced the VNI' },
  'mac-not-local': { state: 'pending', meaning: 'zebra does not announce the MAC as local in the VNI' },
  'ip-conflict': { state: 'pending', meaning: 'another MAC is announced with the IP' },
} as const satisfies Record<string, { state: State; meaning: string }>
export type Reason = keyof typeof REASONS

/** Why the binding is announced to bgpd, or is not. */
export function reasonOf(binding: Binding, table: Table): Reason {
  if (binding.phase === 'duplicate') return 'duplicate'
  if (binding.phase === 'claiming') return 'claiming'
  if (!binding.confirmed) return 'unconfirmed'
  if (binding.isProxied) return 'proxied'
  if (!table.relayConnected) return 'relay-gone'
  if (binding.suppressedByFpm) return 'fpm-remote'
  const { report } = binding
  if (report === undefined || report.connection !== table.connection) return 'not-reported'
  if (report.status === 'mac-not-local' && table.views.isRemote(binding.vni, binding.mac)) return 'mac-remote'
  return report.status
}

/** Probing and contests hide the reason's state; the reason still says what is announced to bgpd meanwhile. */
export function stateOf(binding: Binding, table: Table, reason = reasonOf(binding, table)): State {
  const { phase } = binding
  return phase === 'known' ? REASONS[reason].state : phase
}

/** `unknown` means that the table has no such binding. */
export type StateOrNone = State | 'unknown'

const ANNOUNCEMENT = ['pending', 'active', 'shadowed', 'remote'] as const
const ALL = [...ANNOUNCEMENT, 'probing', 'contested', 'claiming', 'duplicate'] as const

type Transition = {
  readonly from: readonly StateOrNone[]
  readonly to: readonly StateOrNone[]
  /** The inputs that cause it. */
  readonly by: readonly Input['type'][]
  readonly meaning: string
}

/** All transitions: `step` makes no other one. */
export const TRANSITIONS = {
  learn: {
    from: ['unknown'],
    to: ['pending', 'remote'],
    by: ['evidence', 'static', 'tick', 'port-lost'],
    meaning: 'a host said that it has the IP, an operator did, or a claim was decided for its host',
  },
  restore: {
    from: ['unknown'],
    to: ['pending', 'remote'],
    by: ['restored'],
    meaning: 'it was known before: in an earlier run, at its former place, or on another node',
  },
  judge: {
    from: ANNOUNCEMENT,
    to: ANNOUNCEMENT,
    by: ['report', 'view', 'views-reset', 'relay', 'restored', 'fpm'],
    meaning: 'the relay was lost or is back, or decides otherwise: zebra or bgpd announced or withdrew something',
  },
  probe: {
    from: ['pending', 'active', 'shadowed'],
    to: ['probing'],
    by: ['tick'],
    meaning: 'not seen for a third of the age, restored, or zebra lost its MAC: the first probe is sent',
  },
  answer: {
    from: ['probing', 'pending', 'shadowed'],
    to: ANNOUNCEMENT,
    by: ['evidence'],
    meaning:
      'the host was seen, for the first time in this run, after it was asked, or again after another node heard it',
  },
  contest: {
    from: ['pending', 'active', 'shadowed', 'probing'],
    to: ['contested'],
    by: ['evidence', 'fpm'],
    meaning: 'another host claims the IP, or zebra routes it to another VTEP: a Confirm probe goes to the owner',
  },
  defend: {
    from: ['contested'],
    to: ANNOUNCEMENT,
    by: ['evidence', 'remote-answer'],
    meaning: 'the former owner was seen, or has answered through another node of its Ethernet segment',
  },
  'drop-claim': {
    from: ['contested'],
    to: ANNOUNCEMENT,
    by: ['tick', 'port-lost', 'fdb'],
    meaning: 'the claim has come to nothing: its port is gone, it would be refused by now, or it was the owner’s own',
  },
  claim: {
    from: ['unknown', 'pending', 'remote', 'probing'],
    to: ['claiming'],
    by: ['evidence', 'tick', 'port-lost'],
    meaning: 'the host says that it has an address of an owner behind another VTEP, who is asked first',
  },
  take: {
    from: ['claiming'],
    to: ['pending', 'remote'],
    by: ['tick', 'view', 'restored'],
    meaning: 'the owner behind another VTEP did not answer, or is gone',
  },
  repel: {
    from: ['claiming'],
    to: ['unknown'],
    by: ['remote-answer', 'evidence'],
    meaning: 'the owner behind another VTEP, or on an Ethernet segment of both nodes, answered',
  },
  lose: {
    from: ['probing', 'contested'],
    to: ['remote'],
    by: ['report', 'tick'],
    meaning: 'the MAC or the IP was announced behind another VTEP',
  },
  yield: {
    from: [...ANNOUNCEMENT, 'probing', 'contested'],
    to: ['unknown'],
    by: ['evidence', 'tick', 'static'],
    meaning: 'the IP has another owner, here or elsewhere: the former one did not answer, or cannot be asked',
  },
  'give-up': {
    from: ['probing', 'pending', 'active', 'shadowed', 'remote'],
    to: ['unknown'],
    by: ['tick'],
    meaning: 'not seen for its age, and three probes were not answered',
  },
  freeze: {
    from: ['unknown', 'claiming'],
    to: ['duplicate'],
    by: ['evidence', 'tick'],
    meaning: 'the IP changed its owner too often, and each one did not answer when the next one had it',
  },
  proxy: {
    from: ['probing', 'pending', 'active'],
    to: ['shadowed'],
    by: ['tick'],
    meaning: 'not seen for its age, but another node of its Ethernet segment hears the host',
  },
  release: { from: ['duplicate'], to: ['unknown'], by: ['tick'], meaning: 'the hold-down time is over' },
  withdraw: {
    from: ALL,
    to: ['unknown'],
    by: ['evidence', 'view', 'port-lost', 'clear', 'static', 'restored'],
    meaning:
      'its port or VNI is gone, the address is the node’s or a gateway’s, no room is left, or an operator cleared it',
  },
} as const satisfies Record<string, Transition>
