// The links, their VLANs and addresses that rtnetlink reported, with the indexes that the map of ports needs. The cost
// of a message does not depend on the size of the tables.
import type { InterfaceAddress } from '../../rtnetlink/address.js'
import type { Link } from '../../rtnetlink/link.js'
import type { RouteMessage } from '../../rtnetlink/message.js'
import { ETH_P_8021Q } from '../probe/frame.js'
import { MultiMap } from '../../base/multimap.js'
import { changeVlans, NO_VLANS, type Vlans, vlansOf } from './vlans.js'

export class LinkTables {
  readonly links = new Map<number, Link>()
  /** VLANs of bridge ports; absent where VLANs are not filtered. */
  readonly vlans = new Map<number, Vlans>()
  /** Members of each bridge, bond, … */
  readonly members = new MultiMap<number, number>()
  /** The members that are VXLAN devices. */
  readonly vxlans = new MultiMap<number, number>()
  /** MAC → the links that have it. */
  readonly macs = new MultiMap<string, number>()
  /** Routing table → the VRF devices that use it. */
  readonly vrfs = new MultiMap<number, number>()
  /** IP address → the interfaces and prefix lengths with which it is configured. */
  readonly addresses = new MultiMap<string, string>()
  /** `vlan` links on top of each link, by lower link and VLAN: see vlanKey. */
  private readonly vlanLinks = new MultiMap<number, number>()
  /** Interface → its addresses, by address and prefix length. */
  private readonly configured = new Map<number, Map<string, InterfaceAddress>>()

  store(message: RouteMessage): void {
    switch (message.kind) {
      case 'link':
        this.storeLink(message.link.ifindex, message.gone ? undefined : message.link)
        return
      case 'port-vlans': {
        const { ifindex, vlans, tunnels } = message.port
        this.storeVlans(ifindex, message.gone ? NO_VLANS : vlansOf(vlans, tunnels))
        return
      }
      case 'vlan-change': {
        const { change, gone } = message
        this.storeVlans(change.ifindex, changeVlans(this.vlansOn(change.ifindex), change, gone))
        return
      }
      case 'address':
        this.storeAddress(message.address, message.gone)
    }
  }

  vlansOn(ifindex: number): Vlans {
    return this.vlans.get(ifindex) ?? NO_VLANS
  }

  /** Returns the links on top of `lower` that receive its frames with this 802.1Q tag. */
  vlanLinksOn(lower: number, vlan: number): Iterable<number> {
    return this.vlanLinks.get(vlanKey(lower, vlan))
  }

  addressesOn(ifindex: number): Iterable<InterfaceAddress> {
    return this.configured.get(ifindex)?.values() ?? []
  }

  private storeLink(ifindex: number, link: Link | undefined): void {
    const old = this.links.get(ifindex)
    if (old !== undefined) this.unindex(old)
    if (link === undefined) {
      this.links.delete(ifindex)
      this.vlans.delete(ifindex)
      return
    }
    this.links.set(ifindex, link)
    if (link.mac !== undefined) this.macs.add(link.mac, ifindex)
    const vlanKey = vlanKeyOf(link)
    if (vlanKey !== undefined) this.vlanLinks.add(vlanKey, ifindex)
    if (link.vrfTable !== undefined) this.vrfs.add(link.vrfTable, ifindex)
    if (link.master === undefined) return
    this.members.add(link.master, ifindex)
    if (link.vxlan !== undefined) this.vxlans.add(link.master, ifindex)
  }

  private unindex(link: Link): void {
    const { ifindex, mac, master } = link
    if (mac !== undefined) this.macs.delete(mac, ifindex)
    const vlanKey = vlanKeyOf(link)
    if (vlanKey !== undefined) this.vlanLinks.delete(vlanKey, ifindex)
    if (link.vrfTable !== undefined) this.vrfs.delete(link.vrfTable, ifindex)
    if (master === undefined) return
    this.members.delete(master, ifindex)
    this.vxlans.delete(master, ifindex)
  }

  private storeVlans(ifindex: number, vlans: Vlans): void {
    if (vlans.ranges.length === 0) this.vlans.delete(ifindex)
    else this.vlans.set(ifindex, vlans)
  }

  private storeAddress(address: InterfaceAddress, gone: boolean): void {
    const { ifindex, ip, prefixLength } = address
    // an address may be on several interfaces, and on one interface with several prefix lengths
    const where = `${ifindex} ${prefixLength}`
    const what = `${ip}/${prefixLength}`
    const here = this.configured.get(ifindex)
    if (gone) {
      this.addresses.delete(ip, where)
      if (here?.delete(what) && here.size === 0) this.configured.delete(ifindex)
      return
    }
    this.addresses.add(ip, where)
    if (here === undefined) this.configured.set(ifindex, new Map([[what, address]]))
    else here.set(what, address)
  }
}

const vlanKey = (lower: number, vlan: number): number => lower * 4096 + vlan

/** Returns the key of a link that receives another link's frames with an 802.1Q tag. */
const vlanKeyOf = ({ lower, vlan }: Link): number | undefined =>
  lower === undefined || vlan?.protocol !== ETH_P_8021Q ? undefined : vlanKey(lower, vlan.id)
