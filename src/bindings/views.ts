// What the table needs to know of zebra's and bgpd's announcements, per VNI: gateways, local MACs and remote routes; and
// which MACs zebra has programmed as remote, as its FPM stream tells.
import { MacIpFlag } from '../base/macip-flags.js'
import type { Key } from './model.js'

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
  /** MACs that bgpd announced alone. */
  private readonly remoteAlone = new Set<string>()
  /** By IP, then by MAC. */
  readonly remoteIps = new Map<string, Map<string, Remote>>()
  readonly remoteMacs = new Tally()
  /** The highest sequence number of a MAC's remote routes, since it has any. */
  readonly remoteSeqs = new Map<string, number>()

  apply(change: MacIpChange): void {
    const { by, mac, ip, gone, flags, seq } = change
    if (by === 'bgpd') {
      if (this.placeRemote(change)) this.remoteMacs.add(mac, gone ? -1 : 1)
      if (!gone) this.remoteSeqs.set(mac, Math.max(this.remoteSeqs.get(mac) ?? 0, seq))
      else if (!this.remoteMacs.has(mac)) this.remoteSeqs.delete(mac)
    } else if (ip === undefined) {
      if (gone) this.local.delete(mac)
      else this.local.set(mac, seq)
    }
    const isGateway = !gone && (flags & MacIpFlag.GW) !== 0
    if (ip !== undefined && anchor(this.gateways, `${by} ${mac} ${ip}`, isGateway)) {
      this.gatewayMacs.add(mac, isGateway ? 1 : -1)
      this.gatewayIps.add(ip, isGateway ? 1 : -1)
    }
  }

  /** Whether that is one route more, or one less. */
  private placeRemote({ mac, ip, gone, flags, seq }: MacIpChange): boolean {
    if (ip === undefined) return anchor(this.remoteAlone, mac, !gone)
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

/** Less than any sequence number: zebra has announced as local since what it had programmed as remote. */
const TAKEN_BACK = -1

/** As many as the FPM view has MACs. */
const MAX_PROGRAMMED = 250_000

export class AnnouncedViews {
  private readonly vnis = new Map<number, VniViews>()
  /** By VNI: MACs that zebra has programmed as remote, and the highest sequence number of their remote routes since. */
  private readonly programmed = new Map<number, Map<string, number>>()
  private programmedSize = 0
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
  isSuppressedByFpm(vni: number, mac: string): boolean {
    const programmed = this.programmed.get(vni)?.get(mac)
    const local = programmed === undefined ? undefined : this.vnis.get(vni)?.local.get(mac)
    return programmed !== undefined && local !== undefined && local <= programmed
  }

  setProgrammed(vni: number, mac: string, remote: boolean): void {
    const macs = this.programmed.get(vni)
    const known = macs?.get(mac)
    if (!remote) {
      if (macs?.delete(mac) === true) this.programmedSize -= 1
      if (macs?.size === 0) this.programmed.delete(vni)
      return
    }
    if (known === undefined) {
      if (this.programmedSize === MAX_PROGRAMMED) return
      this.programmedSize += 1
    }
    const seq = Math.max(known ?? 0, this.vnis.get(vni)?.remoteSeqs.get(mac) ?? 0)
    if (macs === undefined) this.programmed.set(vni, new Map([[mac, seq]]))
    else macs.set(mac, seq)
  }

  /** Returns the MACs that were suppressedByFpm. */
  forgetProgrammed(): MacKey[] {
    const macs = this.suppressedMacs()
    this.programmed.clear()
    this.programmedSize = 0
    return macs
  }

  /** VNIs of a tenant, by the ifindex of its VRF device; 0 = the default VRF. */
  vnisOfVrf(vrf: number): ReadonlySet<number> {
    return this.byVrf.get(vrf) ?? NONE
  }

  /**
   * The remote route that has the IP with another MAC, the one with the highest sequence number; undefined if there is
   * none, or none that can be taken over.
   */
  competingRemote({ vni, mac, ip }: Key): { readonly mac: string; readonly seq: number } | undefined {
    let best: { mac: string; seq: number } | undefined
    for (const [other, { seq, flags }] of this.vnis.get(vni)?.remoteIps.get(ip) ?? []) {
      if (other === mac) continue
      if ((flags & MacIpFlag.STICKY) !== 0 || seq === MAX_SEQ) return undefined
      if (best === undefined || seq > best.seq) best = { mac: other, seq }
    }
    return best
  }

  /** Returns the MACs that may be suppressedByFpm now, or no longer. */
  apply(change: ViewChange): Iterable<MacKey> {
    const { vni } = change
    if (change.type === 'vni') {
      this.setVrf(vni, change.gone ? undefined : change.tenantVrf)
      if (!change.gone) return []
      const macs = this.suppressedMacs(vni)
      this.vnis.delete(vni)
      // zebra forgets the MACs of a device that is gone without a word to FPM
      this.programmedSize -= this.programmed.get(vni)?.size ?? 0
      this.programmed.delete(vni)
      return macs
    }
    const views = change.gone ? this.vnis.get(vni) : this.of(vni)
    views?.apply(change)
    return this.weigh(change) ? [{ vni, mac: change.mac }] : []
  }

  /** Everything that ZAPI told; what is programmed stays. Returns the MACs that were suppressedByFpm. */
  clear(): MacKey[] {
    const macs = this.suppressedMacs()
    this.vnis.clear()
    this.byVrf.clear()
    return macs
  }

  /** What a change says of a MAC that zebra has programmed as remote; whether it is one. */
  private weigh({ by, vni, mac, ip, gone, flags, seq }: MacIpChange): boolean {
    const macs = this.programmed.get(vni)
    const programmed = macs?.get(mac)
    if (macs === undefined || programmed === undefined) return false
    if (by === 'bgpd') {
      if (!gone) macs.set(mac, (flags & MacIpFlag.SYNC_PATH) === 0 ? Math.max(programmed, seq) : TAKEN_BACK)
    } else if (ip === undefined && (gone ? !this.isRemote(vni, mac) : seq > programmed)) {
      // zebra does not unprogram a MAC that has come back, and counts from 0 again once it has forgotten it
      macs.set(mac, TAKEN_BACK)
    }
    return true
  }

  private suppressedMacs(of?: number): MacKey[] {
    const suppressedByFpm: MacKey[] = []
    for (const vni of of === undefined ? this.programmed.keys() : [of]) {
      for (const mac of this.programmed.get(vni)?.keys() ?? []) {
        if (this.isSuppressedByFpm(vni, mac)) suppressedByFpm.push({ vni, mac })
      }
    }
    return suppressedByFpm
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
function anchor(set: Set<string>, name: string, present: boolean): boolean {
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
