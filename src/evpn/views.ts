// What the table needs to know of zebra's and bgpd's announcements, per VNI: gateways, local MACs and remote routes; and
// which MACs zebra has programmed as remote, as its FPM stream tells.
import type { Key } from './binding.js'

/** ZEBRA_MACIP_TYPE_STICKY and ZEBRA_MACIP_TYPE_GW (lib/zclient.h): a MAC that never moves; a default gateway's MAC-IP. */
const STICKY_FLAG = 0x01
const GATEWAY_FLAG = 0x02

/** Who announced it: a MAC-IP of zebra is local, one of bgpd behind another VTEP. */
export type Announcer = 'zebra' | 'bgpd'

/** `ip` is undefined for a MAC announced alone. A VNI that is gone takes everything in it along. */
export type ViewChange =
  | { readonly type: 'vni'; readonly vni: number; readonly gone: boolean; readonly tenantVrf: number }
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

/** A MAC of which the announcements have changed. */
export type MacKey = Omit<Key, 'ip'>

class VniViews {
  /** ifindex of the tenant's VRF device, 0 for the default VRF; undefined while zebra has not announced the VNI. */
  tenantVrf: number | undefined
  /** Gateways' MAC-IPs by announcer, MAC and IP, and how many of them have a MAC or an IP. */
  private readonly gateways = new Set<string>()
  readonly gatewayMacs = new Tally()
  readonly gatewayIps = new Tally()
  /** Sequence numbers of the MACs that zebra announced as local. */
  readonly local = new Map<string, number>()
  /** … and of those that bgpd announced alone. */
  private readonly remoteAlone = new Map<string, number>()
  /** By IP, then by MAC. */
  readonly remoteIps = new Map<string, Map<string, Remote>>()
  readonly remoteMacs = new Tally()
  /** MACs that zebra has programmed as remote, and the highest sequence number of their remote routes since. */
  readonly programmed = new Map<string, number>()

  apply(change: MacIpChange): void {
    const { by, mac, ip, gone, flags, seq } = change
    if (by === 'bgpd') {
      if (this.placeRemote(change)) this.remoteMacs.add(mac, gone ? -1 : 1)
      const programmed = this.programmed.get(mac)
      if (programmed !== undefined && !gone && seq > programmed) this.programmed.set(mac, seq)
    } else if (ip === undefined) {
      if (gone) this.local.delete(mac)
      else this.local.set(mac, seq)
    }
    const isGateway = !gone && (flags & GATEWAY_FLAG) !== 0
    if (ip !== undefined && place(this.gateways, `${by} ${mac} ${ip}`, isGateway)) {
      this.gatewayMacs.add(mac, isGateway ? 1 : -1)
      this.gatewayIps.add(ip, isGateway ? 1 : -1)
    }
  }

  /** The highest known sequence number of the MAC's remote route; 0 if there is none. */
  remoteSeq(mac: string): number {
    return this.remoteAlone.get(mac) ?? 0
  }

  /** Whether that is one route more, or one less. */
  private placeRemote({ mac, ip, gone, flags, seq }: MacIpChange): boolean {
    if (ip === undefined) {
      const known = this.remoteAlone.has(mac)
      if (gone) this.remoteAlone.delete(mac)
      else this.remoteAlone.set(mac, seq)
      return known === gone
    }
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
  private readonly byVrf = new Map<number, Set<number>>()

  isGateway({ vni, mac, ip }: Key): boolean {
    const views = this.vnis.get(vni)
    return views !== undefined && (views.gatewayMacs.has(mac) || views.gatewayIps.has(ip))
  }

  /** bgpd announced the MAC, alone or with an IP, as behind another VTEP. */
  isRemote(vni: number, mac: string): boolean {
    return this.vnis.get(vni)?.remoteMacs.has(mac) === true
  }

  /**
   * zebra has programmed the MAC as remote, and what it announces as local has no higher sequence number than that
   * remote route: it is not to be announced from here. What zebra does not announce is not announced anyway.
   */
  isWithheld(vni: number, mac: string): boolean {
    const views = this.vnis.get(vni)
    const programmed = views?.programmed.get(mac)
    const local = views?.local.get(mac)
    return programmed !== undefined && local !== undefined && local <= programmed
  }

  setProgrammed(vni: number, mac: string, remote: boolean): void {
    if (!remote) {
      this.vnis.get(vni)?.programmed.delete(mac)
      return
    }
    const views = this.of(vni)
    views.programmed.set(mac, Math.max(views.programmed.get(mac) ?? 0, views.remoteSeq(mac)))
  }

  /** Returns the MACs that were known as programmed. */
  forgetProgrammed(): MacKey[] {
    const macs: MacKey[] = []
    for (const [vni, { programmed }] of this.vnis) {
      for (const mac of programmed.keys()) macs.push({ vni, mac })
      programmed.clear()
    }
    return macs
  }

  /** VNIs of a tenant, by the ifindex of its VRF device; 0 = the default VRF. */
  vnisOfVrf(vrf: number): ReadonlySet<number> {
    return this.byVrf.get(vrf) ?? NONE
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

  /** Returns the MACs that may be withheld now, or no longer. */
  apply(change: ViewChange): Iterable<MacKey> {
    const { vni } = change
    if (change.type === 'vni') {
      this.setVrf(vni, change.gone ? undefined : change.tenantVrf)
      const views = this.vnis.get(vni)
      if (!change.gone || views === undefined) return []
      const { programmed } = views
      this.vnis.delete(vni)
      return [...programmed.keys()].map((mac) => ({ vni, mac }))
    }
    if (change.gone && !this.vnis.has(vni)) return []
    const views = this.of(vni)
    views.apply(change)
    return views.programmed.has(change.mac) ? [{ vni, mac: change.mac }] : []
  }

  /** Everything that ZAPI told; what is programmed stays. Returns the MACs of that: they may be withheld no longer. */
  clear(): MacKey[] {
    const macs: MacKey[] = []
    for (const [vni, { programmed }] of [...this.vnis]) {
      this.vnis.delete(vni)
      for (const [mac, seq] of programmed) {
        this.of(vni).programmed.set(mac, seq)
        macs.push({ vni, mac })
      }
    }
    this.byVrf.clear()
    return macs
  }

  private of(vni: number): VniViews {
    const known = this.vnis.get(vni)
    if (known !== undefined) return known
    const views = new VniViews()
    this.vnis.set(vni, views)
    return views
  }

  private setVrf(vni: number, vrf: number | undefined): void {
    const views = vrf === undefined ? this.vnis.get(vni) : this.of(vni)
    if (views === undefined) return
    if (views.tenantVrf !== undefined) {
      const others = this.byVrf.get(views.tenantVrf)
      others?.delete(vni)
      if (others?.size === 0) this.byVrf.delete(views.tenantVrf)
    }
    views.tenantVrf = vrf
    if (vrf === undefined) return
    const vnis = this.byVrf.get(vrf)
    if (vnis === undefined) this.byVrf.set(vrf, new Set([vni]))
    else vnis.add(vni)
  }
}

const NONE: ReadonlySet<number> = new Set()

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
