// The links, their VLANs and addresses that rtnetlink reported, with the indexes that the map of ports needs. The cost
// of a message does not depend on the size of the tables.
import type { InterfaceAddress } from '../../rtnetlink/address.js'
import type { BridgePort, StpState } from '../../rtnetlink/bridge-port.js'
import type { Link } from '../../rtnetlink/link.js'
import type { RouteMessage } from '../../rtnetlink/message.js'
import { MultiMap } from '../../base/multimap.js'
import { edgesOf } from '../../base/prefix.js'
import type { VlanRange } from '../../rtnetlink/vlan.js'
import { mergeVlanStates, type VlanState } from '../../rtnetlink/vlan-state.js'
import { changeVlans, NO_VLANS, type Vlans, vlansOf } from './vlans.js'

export class LinkTables {
  readonly links = new Map<number, Link>()
  /** VLANs of bridge ports; absent where VLANs are not filtered. */
  readonly vlans = new Map<number, Vlans>()
  /** What the bridge does with each of its ports. */
  readonly bridgePorts = new Map<number, BridgePort>()
  /** VLANs of bridge ports that are in another state than forwarding. */
  readonly vlanStates = new Map<number, readonly VlanState[]>()
  /** Members of each bridge, bond, … */
  readonly members = new MultiMap<number, number>()
  /** The members that are VXLAN devices. */
  readonly vxlans = new MultiMap<number, number>()
  /** The members of a bridge that have a MAC as their own, by bridge and MAC: see memberMac. */
  private readonly memberMacs = new MultiMap<string, number>()
  /** Link → the macvlan and ipvlan devices on top of it, which receive its frames. */
  readonly stacked = new MultiMap<number, number>()
  /** Routing table → the VRF devices that use it. */
  readonly vrfs = new MultiMap<number, number>()
  /** IP address → the interfaces and prefix lengths with which it is configured. */
  readonly addresses = new MultiMap<string, string>()
  /** Interface and IP address (see addressOn) → the prefix lengths with which it is configured. */
  private readonly addressesOf = new MultiMap<string, number>()
  /** Interface and IP address → the addresses there with whose prefixes it is a network or broadcast address. */
  private readonly edges = new MultiMap<string, string>()
  /** `vlan` links on top of each link, by lower link, VLAN and protocol: see vlanKey. */
  private readonly vlanLinks = new MultiMap<string, number>()
  /** Interface → its addresses, by address and prefix length. */
  private readonly configured = new Map<number, Map<string, InterfaceAddress>>()

  store(message: RouteMessage): void {
    switch (message.kind) {
      case 'link':
        this.storeLink(message.link.ifindex, message.gone ? undefined : message.link)
        return
      case 'port-vlans': {
        const { ifindex, vlans, tunnels, bridgePort } = message.port
        if (message.gone) {
          this.bridgePorts.delete(ifindex)
          this.vlanStates.delete(ifindex)
        }
        if (!message.gone && bridgePort !== undefined) this.bridgePorts.set(ifindex, bridgePort)
        this.storeVlans(ifindex, message.gone ? NO_VLANS : vlansOf(vlans, tunnels))
        return
      }
      case 'vlan-change': {
        const { change, gone, states } = message
        const { ifindex } = change
        this.storeVlanStates(ifindex, gone ? change.vlans.map(forwarding) : states)
        this.storeVlans(ifindex, changeVlans(this.vlansOn(ifindex), change, gone))
        return
      }
      case 'vlan-states':
        this.storeVlanStates(message.port.ifindex, message.port.states)
        return
      case 'address':
        this.storeAddress(message.address, message.gone)
    }
  }

  vlansOn(ifindex: number): Vlans {
    return this.vlans.get(ifindex) ?? NO_VLANS
  }

  /** Returns the links on top of `lower` that receive its frames with this tag. */
  vlanLinksOn(lower: number, vlan: number, protocol: number): Iterable<number> {
    return this.vlanLinks.get(vlanKey(lower, vlan, protocol))
  }

  /** Returns the members of a bridge whose devices have this MAC. */
  membersWithMac(bridge: number, mac: string): Iterable<number> {
    return this.memberMacs.get(memberMac(bridge, mac))
  }

  hasAddress(ifindex: number, ip: string): boolean {
    return this.addressesOf.has(addressOn(ifindex, ip))
  }

  /** Whether an IP is the network's own or the broadcast address of a subnet that an interface is in. */
  isEdge(ifindex: number, ip: string): boolean {
    return this.edges.has(addressOn(ifindex, ip))
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
      this.bridgePorts.delete(ifindex)
      this.vlanStates.delete(ifindex)
      return
    }
    this.links.set(ifindex, link)
    if (isStacked(link)) this.stacked.add(link.lower, ifindex)
    const vlanKey = vlanKeyOf(link)
    if (vlanKey !== undefined) this.vlanLinks.add(vlanKey, ifindex)
    if (link.vrfTable !== undefined) this.vrfs.add(link.vrfTable, ifindex)
    if (link.master === undefined) return
    this.members.add(link.master, ifindex)
    if (link.mac !== undefined) this.memberMacs.add(memberMac(link.master, link.mac), ifindex)
    if (link.vxlan !== undefined) this.vxlans.add(link.master, ifindex)
  }

  private unindex(link: Link): void {
    const { ifindex, mac, master } = link
    if (isStacked(link)) this.stacked.delete(link.lower, ifindex)
    const vlanKey = vlanKeyOf(link)
    if (vlanKey !== undefined) this.vlanLinks.delete(vlanKey, ifindex)
    if (link.vrfTable !== undefined) this.vrfs.delete(link.vrfTable, ifindex)
    if (master === undefined) return
    this.members.delete(master, ifindex)
    if (mac !== undefined) this.memberMacs.delete(memberMac(master, mac), ifindex)
    this.vxlans.delete(master, ifindex)
  }

  /** Returns the state of a VLAN of a port. */
  vlanState(ifindex: number, vlan: number): StpState {
    const range = this.vlanStates.get(ifindex)?.find(({ first, last }) => first <= vlan && vlan <= last)
    return range?.state ?? 'forwarding'
  }

  private storeVlanStates(ifindex: number, states: readonly VlanState[]): void {
    const merged = mergeVlanStates(this.vlanStates.get(ifindex) ?? [], states)
    if (merged.length === 0) this.vlanStates.delete(ifindex)
    else this.vlanStates.set(ifindex, merged)
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
    for (const edge of edgesOf({ ip, length: prefixLength })) {
      if (gone) this.edges.delete(addressOn(ifindex, edge), what)
      else this.edges.add(addressOn(ifindex, edge), what)
    }
    if (gone) {
      this.addresses.delete(ip, where)
      this.addressesOf.delete(addressOn(ifindex, ip), prefixLength)
      if (here?.delete(what) && here.size === 0) this.configured.delete(ifindex)
      return
    }
    this.addresses.add(ip, where)
    this.addressesOf.add(addressOn(ifindex, ip), prefixLength)
    if (here === undefined) this.configured.set(ifindex, new Map([[what, address]]))
    else here.set(what, address)
  }
}

const vlanKey = (lower: number, vlan: number, protocol: number): string => `${lower} ${vlan} ${protocol}`

/** Returns the key of a link that receives another link's frames with a tag. */
const vlanKeyOf = ({ lower, vlan }: Link): string | undefined =>
  lower === undefined || vlan === undefined ? undefined : vlanKey(lower, vlan.id, vlan.protocol)

const memberMac = (bridge: number, mac: string): string => `${bridge} ${mac}`
const addressOn = (ifindex: number, ip: string): string => `${ifindex} ${ip}`

const isStacked = (link: Link): link is Link & { lower: number } =>
  (link.kind === 'macvlan' || link.kind === 'ipvlan') && link.lower !== undefined

const forwarding = ({ first, last }: VlanRange): VlanState => ({ first, last, state: 'forwarding' })
