// What the table needs to know of zebra's and bgpd's announcements, per VNI: gateways and remote routes.
import type { Key } from './binding.js'

/** ZEBRA_MACIP_TYPE_STICKY and ZEBRA_MACIP_TYPE_GW (lib/zclient.h): a MAC that never moves; a default gateway's MAC-IP. */
const STICKY_FLAG = 0x01
const GATEWAY_FLAG = 0x02

/** Who announced it: a MAC-IP of zebra is local, one of bgpd behind another VTEP. */
export type Announcer = 'zebra' | 'bgpd'

/** `ip` is undefined for a MAC announced alone. A VNI that is gone takes everything in it along. */
export type ViewChange =
  | { readonly type: 'vni'; readonly vni: number; readonly gone: boolean }
  | {
      readonly type: 'macip'
      readonly by: Announcer
      readonly vni: number
      readonly mac: string
      readonly ip: string | undefined
      readonly gone: boolean
      readonly flags: number
      readonly seq: number
    }

type MacIpChange = Extract<ViewChange, { type: 'macip' }>
type Remote = { readonly seq: number; readonly flags: number }

class VniViews {
  /** Gateways' MAC-IPs by announcer, MAC and IP, and how many of them have a MAC or an IP. */
  private readonly gateways = new Set<string>()
  readonly gatewayMacs = new Tally()
  readonly gatewayIps = new Tally()
  /** MACs that bgpd announced alone. */
  private readonly remoteAlone = new Set<string>()
  /** By IP, then by MAC. */
  readonly remoteIps = new Map<string, Map<string, Remote>>()
  readonly remoteMacs = new Tally()

  apply(change: MacIpChange): void {
    const { by, mac, ip, gone, flags } = change
    if (by === 'bgpd' && this.placeRemote(change)) this.remoteMacs.add(mac, gone ? -1 : 1)
    const isGateway = !gone && (flags & GATEWAY_FLAG) !== 0
    if (ip !== undefined && place(this.gateways, `${by} ${mac} ${ip}`, isGateway)) {
      this.gatewayMacs.add(mac, isGateway ? 1 : -1)
      this.gatewayIps.add(ip, isGateway ? 1 : -1)
    }
  }

  /** Whether that is one route more, or one less. */
  private placeRemote({ mac, ip, gone, flags, seq }: MacIpChange): boolean {
    if (ip === undefined) return place(this.remoteAlone, mac, !gone)
    const ofIp = this.remoteIps.get(ip)
    const known = ofIp?.has(mac) === true
    if (gone) {
      ofIp?.delete(mac)
      if (ofIp?.size === 0) this.remoteIps.delete(ip)
      return known
    }
    if (ofIp === undefined) this.remoteIps.set(ip, new Map([[mac, { seq, flags }]]))
    else ofIp.set(mac, { seq, flags })
    return !known
  }
}

/** Sequence numbers are u32; from the last one nothing can be taken over. */
const MAX_SEQ = 0xffff_ffff

export class Views {
  private readonly vnis = new Map<number, VniViews>()

  isGateway({ vni, mac, ip }: Key): boolean {
    const views = this.vnis.get(vni)
    return views !== undefined && (views.gatewayMacs.has(mac) || views.gatewayIps.has(ip))
  }

  /** bgpd announced the MAC, alone or with an IP, as behind another VTEP. */
  isRemote(vni: number, mac: string): boolean {
    return this.vnis.get(vni)?.remoteMacs.has(mac) === true
  }

  /**
   * The remote route that has the IP with another MAC, the one with the highest sequence number; undefined if there is
   * none, or none that can be overtaken.
   */
  rival({ vni, mac, ip }: Key): { readonly mac: string; readonly seq: number } | undefined {
    let best: { mac: string; seq: number } | undefined
    for (const [other, { seq, flags }] of this.vnis.get(vni)?.remoteIps.get(ip) ?? []) {
      if (other === mac) continue
      if ((flags & STICKY_FLAG) !== 0 || seq === MAX_SEQ) return undefined
      if (best === undefined || seq > best.seq) best = { mac: other, seq }
    }
    return best
  }

  apply(change: ViewChange): void {
    if (change.type === 'vni') {
      if (change.gone) this.vnis.delete(change.vni)
      return
    }
    let views = this.vnis.get(change.vni)
    if (views === undefined) {
      if (change.gone) return
      views = new VniViews()
      this.vnis.set(change.vni, views)
    }
    views.apply(change)
  }

  clear(): void {
    this.vnis.clear()
  }
}

/** Puts `name` in or takes it out; whether that changed anything. */
function place(set: Set<string>, name: string, present: boolean): boolean {
  if (set.has(name) === present) return false
  if (present) set.add(name)
  else set.delete(name)
  return true
}

/** How many times something is there. */
class Tally {
  private readonly counts = new Map<string, number>()

  has(name: string): boolean {
    return this.counts.has(name)
  }

  add(name: string, by: 1 | -1): void {
    const count = (this.counts.get(name) ?? 0) + by
    if (count === 0) this.counts.delete(name)
    else this.counts.set(name, count)
  }
}
