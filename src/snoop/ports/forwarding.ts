// Where the bridges' forwarding databases have the MAC addresses of the VM side. Without I/O. The cost of a message does
// not depend on the size of the table.
import { type FdbEntry, NTF_EXT_LOCKED, NTF_SELF, NUD_PERMANENT } from '../../rtnetlink/neighbour.js'

/** A MAC address on a port of a bridge. `vlan`: inside the bridge; 0 if it does not filter VLANs. */
export type FdbPlace = { bridge: number; vlan: number; mac: string; ifindex: number }

/** More than there are hosts: what a VM can make the bridge learn must not fill this process's memory. */
const MAX_PLACES = 262_144

export class ForwardingTable {
  /** Bridge → MAC and VLAN → port. */
  private readonly bridges = new Map<number, Map<string, number>>()
  /** Port → how many MACs it has. */
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

  /** Returns how many MACs a port has, each counted once for every VLAN. */
  countOn(ifindex: number): number {
    return this.counts.get(ifindex) ?? 0
  }

  /** Returns whether the MAC was on no port or another one before. */
  put({ bridge, vlan, mac, ifindex }: FdbPlace): boolean {
    const key = keyOf(mac, vlan)
    let ports = this.bridges.get(bridge)
    const before = ports?.get(key)
    if (before === ifindex) return false
    if (before === undefined) {
      if (this.places >= this.limit) return true
      this.places += 1
    }
    if (ports === undefined) this.bridges.set(bridge, (ports = new Map<string, number>()))
    ports.set(key, ifindex)
    if (before !== undefined) this.count(before, -1)
    this.count(ifindex, 1)
    return true
  }

  /** The MAC is no longer on any port of the VM side. */
  delete({ bridge, vlan, mac }: Omit<FdbPlace, 'ifindex'>): void {
    const ports = this.bridges.get(bridge)
    const key = keyOf(mac, vlan)
    const before = ports?.get(key)
    if (ports === undefined || before === undefined) return
    ports.delete(key)
    this.count(before, -1)
    this.places -= 1
    if (ports.size === 0) this.bridges.delete(bridge)
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
export function placeOf({ ifindex, master, mac, vlan = 0, flags, state }: FdbEntry): FdbPlace | undefined {
  if (master === undefined || (flags & NTF_SELF) !== 0 || (state & NUD_PERMANENT) !== 0) return undefined
  return { bridge: master, vlan, mac, ifindex }
}

/** Whether the bridge lets frames of the MAC through: a locked port may have heard it, and only say so. */
export const isForwarded = ({ flagsExt }: FdbEntry): boolean => (flagsExt & NTF_EXT_LOCKED) === 0
