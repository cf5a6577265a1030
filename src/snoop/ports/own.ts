// Which addresses of a frame are the host's own in the broadcast domain where the frame was received. Pure.
import type { SelfMatch } from '../../bindings/model.js'
import { edgesOf, isWithin } from '../../base/prefix.js'
import { svisOf, type SviPlace } from '../probe/source.js'
import type { LinkTables } from './tables.js'
import { hasVlan } from './vlans.js'

/**
 * The host is present in a domain with the bridge, the `vlan` devices on it, and the macvlan and ipvlan devices on those:
 * their addresses are its own there. Addresses of other interfaces (lo, management, other tenants' gateways) mean nothing
 * in this domain.
 *
 * The MACs of the bridge and of its ports count as well: the bridge has them as local FDB entries, takes frames to them
 * itself, and never learns them, so a VM that uses one cannot be reached.
 *
 * `isFiltering`: whether the bridge filters VLANs.
 */
export function selfMatchIn(
  tables: LinkTables,
  place: SviPlace,
  isFiltering: boolean,
  mac: string,
  ip: string,
): SelfMatch | undefined {
  const { bridge, vlan } = place
  const isInDomain = (ifindex: number): boolean => !isFiltering || hasVlan(tables.vlansOn(ifindex), vlan)
  if (tables.links.get(bridge)?.mac === mac && isInDomain(bridge)) return 'mac'
  for (const port of tables.membersWithMac(bridge, mac)) if (isInDomain(port)) return 'mac'
  let match: SelfMatch | undefined
  for (const ifindex of present(tables, place)) {
    if (tables.links.get(ifindex)?.mac === mac) return 'mac'
    if (tables.hasAddress(ifindex, ip)) match = 'ip'
  }
  return match ?? (isEdge(tables, place, ip) ? 'network' : undefined)
}

/** Whether an IP is an edge of a subnet in the domain, and in the middle of none. */
function isEdge(tables: LinkTables, place: SviPlace, ip: string): boolean {
  let isOne = false
  for (const ifindex of present(tables, place)) isOne ||= tables.isEdge(ifindex, ip)
  if (!isOne) return false
  for (const ifindex of present(tables, place))
    for (const { ip: own, prefixLength: length } of tables.addressesOn(ifindex)) {
      const subnet = { ip: own, length }
      if (own.includes(':') || !isWithin(ip, subnet) || edgesOf(subnet).includes(ip)) continue
      return false
    }
  return true
}

/** The interfaces through which the host receives the frames of the domain. */
function* present(tables: LinkTables, place: SviPlace): Generator<number> {
  for (const svi of svisOf(tables, place)) {
    yield svi
    yield* tables.stacked.get(svi)
  }
}
