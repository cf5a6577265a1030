// Who is never believed, and why. Every reason has a name, and the name is the counter's.
import { isHostIp, isHostMac } from '../address.js'
import type { Binding, Evidence, Key } from './binding.js'
import type { Views } from './views.js'

export type Policy = {
  /** A binding not seen for this long is withdrawn, milliseconds. */
  readonly ageMs: number
  /**
   * IPv6 link-local addresses. Learned by default, as zebra announces them when the kernel has such a neighbour: the far
   * side then answers neighbour solicitations for a VM that routes, and those never carry anything but fe80::.
   */
  readonly linkLocal: 'learn' | 'ignore'
  /**
   * The frame's source is not the MAC it speaks for. Refused by default: a host that speaks for another one's MAC steals
   * its address. VRRP routers do so by design (RFC 5798 7.3) and are always believed.
   */
  readonly macMismatch: 'refuse' | 'accept'
}

export const DEFAULT_POLICY: Policy = { ageMs: 1800_000, linkLocal: 'learn', macMismatch: 'refuse' }

/** Reason → what it means. */
export const REFUSALS = {
  'no-port': 'the port is gone, went down since, or is not snooped',
  'no-vni': 'the port and VLAN belong to no VNI',
  'bad-mac': 'zero, broadcast or multicast MAC address',
  'bad-ip': 'unspecified, loopback, multicast, broadcast or reserved IP address',
  'own-mac': "the node's own MAC address",
  'own-ip': "the node's own IP address",
  gateway: 'MAC or IP address of a gateway, as zebra or bgpd announced it',
  'link-local': 'IPv6 link-local address, ignored by configuration',
  'mac-mismatch': "the frame's source is not the MAC address it speaks for",
  'na-not-override': 'a neighbour advertisement without the override flag against an existing binding (RFC 4861 7.2.5)',
} as const
export type Refusal = keyof typeof REFUSALS

/** Why `evidence` teaches nothing; undefined if it is to be believed. `current`: the binding of its IP, if any. */
export function refusalOfEvidence(
  evidence: Evidence,
  current: Binding | undefined,
  views: Views,
  policy: Policy,
): Refusal | undefined {
  if (evidence.place === undefined) return 'no-port'
  if (evidence.vni === undefined) return 'no-vni'
  const never = refusalOfKey({ vni: evidence.vni, mac: evidence.mac, ip: evidence.ip }, evidence.own, views, policy)
  if (never !== undefined) return never
  const mismatch = evidence.mac !== evidence.etherSource && !isVrrp(evidence.mac) && !isVrrp(evidence.etherSource)
  if (mismatch && policy.macMismatch === 'refuse') return 'mac-mismatch'
  const overrides = evidence.kind !== 'na' || evidence.override
  if (!overrides && current !== undefined && current.mac !== evidence.mac) return 'na-not-override'
  return undefined
}

/** Why a MAC and IP are never bound in a VNI, whatever the evidence: also asked again when views change. */
export function refusalOfKey(key: Key, own: Evidence['own'], views: Views, policy: Policy): Refusal | undefined {
  if (!isHostMac(key.mac)) return 'bad-mac'
  if (!isHostIp(key.ip)) return 'bad-ip'
  if (own !== undefined) return own === 'mac' ? 'own-mac' : 'own-ip'
  if (views.isGateway(key)) return 'gateway'
  if (policy.linkLocal === 'ignore' && isLinkLocal(key.ip)) return 'link-local'
  return undefined
}

/** fe80::/10 */
const isLinkLocal = (ip: string): boolean => /^fe[89ab].:/.test(ip)

/** RFC 5798 7.3: virtual router MAC addresses, IPv4 and IPv6. */
const isVrrp = (mac: string): boolean => mac.startsWith('00:00:5e:00:01:') || mac.startsWith('00:00:5e:00:02:')
