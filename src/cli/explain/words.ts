// Puts names of the snooper in words. A newer snooper may know names that are not here: they are shown as they are.
import { EVENTS } from '../../bindings/event.js'
import { FRAME_REFUSALS, type FrameRefusal } from '../../bindings/frame-refusal.js'
import { type Refusal, REFUSALS } from '../../bindings/refusal.js'
import type { TimerName } from '../../bindings/model.js'
import { REASONS, STATES } from '../../bindings/state.js'
import { type Withdrawal, WITHDRAWALS } from '../../bindings/table.js'

type Words = Readonly<Record<string, string>>

const MEANINGS: Words = { ...WITHDRAWALS, ...REFUSALS, ...FRAME_REFUSALS }

const EVIDENCE: Words = {
  'arp-request': 'ARP request',
  'arp-reply': 'ARP reply',
  na: 'neighbour advertisement',
  ns: 'neighbour solicitation',
  ra: 'router advertisement',
  restored: 'what was known before',
  static: 'the configuration',
}

/** What comes next for a binding. */
const TIMERS: Readonly<Record<TimerName, string>> = {
  refresh: 'the host is asked whether it is still there, if not seen before',
  probe: 'the host is asked whether it is still there',
  'give-up': 'withdrawn, if the host has not answered',
  age: 'withdrawn, if not seen before',
  claim: 'the owner behind another VTEP is asked again, or loses the address',
  confirm: 'the owner is asked again, or loses the address',
  'remote-confirm': 'the host is asked whether it has the address, too',
  'hold-down': 'no longer frozen',
}

/** Refusals that a key of the configuration governs: which key, and when to change it. */
export const BY_CONFIGURATION: Readonly<Partial<Record<Refusal | FrameRefusal | Withdrawal, string>>> = {
  vrrp: 'to have virtual router addresses announced, set snoop.vrrp: learn',
  'link-local': 'learn them with snoop.linkLocal: learn, if they are wanted',
  'not-allowed': 'if the host may have the address, add its prefix to the VNI in snoop.allow',
  denied: 'if the host is wanted, take its MAC or IP address out of snoop.deny',
  pinned: 'if this MAC address may have the IP address, add it in snoop.pin',
  static: 'if this MAC address is to have the IP address, change snoop.static',
  'mac-mismatch': 'if the host speaks for another MAC by design, set snoop.macMismatch: accept',
  duplicate:
    'change the address of one of the hosts, then: macipctl clear duplicate; how many moves are too many says snoop.duplicates',
  'held-down':
    'two hosts have the address: change one of them; the one that had it first keeps it until then. For how long the other one is not believed says snoop.duplicates.holdDown',
  'confirm-busy': 'wait: the claim counts when the host speaks again; to ask more hosts at once, raise snoop.probeRate',
  'mac-limit':
    'if the host has so many addresses by design (ipvlan, MetalLB, a proxy), raise snoop.limits.perMac.ipv4 or snoop.limits.perMac.ipv6',
  'port-limit':
    'if so many hosts are behind the port by design, raise snoop.limits.perPort.ipv4 or snoop.limits.perPort.ipv6',
  'vni-limit': 'if the VNI really has so many hosts here, raise snoop.limits.perVni',
  'total-limit': 'if there really are so many hosts here, raise snoop.limits.total',
  'evicted-vni': 'if the VNI really has so many hosts here, raise snoop.limits.perVni',
  'evicted-total': 'if there really are so many hosts here, raise snoop.limits.total',
  'rate-limited':
    'wait: the claim counts when the host speaks again; if the port is to say more at once, raise snoop.limits.rate and snoop.limits.burst',
}

/** What to do about what is not announced, by the reason for it, and else by state. */
const ADVICE: Words = {
  ...BY_CONFIGURATION,
  remote: 'if the host is really here, let it speak (ping its gateway); else nothing: the other node announces it',
  'mac-remote':
    'if the host is really here, let it speak (ping its gateway); else nothing: the other node announces it',
  'fpm-remote':
    'look where zebra has the MAC: macipctl check, and vtysh -c "show evpn mac vni all"; if the host is here, let it speak',
  proxied:
    'nothing if the host uses LACP: which link its answers take is its choice; else look whether its link to this node works',
  'relay-gone': 'start the relay: macipd relay; see macipctl status',
  'not-reported': 'look again in a moment; if it stays so, see macipctl status',
  'no-session': 'start bgpd with its -z option at the relay; see macipctl status',
  'release-uncertain': 'if you know the FRR release, start the relay with: --frr-release X.Y',
  relearning: 'nothing: it takes some seconds; if it stays so, see macipctl status',
  'vni-not-live': 'check advertise-all-vni in the BGP configuration, and: vtysh -c "show evpn vni"',
  'mac-not-local': 'check the bridge and zebra: bridge fdb show, and vtysh -c "show evpn mac vni all"',
  'ip-conflict': 'two hosts have one address? macipctl show macs, and look at the other MAC',
  probing: 'nothing: the host has not been seen for a while and is being asked',
  contested: 'if two hosts have the address, change one of them; else wait until the owner has been asked',
  claiming: 'nothing: the owner behind another VTEP is being asked; if two hosts have the address, change one of them',
  defended: 'two hosts have the address: change one of them; the one that had it first keeps it until then',
  unconfirmed: 'nothing: the host is being asked; whatever it says itself counts as well',
  observed: 'end observe mode in the configuration of the snooper to announce anything',
  pending: 'see macipctl status',
  'no-port': 'check that the port is up and in its bridge: bridge link',
  'no-vni': 'check the VLANs of the port and the VNI they lead to: bridge vlan show, bridge vlan tunnelshow',
  'port-blocked':
    'nothing, if the host is heard on another port; else look why spanning tree blocks this one: bridge -d link',
  'port-locked': 'if the host is meant to be there, let it in: bridge fdb add MAC dev PORT master static vlan VID',
  'no-learning': 'if the host is meant to be there, say so to the bridge: bridge fdb add MAC dev PORT master static',
  'vlan-protocol': 'the host tags its frames with another protocol than the bridge: ip -d link show (vlan_protocol)',
  'own-ip': 'the host has an address that this node has in the same network: change one of them',
  'network-ip': 'change the address of the host, or the length of the prefix on this node: ip addr',
  'own-mac': 'the host has the MAC address of this node: change one of them',
  gateway: 'the host has the address of a gateway: change one of them',
  'mac-multicast':
    'give the host, or the cluster that balances load, a unicast MAC address: no route can announce this one',
  'na-not-override': 'two hosts have one address? macipctl explain the MAC that has it',
  refused: 'see macipctl events --event refused',
}

export const reasonWords = (reason: string): string =>
  (REASONS as Readonly<Record<string, { meaning: string }>>)[reason]?.meaning ?? reason

/** Explains a state, and ignores the reason for what bgpd is told meanwhile. */
export const stateWords = (state: string): string => (STATES as Words)[state] ?? state

export const adviceFor = (reason: string, state: string): string | undefined => ADVICE[reason] ?? ADVICE[state]

/** Which key of the configuration governs a refusal, and when to change it; undefined if none does. */
export const keyFor = (reason: string): string | undefined => (BY_CONFIGURATION as Words)[reason]

export const evidenceWords = (evidence: string): string => EVIDENCE[evidence] ?? evidence

export const timerWords = (what: string): string => (TIMERS as Words)[what] ?? what

/** Explains a refusal or a withdrawal. */
export const whyWords = (name: string): string => MEANINGS[name] ?? name

/** Says what an event means, and why it happened. */
export function eventWords({ event, detail }: { event: string; detail: string }): string {
  const meaning = (EVENTS as Words)[event] ?? event
  if (detail === '') return meaning
  // some names are both evidence and refusals: the event tells which is meant
  if (event === 'learned')
    return detail === 'static' ? 'the configuration says so' : `${meaning}: ${evidenceWords(detail)}`
  if (event === 'state') return `${reasonWords(detail)} (${detail})`
  const reason = Object.hasOwn(REASONS, detail) ? reasonWords(detail) : whyWords(detail)
  return reason === detail ? `${meaning} (${detail})` : `${meaning}: ${detail}, ${reason}`
}
