// The VLANs of a bridge port, and the VNI of each VLAN of a bridge. Pure.
import type { PortVlans, TunnelRange, VlanRange } from '../../rtnetlink/vlan.js'

/** The VLANs of one bridge port. */
export type Vlans = {
  /** The VLAN of untagged frames. */
  pvid: number | undefined
  ranges: readonly { first: number; last: number }[]
  tunnels: readonly TunnelRange[]
}

export const NO_VLANS: Vlans = { pvid: undefined, ranges: [], tunnels: [] }

export function vlansOf(ranges: readonly VlanRange[], tunnels: readonly TunnelRange[]): Vlans {
  return {
    pvid: ranges.find(({ pvid }) => pvid)?.first,
    ranges: ranges.map(({ first, last }) => ({ first, last })),
    tunnels,
  }
}

export function hasVlan(vlans: Vlans, vlan: number): boolean {
  return vlans.ranges.some(({ first, last }) => first <= vlan && vlan <= last)
}

/** Returns `vlans` after the port got (`gone`: lost) the VLANs of `change`, without their old flags and tunnels. */
export function changeVlans(vlans: Vlans, change: PortVlans, gone: boolean): Vlans {
  const rest = change.vlans.reduce(removeRange, vlans)
  if (gone) return rest
  const added = vlansOf(change.vlans, change.tunnels)
  return {
    pvid: added.pvid ?? rest.pvid,
    ranges: [...rest.ranges, ...added.ranges],
    tunnels: [...rest.tunnels, ...added.tunnels],
  }
}

function removeRange({ pvid, ranges, tunnels }: Vlans, { first, last }: VlanRange): Vlans {
  return {
    pvid: pvid !== undefined && first <= pvid && pvid <= last ? undefined : pvid,
    ranges: ranges.flatMap((range) => outside(range, first, last)),
    tunnels: tunnels.flatMap((tunnel) =>
      outside(tunnel, first, last).map((part) => ({ ...part, vni: tunnel.vni + part.first - tunnel.first })),
    ),
  }
}

/** Returns the parts of `range` (two at most) that are outside `first` to `last`. */
function outside(
  range: { first: number; last: number },
  first: number,
  last: number,
): { first: number; last: number }[] {
  const below = { first: range.first, last: Math.min(range.last, first - 1) }
  const above = { first: Math.max(range.first, last + 1), last: range.last }
  return [below, above].filter((part) => part.first <= part.last)
}

/** A VXLAN device that is a port of the bridge. */
export type VxlanPort = {
  name: string
  /** undefined for a device that carries many VNIs (`external`). */
  vni: number | undefined
  vlans: Vlans
}

export type VniMap = {
  /** VLAN → VNI; on a bridge without VLAN filtering the only key is 0, for untagged frames. */
  vnis: ReadonlyMap<number, number>
  /** VLANs for which the named VXLAN devices have different VNIs, so that none can be chosen. */
  ambiguous: ReadonlyMap<number, readonly string[]>
}

/**
 * Returns the VNIs of a bridge. Without VLAN filtering it is that of its only VXLAN device, for untagged frames. With
 * filtering, a device with one VNI serves the VLAN that is its PVID, an external device those of its tunnel
 * information.
 */
export function mapVnis(vlanFiltering: boolean, devices: Iterable<VxlanPort>): VniMap {
  const vnis = new Map<number, number>()
  const names = new Map<number, string[]>()
  const ambiguous = new Map<number, string[]>()
  for (const device of devices) {
    for (const [vlan, vni] of vlanFiltering ? claimed(device) : untagged(device)) {
      const claimants = [...(names.get(vlan) ?? []), device.name]
      names.set(vlan, claimants)
      if (ambiguous.has(vlan) || (vnis.get(vlan) ?? vni) !== vni) ambiguous.set(vlan, claimants)
      vnis.set(vlan, vni)
    }
  }
  for (const vlan of ambiguous.keys()) vnis.delete(vlan)
  return { vnis, ambiguous }
}

function untagged({ vni }: VxlanPort): [vlan: number, vni: number][] {
  return vni === undefined ? [] : [[0, vni]]
}

function claimed({ vni, vlans }: VxlanPort): [vlan: number, vni: number][] {
  if (vni !== undefined) return vlans.pvid === undefined ? [] : [[vlans.pvid, vni]]
  return vlans.tunnels.flatMap((tunnel) =>
    Array.from({ length: tunnel.last - tunnel.first + 1 }, (_, index): [number, number] => [
      tunnel.first + index,
      tunnel.vni + index,
    ]),
  )
}
