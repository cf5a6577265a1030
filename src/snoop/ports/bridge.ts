// Bridges and their VXLAN devices, as the tables have them. Pure.
import type { Link } from '../../rtnetlink/link.js'
import type { LinkTables } from './tables.js'
import type { VxlanPort } from './vlans.js'

export type Bridge = {
  name: string
  vlanFiltering: boolean
  vlanProtocol: number
  mst: boolean
  ageingMs: number
  carriesVni: boolean
}

export function bridgeAt(tables: LinkTables, ifindex: number): Bridge | undefined {
  const link = tables.links.get(ifindex)
  if (link?.bridge === undefined) return undefined
  const { vlanFiltering, vlanProtocol, mst, ageingMs } = link.bridge
  let carriesVni = false
  for (const device of tables.vxlans.get(ifindex)) {
    const vxlan = tables.links.get(device)?.vxlan
    // an external device has VNIs per VLAN
    carriesVni = vxlan?.vni !== undefined || (vlanFiltering && vxlan?.collectMetadata === true)
    if (carriesVni) break
  }
  return { name: link.name, vlanFiltering, vlanProtocol, mst, ageingMs, carriesVni }
}

export function* vxlanPorts(tables: LinkTables, bridge: number): Generator<VxlanPort> {
  for (const ifindex of tables.vxlans.get(bridge)) {
    const link = tables.links.get(ifindex)
    if (link?.vxlan) yield { name: link.name, vni: link.vxlan.vni, vlans: tables.vlansOn(ifindex) }
  }
}

/** Returns the properties of a VXLAN device that matter to its bridge; undefined for other links. */
export function asVxlanPort(
  link: Link | undefined,
): { name: string; master: number; vni: number | undefined } | undefined {
  return link?.vxlan && link.master !== undefined
    ? { name: link.name, master: link.master, vni: link.vxlan.vni }
    : undefined
}
