// Which evidence is never believed, and why. Each reason's name is also the name of its counter.
import type { BlockList } from 'node:net'
import { isHostIp, isHostMac } from '../base/address.js'
import { type Binding, type Evidence, isIpv6, type Key, type SelfMatch } from './model.js'
import { pinKey, type Policy } from './policy.js'
import type { AnnouncedViews } from './views.js'

/** Maps each reason to its meaning. */
export const REFUSALS = {
  'no-port': 'the port is gone, went down since, or is not snooped',
  'port-blocked':
    'the bridge drops what the port hears: its spanning tree state (or that of the VLAN) is not forwarding or learning',
  'port-locked': 'the port is locked, and the forwarding database does not have the MAC address on it',
  'no-learning': 'the port learns no MAC addresses, and the forwarding database does not have this one on it',
  'vlan-protocol':
    "a tag of another VLAN protocol than the bridge's, which is payload for it: another network is inside",
  'no-vni': 'the port and VLAN belong to no VNI',
  'bad-mac': 'zero, broadcast or multicast MAC address',
  'bad-ip': 'unspecified, loopback, multicast, broadcast or reserved IP address',
  'own-mac': 'MAC address of the node itself in this network: of the bridge, a port of it, or a device on top of it',
  'own-ip': 'IP address of the node itself in this network: of the bridge, or a VLAN device or macvlan on top of it',
  'network-ip': 'network or broadcast address of a subnet in which the node is (RFC 1122 3.2.1.3): no host has it',
  gateway: 'MAC or IP address of a gateway, as zebra or bgpd announced it',
  vrrp: 'virtual router MAC address (RFC 5798 7.3), ignored by configuration',
  'link-local': 'IPv6 link-local address, ignored by configuration',
  'not-allowed': 'outside the prefixes that the configuration allows in the VNI',
  denied: 'MAC or IP address that the configuration denies',
  pinned: 'the configuration gives the IP address to other MAC addresses',
  static: 'the configuration gives the IP address to another MAC address for good',
  'mac-mismatch': "the frame's source is not the MAC address it speaks for",
  'na-not-override': 'a neighbour advertisement without the override flag against an existing binding (RFC 4861 7.2.5)',
  duplicate: 'a duplicate IP address is frozen (RFC 9161 3.7)',
  defended: 'the owner of the IP address still has it: it answered a Confirm probe (RFC 9161 3.7)',
  'held-down':
    'the host has claimed addresses too often whose owners answered: it is not believed for the hold-down time',
  'confirm-busy': 'too many claims at once to ask every former owner',
  'mac-limit': 'the MAC address has as many IP addresses as one may have',
  'port-limit': 'the port has as many IP addresses as one may have',
  'vni-limit': 'the VNI has as many bindings as it may have, and no port has more than this one',
  'total-limit': 'there are as many bindings as there may be, and no port has more than this one',
} as const
export type Refusal = keyof typeof REFUSALS

/** Why `evidence` is not believed; undefined if it is. `current`: the binding of its IP, if any. */
export function refusalOfEvidence(
  evidence: Evidence,
  current: Binding | undefined,
  views: AnnouncedViews,
  policy: Policy,
): Refusal | undefined {
  if (evidence.anchor === undefined) return 'no-port'
  if (evidence.bridgeRefusal !== undefined) return evidence.bridgeRefusal
  if (evidence.vni === undefined) return 'no-vni'
  const never = refusalOfKey(
    { vni: evidence.vni, mac: evidence.mac, ip: evidence.ip },
    evidence.selfMatch,
    views,
    policy,
  )
  if (never !== undefined) return never
  if (policy.macMismatch === 'refuse' && !speaksForItself(evidence)) return 'mac-mismatch'
  if (current === undefined) return undefined
  if (current.phase === 'duplicate') return 'duplicate'
  if (current.mac === evidence.mac) return undefined
  if (current.isStatic) return 'static'
  return evidence.kind === 'na' && !evidence.override ? 'na-not-override' : undefined
}

const SELF = { mac: 'own-mac', ip: 'own-ip', network: 'network-ip' } as const satisfies Record<SelfMatch, Refusal>

/** Why a MAC and IP are never bound in a VNI, whatever the evidence; this is checked again when views change. */
export function refusalOfKey(
  key: Key,
  selfMatch: Evidence['selfMatch'],
  views: AnnouncedViews,
  policy: Policy,
): Refusal | undefined {
  const { vni, mac, ip } = key
  if (!isHostMac(mac)) return 'bad-mac'
  if (!isHostIp(ip)) return 'bad-ip'
  if (selfMatch !== undefined) return SELF[selfMatch]
  if (views.isGateway(key)) return 'gateway'
  if (policy.vrrp === 'ignore' && isVrrp(mac)) return 'vrrp'
  const { macs, ips } = policy.denied
  if (macs.has(mac) || (ips !== undefined && contains(ips, ip))) return 'denied'
  if (isLinkLocal(ip)) {
    if (policy.linkLocal === 'ignore') return 'link-local'
  } else {
    const allowed = policy.allowed.get(vni)
    if (allowed !== undefined && !contains(allowed, ip)) return 'not-allowed'
  }
  if (policy.pinned.size > 0 && policy.pinned.get(pinKey(vni, ip))?.has(mac) === false) return 'pinned'
  return undefined
}

/**
 * Whether the frame's source may speak for the MAC. A router may speak for its virtual MAC from its own (RFC 5798 8.2),
 * but a virtual MAC as the source speaks for no other MAC: any host could send from it.
 */
const speaksForItself = ({ mac, etherSource }: Evidence): boolean =>
  mac === etherSource || (isVrrp(mac) && !isVrrp(etherSource))

const contains = (list: BlockList, ip: string): boolean => list.check(ip, isIpv6(ip) ? 'ipv6' : 'ipv4')

/** fe80::/10 */
const isLinkLocal = (ip: string): boolean => /^fe[89ab].:/.test(ip)

/** RFC 5798 7.3: virtual router MAC addresses, IPv4 and IPv6. */
const isVrrp = (mac: string): boolean => mac.startsWith('00:00:5e:00:01:') || mac.startsWith('00:00:5e:00:02:')
