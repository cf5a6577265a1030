// Where the bridges' forwarding databases have the MAC addresses of the VM side. Without I/O. The cost of a message does
// not depend on the size of the table.
import {
  FDB_NOTIFY_INACTIVE_BIT,
  type FdbEntry,
  NTF_EXT_LOCKED,
  NTF_SELF,
  NUD_PERMANENT,
} from '../../rtnetlink/neighbour.js'

/**
 * A MAC address on a port of a bridge. `vlan`: inside the bridge; 0 if it does not filter VLANs. `inactive`: it was
 * programmed, because another node of an Ethernet segment has heard it, and not heard here.
 */
export type FdbPlace = { bridge: number; vlan: number; mac: string; ifindex: number; inactive?: boolean }

/** More than there are hosts: what a VM can make the bridge learn must not fill this process's memory. */
const MAX_PLACES = 262_144

export class ForwardingTable {
  /** Bridge → MAC and VLAN → port. */
  private readonly bridges = new Map<number, Map<string, number>>()
  /** Those that are inactive, by bridge, MAC and VLAN: most machines have none. */
  private readonly inactive = new Set<string>()
  /** Port → how many MACs were heard on it. */
  private readonly counts = new Map<number, number>()
  private places = 0

  constructor(private readonly limit = MAX_PLACES) {}

  get size(): number {
    return this.places
  }

  /** Returns the port; undefined if the MAC is on none, or if the table was full when it came. */
  portOf(bridge: number, vlan: number, mac: string): number | undefined {
    return this.bridges.get(bridge)?.get(keyOf(mac, vlan))
  }

  /** Returns how many MACs were heard on a port, each counted once for every VLAN. */
  countOn(ifindex: number): number {
    return this.counts.get(ifindex) ?? 0
  }

  /** Returns whether the MAC was on no port or another one before, or is heard where it was only programmed. */
  put({ bridge, vlan, mac, ifindex, inactive = false }: FdbPlace): boolean {
    const key = keyOf(mac, vlan)
    let ports = this.bridges.get(bridge)
    const before = ports?.get(key)
    if (before === undefined && this.places >= this.limit) return true
    const wasInactive = this.setInactive(bridge, key, inactive)
    if (before === ifindex && wasInactive === inactive) return false
    if (before === undefined) this.places += 1
    if (ports === undefined) this.bridges.set(bridge, (ports = new Map<string, number>()))
    ports.set(key, ifindex)
    if (before !== undefined && !wasInactive) this.count(before, -1)
    if (!inactive) this.count(ifindex, 1)
    return before !== ifindex || !inactive
  }

  /** The MAC is no longer on any port of the VM side. */
  delete({ bridge, vlan, mac }: Omit<FdbPlace, 'ifindex'>): void {
    const ports = this.bridges.get(bridge)
    const key = keyOf(mac, vlan)
    const before = ports?.get(key)
    if (ports === undefined || before === undefined) return
    ports.delete(key)
    if (!this.setInactive(bridge, key, false)) this.count(before, -1)
    this.places -= 1
    if (ports.size === 0) this.bridges.delete(bridge)
  }

  /** Returns whether it was inactive. */
  private setInactive(bridge: number, key: string, inactive: boolean): boolean {
    if (!inactive && this.inactive.size === 0) return false
    const name = `${bridge} ${key}`
    const wasInactive = this.inactive.has(name)
    if (inactive) this.inactive.add(name)
    else this.inactive.delete(name)
    return wasInactive
  }

  private count(ifindex: number, by: 1 | -1): void {
    const count = this.countOn(ifindex) + by
    if (count === 0) this.counts.delete(ifindex)
    else this.counts.set(ifindex, count)
  }
}

const keyOf = (mac: string, vlan: number): string => `${mac} ${vlan}`

/**
 * Returns the place that an entry of a forwarding database is about; undefined for those of a VXLAN device (its remote
 * VTEPs), and for the addresses of the host itself.
 */
export function placeOf(entry: FdbEntry): FdbPlace | undefined {
  const { ifindex, master, mac, vlan = 0, flags, state, activityNotify = 0 } = entry
  if (master === undefined || (flags & NTF_SELF) !== 0 || (state & NUD_PERMANENT) !== 0) return undefined
  return { bridge: master, vlan, mac, ifindex, inactive: (activityNotify & FDB_NOTIFY_INACTIVE_BIT) !== 0 }
}

/** Whether the bridge lets frames of the MAC through: a locked port may have heard it, and only say so. */
export const isForwarded = ({ flagsExt }: FdbEntry): boolean => (flagsExt & NTF_EXT_LOCKED) === 0
