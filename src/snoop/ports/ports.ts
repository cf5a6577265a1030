// Tracks the bridges of the network namespace, their ports and their VXLAN devices through rtnetlink.
import { EventEmitter } from 'node:events'
import type { BridgeRefusal, SelfMatch } from '../../bindings/model.js'
import { ExitCode, FatalError, reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import type { BridgePort } from '../../rtnetlink/bridge-port.js'
import type { NetlinkMessage } from '../../netlink/message.js'
import type { Link } from '../../rtnetlink/link.js'
import {
  decodeRouteMessage,
  decodeVlanDump,
  GET_ADDRESSES,
  GET_LINKS,
  GET_PORT_VLANS,
  GET_VLANS,
  type RouteMessage,
  RTNLGRP_BRVLAN,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_LINK,
} from '../../rtnetlink/message.js'
import { RouteSocket, type RouteSocketHandler } from '../../rtnetlink/socket.js'
import { SystemError } from '../../os/libc.js'
import { globSet } from '../../base/glob.js'
import { ForwardingWatch } from './forwarding-watch.js'
import type { FdbPlace } from './forwarding.js'
import { type Port, type PortChange, PortModel, type RemoveReason, type Tunnel } from './model.js'
import type { ProbeSource } from '../../arp-nd/source.js'
import type { SourceAddress } from '../probe/source.js'

export type { Port, RemoveReason, Tunnel }

const GROUPS = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_BRVLAN]
const RETRY_MS = 1000
/** How often the states of VLANs are read where the kernel does not tell their changes. */
const MST_MS = 2000

/** `vlan`: the tag with which the port sends and receives the frames of the MAC's VLAN; 0 = none. */
export type FdbChange = { vni: number; mac: string; ifindex: number; vlan: number }

export type PortEvents = {
  /** A port was added; also after its `remove`, if it was recreated or joined another bridge. */
  add: [port: Port]
  remove: [port: Port, reason: RemoveReason]
  /** A port has another name than before. */
  rename: [port: Port, from: string]
  up: [port: Port]
  down: [port: Port]
  /** vniOf may return other values now, on any port. */
  'vni-change': []
  /** The bridge does something else now with what the port hears (state, learning, locked): see bridgePortOf. */
  'bridge-port': [port: Port]
  /** The forwarding database has a MAC on a port where it did not have it before. */
  fdb: [change: FdbChange]
  /**
   * `links` has others than before, or other names. `gone`: what is attached to these is gone, even if there are devices
   * of the same ifindex now.
   */
  links: [gone: ReadonlySet<number>]
  /** Events were lost and everything was read again; the differences were emitted just before. */
  resync: []
}

export type PortsOptions = {
  log: Logger
  /** Names of bridge members that are not on the VM side, such as uplinks; `*` and `?` are wildcards. */
  exclude?: readonly string[]
  /** IPv4 addresses to probe from if this host has none in the subnet; the first that fits is used. */
  probeSources?: readonly SourceAddress[]
  /** Size of the buffer for events while this process is busy, in bytes; the default is RECEIVE_BUFFER. */
  receiveBuffer?: number
}

/** When an event is emitted, `ports` and `vniOf` already reflect everything that had happened until then. */
export class Ports extends EventEmitter<PortEvents> {
  private readonly model: PortModel
  private readonly log: Logger
  private readonly socket: RouteSocket
  /** The events that came during a dump; undefined when none is running. */
  private during: RouteMessage[] | undefined
  private losses = 0
  /** Deleted since the last `links`; undefined if that has nothing to say. */
  private gone: Set<number> | undefined
  private retry: NodeJS.Timeout | undefined
  private mstTimer: NodeJS.Timeout | undefined
  private closed = false
  private forwarding: ForwardingWatch | undefined

  /** Resolves when all ports are known. Throws FatalError without privilege, or if the kernel lacks a feature. */
  static async open(options: PortsOptions): Promise<Ports> {
    const ports = new Ports(options)
    try {
      await ports.readAll()
      ports.forwarding = await ports.openForwarding(options)
    } catch (error) {
      ports.close()
      throw error
    }
    ports.emitChanges()
    void ports.followMst()
    return ports
  }

  private constructor({ log, exclude = [], probeSources = [], receiveBuffer }: PortsOptions) {
    super()
    this.log = log
    this.model = new PortModel(globSet(exclude), probeSources)
    const handler = {
      event: (message: NetlinkMessage) => {
        this.event(message)
      },
      drained: () => {
        this.emitChanges()
      },
      lost: () => {
        this.lost()
      },
      malformed: (error: Error) => {
        this.log.error({ err: error }, 'rtnetlink message not understood, left out')
      },
    }
    this.socket = openSocket(handler, receiveBuffer)
  }

  /** The VM-side ports by ifindex: members of bridges that have a VXLAN device with a VNI, except such devices. */
  get ports(): ReadonlyMap<number, Port> {
    return this.model.ports
  }

  /** All devices of the network namespace, by ifindex. */
  get links(): ReadonlyMap<number, Link> {
    return this.model.links
  }

  /** See PortModel.vniOf. */
  vniOf(ifindex: number, vlan: number): number | undefined {
    return this.model.vniOf(ifindex, vlan)
  }

  /**
   * Returns the port on which the bridge has a MAC, in the VLAN of frames with this tag on this port; undefined if on no
   * port of the VM side, or if that is not known.
   */
  fdbPort(ifindex: number, vlan: number, mac: string): number | undefined {
    const place = this.model.placeOf(ifindex, vlan)
    return place && this.forwarding?.portOf(place.bridge, place.vlan, mac)
  }

  /**
   * Returns where the bridge of a port has a MAC now, with the tag (0 = none) that its frames have there, in the VLAN of
   * frames with this tag on this port; undefined if on no port of the VM side, or if that is not known.
   */
  placeOf(ifindex: number, vlan: number, mac: string): { ifindex: number; vlan: number } | undefined {
    const inside = this.model.placeOf(ifindex, vlan)
    const found = inside && this.forwarding?.portOf(inside.bridge, inside.vlan, mac)
    if (inside === undefined || found === undefined || !this.ports.has(found)) return undefined
    return { ifindex: found, vlan: found === ifindex ? vlan : this.model.tagOf(found, inside.vlan) }
  }

  /** Returns the port of the VM side on which a MAC of a VNI is, and the tag of its frames there; undefined as above. */
  placeOfMac(vni: number, mac: string): { ifindex: number; vlan: number } | undefined {
    const inside = this.model.fdbOf(vni)
    if (inside === undefined) return undefined
    const ifindex = this.forwarding?.portOf(inside.bridge, inside.vlan, mac)
    return ifindex === undefined ? undefined : { ifindex, vlan: this.model.tagOf(ifindex, inside.vlan) }
  }

  /** See PortModel.probeSource. */
  probeSource(ifindex: number, vlan: number, ip: string): ProbeSource {
    return this.model.probeSource(ifindex, vlan, ip)
  }

  /** See PortModel.vniOfVxlan. */
  vniOfVxlan(ifindex: number, vlan: number): number | undefined {
    return this.model.vniOfVxlan(ifindex, vlan)
  }

  /** See PortModel.tunnelOf. */
  tunnelOf(vni: number): Tunnel | undefined {
    return this.model.tunnelOf(vni)
  }

  /** See PortModel.vrfOfTable. */
  vrfOfTable(table: number): number | undefined {
    return this.model.vrfOfTable(table)
  }

  /** See PortModel.selfMatch. */
  selfMatch(ifindex: number, vlan: number, mac: string, ip: string): SelfMatch | undefined {
    return this.model.selfMatch(ifindex, vlan, mac, ip)
  }

  /** See PortModel.vlanProtocol. */
  vlanProtocol(ifindex: number): number {
    return this.model.vlanProtocol(ifindex)
  }

  /**
   * Returns why the bridge takes no notice of a frame, or learns nothing from it; undefined if it does. `protocol`: of
   * the frame's tag, 0 without.
   */
  bridgeRefusal(ifindex: number, vlan: number, protocol: number, etherSource: string): BridgeRefusal | undefined {
    const refusal = this.model.bridgeRefusal(ifindex, vlan, protocol)
    if (refusal !== undefined) return refusal
    const { locked, learning } = this.model.bridgePortOf(ifindex)
    if (learning && !locked) return undefined
    if (this.fdbPort(ifindex, vlan, etherSource) === ifindex) return undefined
    return locked ? 'port-locked' : 'no-learning'
  }

  /** See PortModel.bridgePortOf. */
  bridgePortOf(ifindex: number): BridgePort {
    return this.model.bridgePortOf(ifindex)
  }

  /**
   * Returns where a host that was seen at a port can be asked: there; if the bridge does not use that port at the
   * moment, where it has the host's MAC now; undefined if that is nowhere.
   */
  placeToAsk(ifindex: number, vlan: number, mac: string): { ifindex: number; vlan: number } | undefined {
    if (this.model.takesIn(ifindex, vlan)) return { ifindex, vlan }
    const place = this.placeOf(ifindex, vlan, mac)
    return place !== undefined && this.model.takesIn(place.ifindex, place.vlan) ? place : undefined
  }

  /** Returns how many MACs the bridge has on a port. */
  macsOn(ifindex: number): number {
    return this.forwarding?.countOn(ifindex) ?? 0
  }

  /** Whether it is known what the forwarding databases have. */
  get isFdbKnown(): boolean {
    return this.forwarding?.isKnown === true
  }

  /** Whether an interface of this host, anywhere, has the address. */
  ownIp(ip: string): boolean {
    return this.model.ownIp(ip)
  }

  close(): void {
    this.closed = true
    clearTimeout(this.retry)
    clearTimeout(this.mstTimer)
    this.socket.close()
    this.forwarding?.close()
  }

  private openForwarding({ log, receiveBuffer }: PortsOptions): Promise<ForwardingWatch> {
    return ForwardingWatch.open({
      log,
      isVxlan: (ifindex) => this.model.isVxlan(ifindex),
      onMoved: (place) => {
        this.moved(place)
      },
      receiveBuffer,
    })
  }

  private moved({ bridge, vlan, mac, ifindex }: FdbPlace): void {
    if (this.closed || !this.ports.has(ifindex)) return
    const vni = this.model.vniInside(bridge, vlan)
    if (vni !== undefined) this.emit('fdb', { vni, mac, ifindex, vlan: this.model.tagOf(ifindex, vlan) })
  }

  private event(message: NetlinkMessage): void {
    const decoded = decodeRouteMessage(message)
    if (decoded === undefined) return
    if (this.during !== undefined) {
      this.during.push(decoded)
      return
    }
    if (decoded.kind === 'link') this.noteLink(decoded.link, decoded.gone)
    this.model.apply(decoded)
  }

  private noteLink({ ifindex, name }: Link, gone: boolean): void {
    if (gone) (this.gone ??= new Set()).add(ifindex)
    else if (this.links.get(ifindex)?.name !== name) this.gone ??= new Set()
  }

  private lost(): void {
    this.log.warn('rtnetlink events were lost (receive buffer full), reading all links again')
    this.losses++
    if (this.during === undefined) void this.resync()
  }

  private async resync(): Promise<void> {
    clearTimeout(this.retry)
    const before = new Set(this.links.keys())
    try {
      await this.readAll()
    } catch (error) {
      if (this.closed) return
      this.log.error(`${reason(error)}; trying again in ${RETRY_MS / 1000} s`)
      this.retry = setTimeout(() => void this.resync(), RETRY_MS)
      return
    }
    this.gone = before
    this.emitChanges()
    this.emit('resync')
  }

  /** Reads links, VLANs and addresses into the model. Throws FatalError if the kernel refuses. */
  private async readAll(): Promise<void> {
    try {
      this.model.replace(await this.dumpWithoutLoss())
    } catch (error) {
      throw new FatalError(ExitCode.kernel, `rtnetlink: cannot read the links: ${reason(error)}`, { cause: error })
    } finally {
      this.during = undefined
    }
  }

  /** Returns a dump followed by the events that came during it: applied in order, they give the kernel's state. */
  private async dumpWithoutLoss(): Promise<RouteMessage[]> {
    for (;;) {
      const { losses } = this
      const during: RouteMessage[] = []
      this.during = during
      const dump = await this.dumpAll()
      if (losses === this.losses) return [...dump, ...during]
    }
  }

  private async dumpAll(): Promise<RouteMessage[]> {
    return [
      ...(await this.socket.dump(GET_LINKS, decodeRouteMessage)),
      ...(await this.socket.dump(GET_PORT_VLANS, decodeRouteMessage)),
      ...(await this.dumpVlanStates()),
      ...(await this.socket.dump(GET_ADDRESSES, decodeRouteMessage)),
    ]
  }

  /** Returns nothing if the kernel has no VLAN filtering. */
  private async dumpVlanStates(): Promise<RouteMessage[]> {
    try {
      return await this.socket.dump(GET_VLANS, decodeVlanDump)
    } catch (error) {
      // the two names are of one number
      if (this.closed || !/ENOTSUP|EOPNOTSUPP/.test(reason(error))) throw error
      return []
    }
  }

  /** The kernel does not tell when MST changes the state of VLANs. */
  private async followMst(): Promise<void> {
    try {
      if (this.model.hasMst && this.during === undefined) {
        this.model.replaceVlanStates(await this.dumpVlanStates())
        this.emitChanges()
      }
    } catch (error) {
      // it is tried again; a dump of everything may have been under way
      this.log.debug({ error: reason(error) }, 'states of VLANs not read')
    }
    if (!this.closed) this.mstTimer = setTimeout(() => void this.followMst(), MST_MS).unref()
  }

  private emitChanges(): void {
    for (const change of this.model.takeChanges()) {
      if (this.closed) return
      this.emitChange(change)
    }
    const { gone } = this
    this.gone = undefined
    if (gone !== undefined && !this.closed) this.emit('links', gone)
  }

  private emitChange(change: PortChange): void {
    switch (change.kind) {
      case 'add':
      case 'up':
      case 'down':
      case 'bridge-port':
        this.emit(change.kind, change.port)
        return
      case 'remove':
        this.emit('remove', change.port, change.reason)
        return
      case 'rename':
        this.emit('rename', change.port, change.from)
        return
      case 'vni-change':
        this.emit('vni-change')
        return
      case 'ambiguous': {
        const { bridge, vlan, devices } = change
        const frames = vlan === 0 ? 'untagged frames' : `VLAN ${vlan}`
        this.log.warn(
          `bridge ${bridge}: ${devices.join(', ')} have different VNIs for ${frames}, nothing is learned from them; keep one`,
        )
      }
    }
  }
}

function openSocket(handler: RouteSocketHandler, receiveBuffer: number | undefined): RouteSocket {
  try {
    return RouteSocket.open(GROUPS, handler, receiveBuffer)
  } catch (error) {
    throw error instanceof SystemError ? openError(error) : error
  }
}

/** What is to be done where the socket cannot be opened. */
function openError(error: SystemError): FatalError {
  const failed = `rtnetlink: ${error.message}`
  const options = { cause: error }
  switch (error.code) {
    case 'EPERM':
    case 'EACCES':
      return new FatalError(ExitCode.privilege, `${failed}: run as root or with CAP_NET_ADMIN`, options)
    case 'EAFNOSUPPORT':
    case 'EPROTONOSUPPORT':
      return new FatalError(
        ExitCode.kernel,
        `${failed}: allow AF_NETLINK (systemd: RestrictAddressFamilies=) on a kernel that has NETLINK_ROUTE`,
        options,
      )
    case 'ENOPROTOOPT':
    case 'EINVAL':
      return new FatalError(ExitCode.kernel, `${failed}: this kernel is too old, 5.15 or newer is needed`, options)
    default:
      return new FatalError(ExitCode.internal, failed, options)
  }
}
