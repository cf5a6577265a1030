// zebra's and bgpd's announcements as far as the table needs them, per VNI: gateways, local MACs and remote routes; and
// the MACs that zebra has programmed as remote, according to its FPM stream.
import { MacIpFlag } from '../base/macip-flags.js'
import type { Key } from './model.js'

/** The origin of an announcement: zebra announces local MAC-IPs, bgpd those behind other VTEPs. */
export type Announcer = 'zebra' | 'bgpd'

/** `ip` is undefined for a MAC announced alone. When a VNI goes, all its MACs and routes go with it. */
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

/** The route is that of a host on an Ethernet segment that this node has, too. */
const isSynced = (flags: number): boolean => (flags & MacIpFlag.SYNC_PATH) !== 0

/** The node that announces it has not heard the host. */
const isProxy = (flags: number): boolean => (flags & MacIpFlag.PROXY_ADVERT) !== 0

/** A MAC whose announcements have changed. */
export type MacKey = Omit<Key, 'ip'>

class VniViews {
  /** ifindex of the tenant's VRF device, 0 = the default VRF; undefined until zebra announces the VNI. */
  tenantVrf: number | undefined
  /** MAC-IPs of gateways, by announcer, MAC and IP, and how many of them use each MAC and each IP. */
  private readonly gateways = new Set<string>()
  readonly gatewayMacs = new Tally()
  readonly gatewayIps = new Tally()
  /** Sequence numbers of the MACs that zebra announced as local. */
  readonly local = new Map<string, number>()
  /** MACs that bgpd announced without an IP, and flags. */
  private readonly remoteAlone = new Map<string, number>()
  /** IP → MAC → remote route. */
  readonly remoteIps = new Map<string, Map<string, Remote>>()
  /** The same of what zebra announces only because another node of an Ethernet segment does. */
  readonly proxiedIps = new Map<string, Map<string, Remote>>()
  /** MAC → the IPs of its remote routes; most MACs have one, which is no array then. */
  private readonly ipsOfMac = new Map<string, string | readonly string[]>()
  readonly remoteMacs = new Tally()
  /** The same without the routes that other nodes of a segment of this one have: their hosts are here as well. */
  readonly elsewhere = new Tally()
  /** The highest sequence number of a MAC's remote routes since the MAC has had any. */
  readonly remoteSeqs = new Map<string, number>()

  apply(change: MacIpChange): void {
    const { by, mac, ip, gone, flags, seq } = change
    if (by === 'bgpd') {
      const wasElsewhere = this.isElsewhere(mac, ip)
      if (this.setRemote(change)) this.remoteMacs.add(mac, gone ? -1 : 1)
      const isElsewhere = this.isElsewhere(mac, ip)
      if (isElsewhere !== wasElsewhere) this.elsewhere.add(mac, isElsewhere ? 1 : -1)
      if (!gone) this.remoteSeqs.set(mac, Math.max(this.remoteSeqs.get(mac) ?? 0, seq))
      else if (!this.remoteMacs.has(mac)) this.remoteSeqs.delete(mac)
    } else if (ip === undefined) {
      if (gone) this.local.delete(mac)
      else this.local.set(mac, seq)
    } else setByIp(this.proxiedIps, mac, ip, !gone && isProxy(flags) ? { seq, flags } : undefined)
    const isGateway = !gone && (flags & MacIpFlag.GW) !== 0
    if (ip !== undefined && setPresent(this.gateways, `${by} ${mac} ${ip}`, isGateway)) {
      this.gatewayMacs.add(mac, isGateway ? 1 : -1)
      this.gatewayIps.add(ip, isGateway ? 1 : -1)
    }
  }

  /** Adds or removes a remote route; returns whether the number of routes changed. */
  private setRemote({ mac, ip, gone, flags, seq }: MacIpChange): boolean {
    if (ip === undefined) {
      const wasThere = this.remoteAlone.has(mac)
      if (gone) this.remoteAlone.delete(mac)
      else this.remoteAlone.set(mac, flags)
      return wasThere === gone
    }
    const known = this.remoteIps.get(ip)?.has(mac) === true
    if (known === gone) this.indexIp(mac, ip, gone)
    setByIp(this.remoteIps, mac, ip, gone ? undefined : { seq, flags })
    return known === gone
  }

  /** What other nodes announce the MAC alone or with an IP with; undefined if none does. */
  flagsOf(mac: string, ip: string | undefined): number | undefined {
    return ip === undefined ? this.remoteAlone.get(mac) : this.remoteIps.get(ip)?.get(mac)?.flags
  }

  private isElsewhere(mac: string, ip: string | undefined): boolean {
    const flags = this.flagsOf(mac, ip)
    return flags !== undefined && !isSynced(flags)
  }

  /** IPs of the MAC's remote routes. */
  ipsOf(mac: string): readonly string[] {
    const ips = this.ipsOfMac.get(mac) ?? []
    return typeof ips === 'string' ? [ips] : ips
  }

  private indexIp(mac: string, ip: string, gone: boolean): void {
    const before = this.ipsOf(mac)
    const after = gone ? before.filter((it) => it !== ip) : [...before, ip]
    const [only] = after
    if (only === undefined) this.ipsOfMac.delete(mac)
    else this.ipsOfMac.set(mac, after.length === 1 ? only : after)
  }
}

/** Sequence numbers are u32, so a route with the highest one cannot be overtaken. */
const MAX_SEQ = 0xffff_ffff

/** Lower than any sequence number: zebra has announced the MAC as local after it had programmed it as remote. */
const TAKEN_BACK = -1

/** The FPM view keeps at most this many MACs, too. */
const MAX_PROGRAMMED = 250_000

export class AnnouncedViews {
  private readonly vnis = new Map<number, VniViews>()
  /** VNI → MACs that zebra has programmed as remote → the highest sequence number of their remote routes since. */
  private readonly programmed = new Map<number, Map<string, number>>()
  private programmedSize = 0
  private readonly byVrf = new Map<number, Set<number>>()

  isGateway({ vni, mac, ip }: Key): boolean {
    const views = this.vnis.get(vni)
    return views !== undefined && (views.gatewayMacs.has(mac) || views.gatewayIps.has(ip))
  }

  /** bgpd announced the MAC, alone or with an IP, as behind another VTEP, and not behind a segment of this node. */
  isRemote(vni: number, mac: string): boolean {
    return this.vnis.get(vni)?.elsewhere.has(mac) === true
  }

  /** Exactly this MAC and IP is announced for another node of an Ethernet segment that this node has, too. */
  isSyncedRoute({ vni, mac, ip }: Key): boolean {
    const views = this.vnis.get(vni)
    return isSynced(views?.flagsOf(mac, ip) ?? 0) || views?.proxiedIps.get(ip)?.has(mac) === true
  }

  /** Another node has the MAC behind an Ethernet segment that this node has, too. */
  isOnSegment({ vni, mac, ip }: Key): boolean {
    return this.isSyncedRoute({ vni, mac, ip }) || isSynced(this.vnis.get(vni)?.flagsOf(mac, undefined) ?? 0)
  }

  /** Another node of an Ethernet segment announces exactly this MAC and IP, and has heard the host. */
  isHeardByPeer({ vni, mac, ip }: Key): boolean {
    const flags = this.vnis.get(vni)?.flagsOf(mac, ip) ?? 0
    return isSynced(flags) && !isProxy(flags)
  }

  /**
   * Whether zebra has programmed the MAC as remote and has not announced it as local with a higher sequence number than
   * that of the remote route. Such a MAC must not be announced from here; one that zebra does not announce never is.
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

  /** Forgets what FPM said. Returns the MACs that were suppressed by it. */
  forgetProgrammed(): MacKey[] {
    const macs = this.suppressedMacs()
    this.programmed.clear()
    this.programmedSize = 0
    return macs
  }

  /** Returns the VNIs of a tenant by the ifindex of its VRF device; 0 = the default VRF. */
  vnisOfVrf(vrf: number): ReadonlySet<number> {
    return this.byVrf.get(vrf) ?? NONE
  }

  /** IPs with which bgpd announced the MAC as behind another VTEP. */
  remoteIpsOf(vni: number, mac: string): readonly string[] {
    return this.vnis.get(vni)?.ipsOf(mac) ?? []
  }

  /** Exactly this MAC and IP is announced as behind another VTEP, or for another node of an Ethernet segment. */
  isRemoteRoute(key: Key): boolean {
    return this.vnis.get(key.vni)?.flagsOf(key.mac, key.ip) !== undefined || this.isSyncedRoute(key)
  }

  /**
   * Returns the remote route with the highest sequence number that has the IP with another MAC; undefined if there is
   * none, or if it cannot be overtaken. Its host may be on an Ethernet segment of this node. What zebra announces for
   * another node of the segment counts, too: zebra keeps it after the other node's route has gone.
   */
  competingRemote({ vni, mac, ip }: Key): { readonly mac: string; readonly seq: number } | undefined {
    let best: { mac: string; seq: number } | undefined
    const views = this.vnis.get(vni)
    for (const routes of [views?.remoteIps.get(ip), views?.proxiedIps.get(ip)]) {
      for (const [other, { seq, flags }] of routes ?? []) {
        if (other === mac) continue
        if ((flags & MacIpFlag.STICKY) !== 0 || seq === MAX_SEQ) return undefined
        if (best === undefined || seq > best.seq) best = { mac: other, seq }
      }
    }
    return best
  }

  /** Applies a change. Returns the MACs whose suppression by FPM may have changed. */
  apply(change: ViewChange): Iterable<MacKey> {
    const { vni } = change
    if (change.type === 'vni') {
      this.setVrf(vni, change.gone ? undefined : change.tenantVrf)
      if (!change.gone) return []
      const macs = this.suppressedMacs(vni)
      this.vnis.delete(vni)
      // when a device goes, zebra forgets its MACs without a message to FPM
      this.programmedSize -= this.programmed.get(vni)?.size ?? 0
      this.programmed.delete(vni)
      return macs
    }
    const views = change.gone ? this.vnis.get(vni) : this.of(vni)
    views?.apply(change)
    return this.weigh(change) ? [{ vni, mac: change.mac }] : []
  }

  /** Forgets what ZAPI said, but not what FPM said. Returns the MACs that were suppressed by FPM. */
  clear(): MacKey[] {
    const macs = this.suppressedMacs()
    this.vnis.clear()
    this.byVrf.clear()
    return macs
  }

  /** Updates a MAC that zebra has programmed as remote; returns whether it is such a MAC. */
  private weigh({ by, vni, mac, ip, gone, flags, seq }: MacIpChange): boolean {
    const macs = this.programmed.get(vni)
    const programmed = macs?.get(mac)
    if (macs === undefined || programmed === undefined) return false
    if (by === 'bgpd') {
      if (!gone) macs.set(mac, (flags & MacIpFlag.SYNC_PATH) === 0 ? Math.max(programmed, seq) : TAKEN_BACK)
    } else if (ip === undefined && (gone ? !this.hasRoutes(vni, mac) : seq > programmed)) {
      // zebra does not unprogram a MAC that came back, and restarts its sequence at 0 once it has forgotten the MAC
      macs.set(mac, TAKEN_BACK)
    }
    return true
  }

  private hasRoutes(vni: number, mac: string): boolean {
    return this.vnis.get(vni)?.remoteMacs.has(mac) === true
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

/** Sets what is announced of an IP with a MAC; undefined removes it. */
function setByIp(routes: Map<string, Map<string, Remote>>, mac: string, ip: string, route: Remote | undefined): void {
  const ofIp = routes.get(ip)
  if (route === undefined) {
    ofIp?.delete(mac)
    if (ofIp?.size === 0) routes.delete(ip)
  } else if (ofIp === undefined) routes.set(ip, new Map([[mac, route]]))
  else ofIp.set(mac, route)
}

/** Adds `name` to the set or removes it; returns whether the set changed. */
function setPresent(set: Set<string>, name: string, present: boolean): boolean {
  if (set.has(name) === present) return false
  if (present) set.add(name)
  else set.delete(name)
  return true
}

/** Counts how many times each key was added. */
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
