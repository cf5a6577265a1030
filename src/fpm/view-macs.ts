// The remote MACs as zebra programs them, by VXLAN device and VLAN.
import type { FpmMac } from './message.js'
import type { Heard, SyncState } from './sync-state.js'
import { update, type Update } from './update.js'

export type RemoteMac = Readonly<Heard> & {
  readonly mac: string
  /** Index of the VXLAN device. */
  readonly ifindex: number
  /** undefined on a bridge without VLAN filtering. */
  readonly vlan: number | undefined
  /** undefined if neither zebra (dplane_fpm_nl before 9.0) nor the kernel gives it. */
  readonly vni: number | undefined
  /** undefined if the MAC is behind an Ethernet segment, which `nexthopId` identifies. */
  readonly vtep: string | undefined
  /** Id of a nexthop group, which zebra does not export. */
  readonly nexthopId: number | undefined
  readonly sticky: boolean
  /** True if it is certainly the router MAC of the VTEP; see FpmView.isRouterMac. */
  readonly router: boolean
}

export type MacChange = { type: 'mac'; update: Update; mac: RemoteMac }

/** The bridge domain of a MAC, by zebra's name (the VNI) or by the kernel's. */
export type MacDomain = { vni: number } | { ifindex: number; vlan?: number | undefined }

/** Returns the VNI of a VXLAN device, or of a VLAN if the device carries many: zebra does not always give it. */
export type VniOf = (ifindex: number, vlan: number) => number | undefined

type Device = { vni: number | undefined; readonly macs: Map<string, RemoteMac> }

const deviceKey = (ifindex: number, vlan = 0): number => ifindex * 0x10000 + vlan

export class MacTable {
  private readonly devices = new Map<number, Device>()
  private readonly devicesOfVni = new Map<number, Set<number>>()
  size = 0
  /** Number of MACs that were not kept because of the limit. */
  leftOut = 0

  constructor(
    private readonly syncState: SyncState,
    private readonly limit: number,
    private readonly changed: (change: MacChange) => void,
    private readonly vniOf: VniOf,
  ) {}

  /** Looks the MAC up on the given device, or on every device that zebra says has this VNI. */
  find(domain: MacDomain, mac: string): RemoteMac | undefined {
    if ('ifindex' in domain) return this.devices.get(deviceKey(domain.ifindex, domain.vlan))?.macs.get(mac)
    let best: RemoteMac | undefined
    for (const key of this.devicesOfVni.get(domain.vni) ?? []) {
      const found = this.devices.get(key)?.macs.get(mac)
      if (found !== undefined && (best === undefined || found.at > best.at)) best = found
    }
    return best
  }

  *all(): Generator<RemoteMac> {
    for (const { macs } of this.devices.values()) yield* macs.values()
  }

  add(message: FpmMac, heard: Heard): void {
    const { mac, ifindex, vlan, dst, nexthopId, sticky } = message
    const key = deviceKey(ifindex, vlan)
    const known = this.devices.get(key)
    const before = known?.macs.get(mac)
    if (before === undefined && this.size === this.limit) {
      this.leftOut++
      return
    }
    const device = known ?? this.addDevice(key)
    const vni = message.vni ?? message.srcVni ?? this.vniOf(ifindex, vlan ?? 0)
    if (vni !== undefined) this.nameDevice(key, device, vni)
    // the mark is kept, since later updates of a router MAC look like those of any other
    const router = message.router || before?.router === true
    const entry = { mac, ifindex, vlan, vni: vni ?? device.vni, vtep: dst, nexthopId, sticky, router, ...heard }
    const same = before !== undefined && sameMac(before, entry)
    const what = update(before, same, this.syncState)
    device.macs.set(mac, entry)
    if (before === undefined) this.size++
    if (what !== undefined) this.changed({ type: 'mac', update: what, mac: entry })
  }

  remove({ mac, ifindex, vlan }: Pick<FpmMac, 'mac' | 'ifindex' | 'vlan'>): void {
    const key = deviceKey(ifindex, vlan)
    const device = this.devices.get(key)
    const entry = device?.macs.get(mac)
    if (device !== undefined && entry !== undefined) this.drop(key, device, entry)
  }

  removeIf(test: (entry: RemoteMac) => boolean): void {
    for (const [key, device] of this.devices)
      for (const entry of device.macs.values()) if (test(entry)) this.drop(key, device, entry)
  }

  private drop(key: number, device: Device, entry: RemoteMac): void {
    device.macs.delete(entry.mac)
    this.size--
    if (device.macs.size === 0) {
      this.unnameDevice(key, device)
      this.devices.delete(key)
    }
    this.changed({ type: 'mac', update: 'removed', mac: entry })
  }

  private addDevice(key: number): Device {
    const device: Device = { vni: undefined, macs: new Map() }
    this.devices.set(key, device)
    return device
  }

  private nameDevice(key: number, device: Device, vni: number): void {
    if (device.vni === vni) return
    this.unnameDevice(key, device)
    device.vni = vni
    const keys = this.devicesOfVni.get(vni)
    if (keys === undefined) this.devicesOfVni.set(vni, new Set([key]))
    else keys.add(key)
  }

  private unnameDevice(key: number, { vni }: Device): void {
    if (vni === undefined) return
    const keys = this.devicesOfVni.get(vni)
    if (keys?.delete(key) && keys.size === 0) this.devicesOfVni.delete(vni)
  }
}

const sameMac = (a: RemoteMac, b: RemoteMac): boolean =>
  a.vtep === b.vtep && a.vni === b.vni && a.nexthopId === b.nexthopId && a.sticky === b.sticky && a.router === b.router
