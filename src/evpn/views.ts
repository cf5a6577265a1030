// What the table needs to know of zebra's and bgpd's announcements, per VNI: gateways and remote MACs.
import type { Key } from './binding.js'

/** ZEBRA_MACIP_TYPE_GW (lib/zclient.h): the MAC-IP is a default gateway's. */
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
      /** MAC mobility sequence number. */
      readonly seq: number
    }

type MacIpChange = Extract<ViewChange, { type: 'macip' }>

class VniViews {
  /** Gateways' MAC-IPs by announcer, MAC and IP, and how many of them have a MAC or an IP. */
  private readonly gateways = new Set<string>()
  readonly gatewayMacs = new Tally()
  readonly gatewayIps = new Tally()
  private readonly remotes = new Set<string>()
  readonly remoteMacs = new Tally()

  apply({ by, mac, ip, gone, flags }: MacIpChange): void {
    const name = `${by} ${mac} ${ip ?? ''}`
    if (by === 'bgpd' && place(this.remotes, name, !gone)) this.remoteMacs.add(mac, gone ? -1 : 1)
    const isGateway = !gone && (flags & GATEWAY_FLAG) !== 0
    if (ip !== undefined && place(this.gateways, name, isGateway)) {
      this.gatewayMacs.add(mac, isGateway ? 1 : -1)
      this.gatewayIps.add(ip, isGateway ? 1 : -1)
    }
  }
}

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
