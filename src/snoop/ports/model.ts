// The map of ports, without I/O: takes rtnetlink messages and returns ports and their changes. The work for one message
// does not grow with the number of ports, unless the change concerns all ports of a bridge.
import { isDeepStrictEqual } from 'node:util'
import type { BridgeRefusal, SelfMatch } from '../../bindings/model.js'
import { type BridgePort, ORDINARY_PORT, takesIn } from '../../rtnetlink/bridge-port.js'
import { ETH_P_8021Q } from '../../base/ethertype.js'
import { IFF_LOWER_UP, IFF_UP, type Link } from '../../rtnetlink/link.js'
import type { RouteMessage } from '../../rtnetlink/message.js'
import type { VlanState } from '../../rtnetlink/vlan-state.js'
import { asVxlanPort, type Bridge, bridgeAt, vxlanPorts } from './bridge.js'
import { selfMatchIn } from './own.js'
import { LinkTables } from './tables.js'
import { type ProbeSource } from '../../arp-nd/source.js'
import { chooseSource, type SourceAddress, type SviPlace } from '../probe/source.js'
import { hasVlan, mapVnis, type VniMap, type Vlans } from './vlans.js'

/** The routing table of the default VRF (linux/rtnetlink.h). */
const RT_TABLE_MAIN = 254

/** A bridge member on the VM side. */
export type Port = {
  ifindex: number
  name: string
  bridge: string
  bridgeIfindex: number
  /** Whether it has both IFF_UP and a carrier (IFF_LOWER_UP). */
  up: boolean
  /** MAC of the device itself, which belongs to the host. */
  mac: string
  /** How long the bridge keeps a MAC that is not seen, in milliseconds; 0: the bridge learns none. */
  ageingMs: number
}

/** How a frame is sent into a VNI. */
export type Tunnel = {
  /** ifindex of the VXLAN device, which receives what comes back. */
  device: number
  /** MAC of that device: no other node has it, and no host. */
  mac: string
  /** ifindex of the device to send through. */
  through: number
  /** The tag to send with; 0 = none. */
  vlan: number
  vlanProtocol: number
}

/** `excluded`: renamed to an excluded name; `no-vni`: its bridge no longer has a VXLAN device with a VNI. */
export type RemoveReason = 'deleted' | 'left-bridge' | 'excluded' | 'no-vni'

export type PortChange =
  | { kind: 'add' | 'up' | 'down'; port: Port }
  | { kind: 'remove'; port: Port; reason: RemoveReason }
  /** `port` has its new name. */
  | { kind: 'rename'; port: Port; from: string }
  | { kind: 'vni-change' }
  /** The bridge does something else now with what the port hears: see bridgePortOf. */
  | { kind: 'bridge-port'; port: Port }
  /** VXLAN devices of the bridge have different VNIs for one VLAN (0 = untagged); reported once for each case. */
  | { kind: 'ambiguous'; bridge: string; vlan: number; devices: readonly string[] }

export class PortModel {
  readonly ports = new Map<number, Port>()
  private tables = new LinkTables()
  private readonly bridges = new Map<number, Bridge>()
  private readonly vniMaps = new Map<number, VniMap>()
  /**
   * By VNI. `vlan`: the VLAN inside the bridge, if the device carries many VNIs; undefined if it carries this one.
   * `inside`: the VLAN inside the bridge in any case, 0 if it does not filter.
   */
  private readonly tunnels = new Map<number, { bridge: number; device: number; vlan?: number; inside: number }>()
  /** Bridges whose map of VNIs must be computed again. */
  private readonly stale = new Set<number>()
  private vniChanged = false
  private changes: PortChange[] = []

  /**
   * @param exclude matches names of bridge members that are not on the VM side, such as uplinks
   * @param probeSources the addresses to probe from in subnets in which the host has no address of its own
   */
  constructor(
    private readonly exclude: Pick<ReadonlySet<string>, 'has'>,
    private readonly probeSources: readonly SourceAddress[] = [],
  ) {}

  get links(): ReadonlyMap<number, Link> {
    return this.tables.links
  }

  /** Applies one event. */
  apply(message: RouteMessage): void {
    switch (message.kind) {
      case 'link': {
        const { ifindex } = message.link
        const old = this.tables.links.get(ifindex)
        this.tables.store(message)
        this.linkChanged(ifindex, old, this.tables.links.get(ifindex))
        return
      }
      case 'port-vlans':
      case 'vlan-change': {
        const { ifindex } = message.kind === 'port-vlans' ? message.port : message.change
        const old = this.tables.vlans.get(ifindex)
        const [bridgePort, states] = [this.bridgePortOf(ifindex), this.tables.vlanStates.get(ifindex)]
        this.tables.store(message)
        this.vlansChanged(ifindex, old)
        this.bridgePortChanged(ifindex, bridgePort, states)
        return
      }
      case 'vlan-states':
      case 'address':
        this.tables.store(message)
    }
  }

  /** Replaces everything by a dump and the events that came during it, and reports the differences as changes. */
  replace(messages: Iterable<RouteMessage>): void {
    const before = this.tables
    this.tables = new LinkTables()
    for (const message of messages) this.tables.store(message)
    const links = new Set([...before.links.keys(), ...this.tables.links.keys()])
    for (const ifindex of links) {
      this.reviewBridge(ifindex)
      this.vlansChanged(ifindex, before.vlans.get(ifindex))
    }
    for (const ifindex of this.bridges.keys()) this.stale.add(ifindex)
    // ports that are gone come first
    for (const ifindex of [...this.ports.keys(), ...links]) this.reconcile(ifindex)
    for (const ifindex of this.ports.keys())
      this.bridgePortChanged(ifindex, before.bridgePorts.get(ifindex) ?? ORDINARY_PORT, before.vlanStates.get(ifindex))
  }

  /** Returns the changes since the last call, in order; `vni-change` at most once, after those of the ports. */
  takeChanges(): PortChange[] {
    for (const ifindex of this.stale) this.mapBridge(ifindex)
    this.stale.clear()
    if (this.vniChanged) this.changes.push({ kind: 'vni-change' })
    this.vniChanged = false
    const changes = this.changes
    this.changes = []
    return changes
  }

  /**
   * Returns the VNI of frames with this tag (0 = none) on this port, as of the last takeChanges; undefined if there is
   * none, or if it is ambiguous.
   */
  vniOf(ifindex: number, vlan: number): number | undefined {
    const bridge = this.ports.get(ifindex)?.bridgeIfindex
    if (bridge === undefined) return undefined
    const inside = this.vlanInside(bridge, ifindex, vlan)
    return inside === undefined ? undefined : this.vniInside(bridge, inside)
  }

  /** Returns the VNI of a VLAN inside a bridge (0 if it does not filter), as of the last takeChanges. */
  vniInside(bridge: number, vlan: number): number | undefined {
    return this.vniMaps.get(bridge)?.vnis.get(vlan)
  }

  /** Returns the tag that frames of a VLAN inside the bridge have on a port; 0 = none. */
  tagOf(ifindex: number, vlan: number): number {
    return this.isFiltering(this.ports.get(ifindex)?.bridgeIfindex) && this.tables.vlansOn(ifindex).pvid === vlan
      ? 0
      : vlan
  }

  /** Returns where the bridge looks up the source of frames with this tag (0 = none) on this port. */
  placeOf(ifindex: number, vlan: number): { bridge: number; vlan: number } | undefined {
    const bridge = this.ports.get(ifindex)?.bridgeIfindex
    if (bridge === undefined) return undefined
    // a bridge that does not filter has one database for all tags
    const inside = this.isFiltering(bridge) ? this.vlanInside(bridge, ifindex, vlan) : 0
    return inside === undefined ? undefined : { bridge, vlan: inside }
  }

  isVxlan(ifindex: number): boolean {
    return this.tables.links.get(ifindex)?.vxlan !== undefined
  }

  /** Returns the VNI of a VXLAN device; if it carries many, the VNI of this VLAN of its bridge. */
  vniOfVxlan(ifindex: number, vlan: number): number | undefined {
    const link = this.tables.links.get(ifindex)
    if (link?.vxlan?.vni !== undefined || link?.master === undefined) return link?.vxlan?.vni
    return link.vxlan === undefined ? undefined : this.vniMaps.get(link.master)?.vnis.get(vlan)
  }

  /**
   * Returns how a frame is sent to the other VTEPs of a VNI; undefined if the VNI has no device here, or no frame of this
   * host gets there. A device of one VNI takes the frame itself; one that carries many is told the VNI by the bridge, from
   * the VLAN, in which the bridge itself must be.
   */
  tunnelOf(vni: number): Tunnel | undefined {
    const tunnel = this.tunnels.get(vni)
    const mac = tunnel && this.tables.links.get(tunnel.device)?.mac
    if (tunnel === undefined || mac === undefined) return undefined
    const { bridge, device, vlan } = tunnel
    const vlanProtocol = this.bridges.get(bridge)?.vlanProtocol ?? ETH_P_8021Q
    if (vlan === undefined) return { device, mac, through: device, vlan: 0, vlanProtocol }
    const own = this.tables.vlansOn(bridge)
    // net/bridge/br_device.c br_dev_xmit drops what the bridge itself sends into a VLAN that it is not in
    if (!hasVlan(own, vlan)) return undefined
    return { device, mac, through: bridge, vlan: vlan === own.pvid ? 0 : vlan, vlanProtocol }
  }

  /** Returns where the bridge of a VNI looks up the MACs in it. */
  fdbOf(vni: number): { bridge: number; vlan: number } | undefined {
    const tunnel = this.tunnels.get(vni)
    return tunnel && { bridge: tunnel.bridge, vlan: tunnel.inside }
  }

  /** Returns the VRF that uses a routing table, numbered as in FRR: its device's ifindex, 0 = the default VRF. */
  vrfOfTable(table: number): number | undefined {
    if (table === RT_TABLE_MAIN) return 0
    const [ifindex] = this.tables.vrfs.get(table)
    return ifindex
  }

  /** Returns the source of a probe for `ip` that leaves through this port with this tag (0 = none). */
  probeSource(ifindex: number, vlan: number, ip: string): ProbeSource {
    const bridge = this.ports.get(ifindex)?.bridgeIfindex
    const svi = bridge === undefined ? undefined : this.sviPlace(bridge, ifindex, vlan)
    return chooseSource(this.tables, ifindex, svi, ip, this.probeSources)
  }

  private sviPlace(bridge: number, ifindex: number, vlan: number): SviPlace | undefined {
    const inside = this.vlanInside(bridge, ifindex, vlan)
    const untagged = this.isFiltering(bridge) ? this.tables.vlansOn(bridge).pvid : 0
    return inside === undefined ? undefined : { bridge, vlan: inside, protocol: this.protocolOf(bridge), untagged }
  }

  /** Returns which of a host's addresses is this host's own where frames with this tag on this port arrive. */
  selfMatch(ifindex: number, vlan: number, mac: string, ip: string): SelfMatch | undefined {
    const bridge = this.ports.get(ifindex)?.bridgeIfindex
    const place = bridge === undefined ? undefined : this.sviPlace(bridge, ifindex, vlan)
    return place && selfMatchIn(this.tables, place, this.isFiltering(place.bridge), mac, ip)
  }

  /** Returns the ethertype of the tags of a port's bridge. */
  vlanProtocol(ifindex: number): number {
    return this.protocolOf(this.ports.get(ifindex)?.bridgeIfindex)
  }

  private protocolOf(bridge: number | undefined): number {
    return (bridge === undefined ? undefined : this.bridges.get(bridge)?.vlanProtocol) ?? ETH_P_8021Q
  }

  /**
   * Returns why the bridge takes no notice of a frame; undefined if it does. `protocol`: of the frame's tag, 0 without.
   */
  bridgeRefusal(ifindex: number, vlan: number, protocol: number): BridgeRefusal | undefined {
    const bridge = this.ports.get(ifindex)?.bridgeIfindex
    // net/bridge/br_vlan.c __allowed_ingress puts the frame into the PVID, with the tag as a part of its payload
    if (vlan !== 0 && this.isFiltering(bridge) && protocol !== this.protocolOf(bridge)) return 'vlan-protocol'
    return this.takesIn(ifindex, vlan) ? undefined : 'port-blocked'
  }

  /** Whether the bridge takes in frames with this tag (0 = none) from a port, at least to learn from them. */
  takesIn(ifindex: number, vlan: number): boolean {
    const bridge = this.ports.get(ifindex)?.bridgeIfindex
    const inside = bridge === undefined ? undefined : this.vlanInside(bridge, ifindex, vlan)
    // net/bridge/br_input.c: with MST only the state of the VLAN counts, which is in the instance
    const portMay = takesIn(this.bridgePortOf(ifindex).state) || this.bridges.get(bridge ?? 0)?.mst === true
    if (!portMay || inside === undefined || !this.isFiltering(bridge)) return portMay
    return takesIn(this.tables.vlanState(ifindex, inside))
  }

  /** Whether there is a bridge of which the kernel does not tell when the states of VLANs change. */
  get hasMst(): boolean {
    return [...this.bridges.values()].some(({ mst, vlanFiltering }) => mst && vlanFiltering)
  }

  /** Takes the states of all VLANs as a dump has them. */
  replaceVlanStates(messages: Iterable<RouteMessage>): void {
    const before = new Map(this.tables.vlanStates)
    this.tables.vlanStates.clear()
    for (const message of messages) this.tables.store(message)
    for (const [ifindex, port] of this.ports)
      if (!isDeepStrictEqual(before.get(ifindex), this.tables.vlanStates.get(ifindex)))
        this.changes.push({ kind: 'bridge-port', port })
  }

  /** Returns what its bridge does with a port. */
  bridgePortOf(ifindex: number): BridgePort {
    return this.tables.bridgePorts.get(ifindex) ?? ORDINARY_PORT
  }

  private bridgePortChanged(ifindex: number, old: BridgePort, states: readonly VlanState[] | undefined): void {
    const port = this.ports.get(ifindex)
    if (port === undefined) return
    const now = [this.bridgePortOf(ifindex), this.tables.vlanStates.get(ifindex)]
    if (!isDeepStrictEqual([old, states], now)) this.changes.push({ kind: 'bridge-port', port })
  }

  /** Whether an interface of this host, anywhere, has the address. */
  ownIp(ip: string): boolean {
    return this.tables.addresses.has(ip)
  }

  private isFiltering(bridge: number | undefined): boolean {
    return bridge !== undefined && this.bridges.get(bridge)?.vlanFiltering === true
  }

  /**
   * Returns the VLAN of a frame inside the bridge: the tag's if it does not filter; undefined if it drops the frame.
   */
  private vlanInside(bridge: number, ifindex: number, vlan: number): number | undefined {
    if (!this.isFiltering(bridge)) return vlan
    const vlans = this.tables.vlansOn(ifindex)
    const inside = vlan === 0 ? vlans.pvid : vlan
    return inside !== undefined && hasVlan(vlans, inside) ? inside : undefined
  }

  /** Updates what depends on a link as a bridge, as a VXLAN device of bridges, and as a port. */
  private linkChanged(ifindex: number, old: Link | undefined, link: Link | undefined): void {
    if (old?.bridge !== undefined || link?.bridge !== undefined) this.reviewBridge(ifindex)
    if (!isDeepStrictEqual(asVxlanPort(old), asVxlanPort(link)))
      for (const master of new Set([old?.master, link?.master])) {
        if (master === undefined) continue
        this.stale.add(master)
        this.reviewBridge(master)
      }
    this.reconcile(ifindex)
  }

  private vlansChanged(ifindex: number, old: Vlans | undefined): void {
    if (isDeepStrictEqual(old, this.tables.vlans.get(ifindex))) return
    const link = this.tables.links.get(ifindex)
    if (link?.vxlan !== undefined && link.master !== undefined) this.stale.add(link.master)
    // ports of bridges that do not filter may have VLANs, which have no effect
    else if (this.isFiltering(this.ports.get(ifindex)?.bridgeIfindex)) this.vniChanged = true
  }

  private reviewBridge(ifindex: number): void {
    const old = this.bridges.get(ifindex)
    const bridge = bridgeAt(this.tables, ifindex)
    if (bridge === undefined) this.bridges.delete(ifindex)
    else this.bridges.set(ifindex, bridge)
    if (isDeepStrictEqual(old, bridge)) return
    this.stale.add(ifindex)
    if (old && bridge && (old.vlanFiltering !== bridge.vlanFiltering || old.vlanProtocol !== bridge.vlanProtocol))
      this.vniChanged = true
    for (const member of this.tables.members.get(ifindex)) this.reconcile(member)
  }

  private mapBridge(ifindex: number): void {
    const bridge = this.bridges.get(ifindex)
    const old = this.vniMaps.get(ifindex)
    const map = bridge && mapVnis(bridge.vlanFiltering, vxlanPorts(this.tables, ifindex))
    if (map === undefined) this.vniMaps.delete(ifindex)
    else this.vniMaps.set(ifindex, map)
    this.mapTunnels(ifindex, map)
    if (!isDeepStrictEqual(old?.vnis ?? new Map(), map?.vnis ?? new Map())) this.vniChanged = true
    for (const [vlan, devices] of map?.ambiguous ?? [])
      if (bridge && !old?.ambiguous.has(vlan))
        this.changes.push({ kind: 'ambiguous', bridge: bridge.name, vlan, devices })
  }

  private mapTunnels(bridge: number, map: VniMap | undefined): void {
    for (const [vni, tunnel] of this.tunnels) if (tunnel.bridge === bridge) this.tunnels.delete(vni)
    for (const device of this.tables.vxlans.get(bridge)) {
      const vxlan = this.tables.links.get(device)?.vxlan
      for (const [vlan, vni] of map?.vnis ?? []) {
        if (vxlan?.vni === vni) this.tunnels.set(vni, { bridge, device, inside: vlan })
        else if (vxlan !== undefined && vxlan.vni === undefined && !this.tunnels.has(vni))
          this.tunnels.set(vni, { bridge, device, vlan, inside: vlan })
      }
    }
  }

  /** Updates the entry of one link in the map of ports. */
  private reconcile(ifindex: number): void {
    const old = this.ports.get(ifindex)
    const port = this.portAt(ifindex)
    const same = old?.bridgeIfindex === port?.bridgeIfindex
    if (old !== undefined && !same) {
      this.ports.delete(ifindex)
      this.changes.push({ kind: 'remove', port: old, reason: this.whyGone(old) })
    }
    if (port === undefined) return
    this.ports.set(ifindex, port)
    if (old !== undefined && same && old.name !== port.name) this.changes.push({ kind: 'rename', port, from: old.name })
    if (!same) this.changes.push({ kind: 'add', port })
    else if (old?.up !== port.up) this.changes.push({ kind: port.up ? 'up' : 'down', port })
  }

  private portAt(ifindex: number): Port | undefined {
    const link = this.tables.links.get(ifindex)
    if (link?.master === undefined || link.kind === 'vxlan' || this.exclude.has(link.name)) return undefined
    const { name, mac } = link
    // only Ethernet devices can be members of a bridge
    if (mac === undefined) return undefined
    const bridge = this.bridges.get(link.master)
    if (!bridge?.carriesVni) return undefined
    const up = (link.flags & IFF_UP) !== 0 && (link.flags & IFF_LOWER_UP) !== 0
    return { ifindex, name, bridge: bridge.name, bridgeIfindex: link.master, up, mac, ageingMs: bridge.ageingMs }
  }

  private whyGone(port: Port): RemoveReason {
    const link = this.tables.links.get(port.ifindex)
    if (link === undefined) return 'deleted'
    if (link.master !== port.bridgeIfindex) return 'left-bridge'
    return this.exclude.has(link.name) ? 'excluded' : 'no-vni'
  }
}
