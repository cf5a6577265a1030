// What zebra announced (live VNIs, local MACs and MAC-IPs) and what bgpd announced (remote MACs, MAC-IPs and VTEPs).
import { MacIpFlag } from '../../base/macip-flags.js'
import { ZERO_ESI } from '../../zapi/messages/macip.js'
import type { VniAdd } from '../../zapi/messages/vni.js'
import type { RemoteVtep } from '../../zapi/messages/vtep.js'
import type { BgpMessage, ZebraMessage } from '../../zapi/evpn-codec.js'

/** Attributes of a MAC or MAC-IP as MACIP_ADD carries them. `esi`: 10 bytes. */
export type Attributes = { readonly flags: number; readonly seq: number; readonly esi: Buffer }

export const sameAttributes = (a: Attributes, b: Attributes): boolean =>
  a.flags === b.flags && a.seq === b.seq && a.esi.equals(b.esi)

export const sameAsAdvertised = (advertised: Attributes | undefined, attributes: Attributes): boolean =>
  advertised !== undefined && sameAttributes(advertised, attributes)

/** A sticky MAC is announced with sequence number 0: with a higher one, bgpd would announce it as not sticky. */
export const isSticky = ({ flags }: Pick<Attributes, 'flags'>): boolean => (flags & MacIpFlag.STICKY) !== 0

/**
 * zebra has not verified the host itself: it announces what another node of the Ethernet segment says
 * (draft-rbickhart-evpn-ip-mac-proxy-adv).
 */
export const isProxy = ({ flags }: Pick<Attributes, 'flags'>): boolean => (flags & MacIpFlag.PROXY_ADVERT) !== 0

/** A MAC or MAC-IP of another node, behind `vtep`. */
export type Remote = { readonly vtep: string; readonly flags: number; readonly seq: number }

/** The other node has it behind an Ethernet segment of this one (SYNC_PATH): the host is local, too. */
export const isSynced = ({ flags }: Pick<Remote, 'flags'>): boolean => (flags & MacIpFlag.SYNC_PATH) !== 0

/** Entries of one VNI that are known by IP and MAC: by IP, then by MAC. */
export type ByIp<T> = Map<string, Map<string, T>>

/** No decision depends on VTEPs: further ones are only counted. A fabric of 1,000 VNIs and 200 VTEPs has fewer. */
export const MAX_VTEPS = 250_000

/** Everything known of one VNI. */
export class VniView {
  /** zebra's VNI_ADD while it stands: the VNI is live. `vrf`: the header's, that of bgpd's EVPN instance. */
  announced: { readonly vrf: number; readonly body: VniAdd } | undefined
  /** MACs that zebra announces as local. */
  readonly macs = new Map<string, Attributes>()
  /** zebra's own MAC-IPs. */
  readonly macIps: ByIp<Attributes> = new Map()
  /** What other nodes announce, also of hosts on an Ethernet segment of this one (`isSynced`). */
  readonly remoteMacs = new Map<string, Remote>()
  readonly remoteMacIps: ByIp<Remote> = new Map()
  /** VTEPs to flood to, with enum vxlan_flood_control. */
  readonly vteps = new Map<string, number>()
  /** IPs of zebra's own MAC-IPs by MAC, made when first needed, which is so in few VNIs. */
  private ipsByMac: Map<string, Set<string>> | undefined

  /** IPs of zebra's own MAC-IPs of a MAC. */
  ipsOf(mac: string): ReadonlySet<string> {
    if (this.ipsByMac === undefined) {
      this.ipsByMac = new Map()
      for (const [ip, byMac] of this.macIps) for (const owner of byMac.keys()) addTo(this.ipsByMac, owner, ip)
    }
    return this.ipsByMac.get(mac) ?? NO_IPS
  }

  addMacIp(mac: string, ip: string, attributes: Attributes): void {
    setByIp(this.macIps, ip, mac, attributes)
    if (this.ipsByMac !== undefined) addTo(this.ipsByMac, mac, ip)
  }

  deleteMacIp(mac: string, ip: string): void {
    deleteByIp(this.macIps, ip, mac)
    const ips = this.ipsByMac?.get(mac)
    if (ips?.delete(ip) === true && ips.size === 0) this.ipsByMac?.delete(mac)
  }
}

const NO_IPS: ReadonlySet<string> = new Set()

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}

export class Views {
  private readonly byVni = new Map<number, VniView>()
  private vtepCount = 0
  /** How many VTEPs were left out because of MAX_VTEPS. */
  vtepsLeftOut = 0

  get(vni: number): VniView | undefined {
    return this.byVni.get(vni)
  }

  entries(): IterableIterator<[number, VniView]> {
    return this.byVni.entries()
  }

  clear(): void {
    this.byVni.clear()
    this.vtepCount = 0
  }

  applyZebra(message: ZebraMessage): void {
    switch (message.command) {
      case 'ZEBRA_VNI_ADD':
        this.vni(message.body.vni).announced = { vrf: message.vrf, body: message.body }
        return
      case 'ZEBRA_VNI_DEL':
        // implies the deletion of every MAC and remote entry of the VNI, on both sides
        this.vtepCount -= this.byVni.get(message.body.vni)?.vteps.size ?? 0
        this.byVni.delete(message.body.vni)
        return
      case 'ZEBRA_MACIP_ADD': {
        const { vni, mac, ip, flags, seq, esi } = message.body
        const view = this.vni(vni)
        if (ip === undefined) view.macs.set(mac, { flags, seq, esi })
        else view.addMacIp(mac, ip, { flags, seq, esi })
        return
      }
      case 'ZEBRA_MACIP_DEL': {
        const { vni, mac, ip } = message.body
        const view = this.byVni.get(vni)
        if (view === undefined) return
        if (ip === undefined) view.macs.delete(mac)
        else view.deleteMacIp(mac, ip)
        return
      }
    }
  }

  /**
   * Returns the message that this one implies: the IP does not have its former MAC any more. zebra keeps one neighbour for an
   * IP of other nodes; so bgpd does not take the former one back, from FRR 8.5 on, where its routes are by IP as well.
   */
  applyBgpd(message: BgpMessage): BgpMessage | undefined {
    switch (message.command) {
      case 'ZEBRA_ADVERTISE_ALL_VNI':
        // zebra forgets all VNIs and sends no VNI_DEL; bgpd cleans up by itself
        if (message.body.advertise === 0) this.clear()
        return undefined
      case 'ZEBRA_REMOTE_MACIP_ADD':
        return this.addRemote(message)
      case 'ZEBRA_REMOTE_MACIP_DEL':
        this.deleteRemote(message.body)
        return undefined
      case 'ZEBRA_REMOTE_VTEP_ADD':
        for (const vtep of [message.body, ...message.body.more]) this.addVtep(vtep)
        return undefined
      case 'ZEBRA_REMOTE_VTEP_DEL':
        for (const { vni, vtep } of [message.body, ...message.body.more]) {
          if (this.byVni.get(vni)?.vteps.delete(vtep) === true) this.vtepCount--
        }
        return undefined
    }
  }

  /** Whether bgpd has announced the MAC, or the MAC-IP, as another node's. */
  isRemote({ vni, mac, ip }: { vni: number; mac: string; ip: string | undefined }): boolean {
    const view = this.byVni.get(vni)
    return (ip === undefined ? view?.remoteMacs.has(mac) : view?.remoteMacIps.get(ip)?.has(mac)) === true
  }

  private addRemote({ vrf, body }: Extract<BgpMessage, { command: 'ZEBRA_REMOTE_MACIP_ADD' }>): BgpMessage | undefined {
    const { vni, mac, ip, vtep, flags, seq } = body
    const { remoteMacs, remoteMacIps } = this.vni(vni)
    if (ip === undefined) {
      remoteMacs.set(mac, { vtep, flags, seq })
      return undefined
    }
    const [former] = remoteMacIps.get(ip) ?? []
    remoteMacIps.set(ip, new Map([[mac, { vtep, flags, seq }]]))
    if (former === undefined || former[0] === mac) return undefined
    return { command: 'ZEBRA_REMOTE_MACIP_DEL', vrf, body: { vni, mac: former[0], ip, vtep: former[1].vtep } }
  }

  private deleteRemote({ vni, mac, ip }: { vni: number; mac: string; ip: string | undefined }): void {
    const view = this.byVni.get(vni)
    if (view === undefined) return
    if (ip === undefined) view.remoteMacs.delete(mac)
    else deleteByIp(view.remoteMacIps, ip, mac)
  }

  private addVtep({ vni, vtep, floodControl }: Omit<RemoteVtep, 'more'>): void {
    if (this.byVni.get(vni)?.vteps.has(vtep) !== true) {
      if (this.vtepCount === MAX_VTEPS) {
        this.vtepsLeftOut++
        return
      }
      this.vtepCount++
    }
    this.vni(vni).vteps.set(vtep, floodControl)
  }

  private vni(vni: number): VniView {
    const known = this.byVni.get(vni)
    if (known !== undefined) return known
    const view = new VniView()
    this.byVni.set(vni, view)
    return view
  }
}

export function setByIp<T>(entries: ByIp<T>, ip: string, mac: string, value: T): void {
  const byMac = entries.get(ip)
  if (byMac === undefined) entries.set(ip, new Map([[mac, value]]))
  else byMac.set(mac, value)
}

export function deleteByIp(entries: ByIp<unknown>, ip: string, mac: string): void {
  const byMac = entries.get(ip)
  byMac?.delete(mac)
  if (byMac?.size === 0) entries.delete(ip)
}

/** The views as messages of zebra and bgpd that lead to them. */
export function* viewMessages(views: Views): Generator<ZebraMessage | BgpMessage> {
  for (const [vni, { announced, macs, macIps, remoteMacs, remoteMacIps, vteps }] of views.entries()) {
    const vrf = announced?.vrf ?? 0
    if (announced !== undefined) yield { command: 'ZEBRA_VNI_ADD', ...announced }
    for (const [mac, attributes] of macs) {
      yield { command: 'ZEBRA_MACIP_ADD', vrf, body: { vni, mac, ip: undefined, ...attributes } }
    }
    for (const [mac, remote] of remoteMacs) {
      yield { command: 'ZEBRA_REMOTE_MACIP_ADD', vrf, body: { vni, mac, ip: undefined, ...remote, esi: ZERO_ESI } }
    }
    for (const { mac, ip, value } of eachByIp(macIps)) {
      yield { command: 'ZEBRA_MACIP_ADD', vrf, body: { vni, mac, ip, ...value } }
    }
    for (const { mac, ip, value } of eachByIp(remoteMacIps)) {
      yield { command: 'ZEBRA_REMOTE_MACIP_ADD', vrf, body: { vni, mac, ip, ...value, esi: ZERO_ESI } }
    }
    for (const [vtep, floodControl] of vteps) {
      yield { command: 'ZEBRA_REMOTE_VTEP_ADD', vrf, body: { vni, vtep, floodControl, more: [] } }
    }
  }
}

export function* eachByIp<T>(entries: ByIp<T>): Generator<{ mac: string; ip: string; value: T }> {
  for (const [ip, byMac] of entries) for (const [mac, value] of byMac) yield { mac, ip, value }
}
