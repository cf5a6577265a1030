// Chooses the source of a probe: an address of this host that is suitable, and never one that makes a host believe that
// its own address is taken (RFC 9161 3.5, 3.7).
import { isIPv4 } from 'node:net'
import { linkLocalOf, NOBODY, type ProbeSource } from '../../arp-nd/source.js'
import type { ProbeForm } from '../../bindings/model.js'
import type { InterfaceAddress } from '../../rtnetlink/address.js'
import type { Link } from '../../rtnetlink/link.js'

export type SourceAddress = { ip: string; prefixLength: number }

/** The tables on which the choice depends. */
export type SourceTables = {
  /** By ifindex. */
  readonly links: ReadonlyMap<number, Pick<Link, 'mac'>>
  /** The `vlan` links of this VLAN and protocol (ETH_P_8021Q, …) on top of a link. */
  vlanLinksOn(lower: number, vlan: number, protocol: number): Iterable<number>
  addressesOn(ifindex: number): Iterable<InterfaceAddress>
}

/** The VLAN of a bridge in which the host's own interfaces receive the frames. */
export type SviPlace = {
  bridge: number
  /** The VLAN inside the bridge; 0 (untagged) if the bridge does not filter. */
  vlan: number
  /** Ethertype of the bridge's tags. */
  protocol: number
  /** The VLAN of the bridge device itself. */
  untagged: number | undefined
}

/**
 * Senders that take the place of NOBODY where a question has the form of a resolution: Linux answers for what it proxies
 * only if it has a route to the sender. Hosts must not use this part of the link-local prefix (RFC 3927 2.1), so no host
 * takes such a request for a conflict, and a host that has a default route has one to it.
 */
const RESERVED_SENDERS = ['169.254.0.254', '169.254.0.253'] as const

/** Returns the sender's IP address of a probe for `ip`. */
export function senderIn(form: ProbeForm, { ip: usual }: ProbeSource, ip: string): string {
  if (form === 'poll' || usual !== NOBODY) return usual
  const [first, second] = RESERVED_SENDERS
  return ip === first ? second : first
}

/**
 * `port` is the device that the probe leaves through; `svi` is undefined if the bridge does not forward such frames.
 */
export function chooseSource(
  tables: SourceTables,
  port: number,
  svi: SviPlace | undefined,
  ip: string,
  configured: readonly SourceAddress[],
): ProbeSource {
  // a port that has just gone has no MAC, and nothing can be sent through it
  const mac = tables.links.get(port)?.mac ?? '00:00:00:00:00:00'
  const svis = svi === undefined ? [] : svisOf(tables, svi)
  // the bridge knows the port's own MAC (a local FDB entry), so answers to it are not flooded
  if (!isIPv4(ip)) return linkLocalOn(tables, svis, ip) ?? { mac, ip: linkLocalOf(mac, ip) }
  const fits = (address: SourceAddress): boolean => isIPv4(address.ip) && address.ip !== ip && contains(address, ip)
  return sourceOn(tables, svis, fits) ?? { mac, ip: configured.find(fits)?.ip ?? NOBODY }
}

/**
 * Returns the interfaces that receive the VLAN's frames untagged, best first. A macvlan on top of one (an anycast
 * gateway) is left out: its MAC is in no local FDB entry, so the answer would be flooded, also into the tunnel.
 */
export function svisOf(
  tables: Pick<SourceTables, 'vlanLinksOn'>,
  { bridge, vlan, protocol, untagged }: SviPlace,
): number[] {
  return [...(vlan === untagged ? [bridge] : []), ...tables.vlanLinksOn(bridge, vlan, protocol)]
}

/** Returns the first address that fits, with the MAC of its interface. */
function sourceOn(
  tables: SourceTables,
  interfaces: readonly number[],
  fits: (address: InterfaceAddress) => boolean,
): ProbeSource | undefined {
  for (const ifindex of interfaces) {
    const mac = tables.links.get(ifindex)?.mac
    if (mac === undefined) continue
    for (const address of tables.addressesOn(ifindex))
      if (!address.tentative && fits(address)) return { mac, ip: address.ip }
  }
  return undefined
}

function linkLocalOn(tables: SourceTables, svis: readonly number[], ip: string): ProbeSource | undefined {
  return sourceOn(tables, svis, (address) => LINK_LOCAL.test(address.ip) && address.ip !== ip)
}

/** fe80::/10 in canonical text. */
const LINK_LOCAL = /^fe[89ab][0-9a-f]:/

function contains({ ip: network, prefixLength }: SourceAddress, ip: string): boolean {
  return prefixLength === 0 || (bits(network) ^ bits(ip)) >>> (32 - prefixLength) === 0
}

const bits = (ip: string): number => ip.split('.').reduce((bits, part) => (bits << 8) | Number(part), 0)
