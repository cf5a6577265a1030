// MAC-IPs to announce besides zebra's own. What bgpd is told is the union of both, and zebra's wins; this file decides,
// it sends nothing itself.
import { Items, type Key } from './items.js'
import { MacIpFlag, NeighState } from './messages/macip.js'
import { type Attributes, type VniView, type Views, sameAttributes } from './views.js'
import type { BgpMessage, ZebraMessage } from './watch.js'

/** An entry as the snooper gave it; what the overlay does not use is handed back as it came. */
export type OverlayEntry = Key & {
  readonly router: boolean
  readonly port: string
  readonly vlan: number
  /** Milliseconds since the epoch. */
  readonly firstSeen: number
  readonly lastSeen: number
}

/** A message to add to zebra's stream. */
export type Injection = Extract<ZebraMessage, { command: 'ZEBRA_MACIP_ADD' | 'ZEBRA_MACIP_DEL' }>

/** What bgpd believes of a key, and from whom: an entry of ours is never passed off as zebra's or the other way round. */
type Told = { readonly by: 'zebra' | 'us'; readonly attributes: Attributes }

/** What became of an entry, and the sequence number bgpd has for it. */
export type Report = { readonly status: Status; readonly seq: number }

type Item = { entry: OverlayEntry; told: Told | undefined; removed: boolean; reported: Report | undefined }

/** Something bgpd was told in a session that has ended. */
type Remembered = { vni: number; vrf: number; mac: string; ip: string | undefined }

/** Why nothing may be injected at all. */
export type Gate = 'open' | 'no-session' | 'line-uncertain'

/** What becomes of an entry at this moment. */
export type Status =
  | 'announced'
  /** zebra announces the same entry itself. */
  | 'shadowed'
  | 'no-session'
  | 'line-uncertain'
  /** zebra has not announced the VNI. */
  | 'vni-not-live'
  /** zebra does not announce the MAC as local in the VNI. */
  | 'mac-not-local'
  /** bgpd has a remote route for the MAC or the IP that wins. */
  | 'remote'
  /** Another MAC is announced with the IP. */
  | 'ip-conflict'

/** How long zebra may take to say all it has in a new session; it does not say when it is done. */
export const SETTLE_MS = 30_000

export class Overlay {
  private readonly items = new Items<Item>()
  /** Items whose announcement or status may have to change. */
  private readonly dirty = new Set<Item>()
  private readonly reports = new Set<Item>()
  private gate: Gate = 'no-session'
  /** What bgpd was told in earlier sessions; zebra says nothing about what it has lost meanwhile. */
  private previous = new Map<string, Remembered>()
  private sweep: Iterator<Remembered, undefined> | undefined
  private count = 0

  constructor(private readonly views: Views) {}

  get size(): number {
    return this.count
  }

  /** Every entry, what has become of it, and what we told bgpd, if we did. */
  *entries(): Generator<{ entry: OverlayEntry; report: Report; announced: Attributes | undefined }> {
    for (const item of this.items.all()) {
      if (item.removed) continue
      const ours = item.told?.by === 'us' ? item.told.attributes : undefined
      yield { entry: item.entry, report: this.reportOf(item, this.status(item)), announced: ours }
    }
  }

  put(entry: OverlayEntry): void {
    const known = this.items.find(entry)
    if (known !== undefined) {
      if (known.removed) {
        this.count++
        // whoever removed it expects to be told what becomes of it
        known.reported = undefined
      }
      known.entry = entry
      known.removed = false
      this.touch(known)
      return
    }
    const item: Item = {
      entry,
      told: this.toldByZebra(entry),
      removed: false,
      reported: undefined,
    }
    this.items.add(item)
    this.count++
    this.touch(item)
  }

  remove(key: Key): void {
    const item = this.items.find(key)
    if (item === undefined || item.removed) return
    item.removed = true
    this.count--
    this.touch(item)
  }

  /** Whether anything may be injected; opening or closing concerns every entry. */
  setGate(gate: Gate): void {
    if (gate === this.gate) return
    this.gate = gate
    for (const item of this.items.all()) this.touch(item)
  }

  /**
   * A message of zebra on its way to bgpd: updates the views and says whether it goes on. Asked again about the same
   * message (it was cut, or the process died before passing it on) the answer is the same.
   */
  onZebra(message: ZebraMessage): 'pass' | 'hold' | 'cut' {
    this.views.applyZebra(message)
    switch (message.command) {
      case 'ZEBRA_VNI_ADD':
        this.touchVni(message.body.vni)
        return 'pass'
      case 'ZEBRA_VNI_DEL':
        this.forgetTold(message.body.vni)
        return 'pass'
      case 'ZEBRA_MACIP_ADD': {
        const { vni, mac, ip } = message.body
        if (ip !== undefined) return this.zebraAddsMacIp({ vni, mac, ip }, message.body)
        this.touchMac(vni, mac)
        return 'pass'
      }
      case 'ZEBRA_MACIP_DEL': {
        const { vni, mac, ip, state } = message.body
        if (ip !== undefined) return this.zebraDeletesMacIp({ vni, mac, ip }, state)
        this.touchMac(vni, mac)
        return 'pass'
      }
    }
  }

  onBgpd(message: BgpMessage): void {
    this.views.applyBgpd(message)
    switch (message.command) {
      case 'ZEBRA_ADVERTISE_ALL_VNI':
        if (message.body.advertise === 0) for (const vni of this.items.vnis()) this.forgetTold(vni)
        return
      case 'ZEBRA_REMOTE_MACIP_ADD':
      case 'ZEBRA_REMOTE_MACIP_DEL':
        if (message.body.ip === undefined) this.touchMac(message.body.vni, message.body.mac)
        else for (const item of this.items.ofIp(message.body.vni, message.body.ip)) this.touch(item)
        return
      case 'ZEBRA_REMOTE_VTEP_ADD':
      case 'ZEBRA_REMOTE_VTEP_DEL':
        return
    }
  }

  /** The main session has ended. bgpd keeps what it was told; if it comes back, zebra will not tell it what is gone. */
  onSessionLost(): void {
    for (const [vni, view] of this.views.entries()) {
      const vrf = view.announced?.vrf ?? 0
      for (const mac of view.macs.keys()) this.remember({ vni, vrf, mac, ip: undefined })
      for (const [ip, byMac] of view.macIps) for (const mac of byMac.keys()) this.remember({ vni, vrf, mac, ip })
    }
    for (const item of this.items.all()) {
      const { vni, mac, ip } = item.entry
      if (item.told?.by === 'us') this.remember({ vni, vrf: this.views.get(vni)?.announced?.vrf ?? 0, mac, ip })
    }
    this.sweep = undefined
    this.views.clear()
    for (const vni of this.items.vnis()) this.forgetTold(vni)
    this.setGate('no-session')
  }

  /** A new session has been told all that zebra still has: what bgpd remembers beyond that is to be withdrawn. */
  onSettled(): void {
    this.sweep = this.previous.values()
    this.previous = new Map()
  }

  /** Whether `next` may have something to inject. */
  get pending(): boolean {
    return this.dirty.size > 0 || this.sweep !== undefined
  }

  /**
   * Messages to inject now, at most about `limit`, in the order they must be sent; they count as told from here on.
   * For one IP the withdrawal of a MAC comes before the announcement of another (evpn: bgpd has one local path per IP).
   */
  next(limit: number): Injection[] {
    const out: Injection[] = []
    for (const item of this.dirty) {
      if (out.length >= limit) return out
      for (const sibling of this.items.ofIp(item.entry.vni, item.entry.ip)) {
        if (sibling !== item && this.dirty.has(sibling) && sibling.told !== undefined) this.settle(sibling, out)
      }
      this.settle(item, out)
    }
    this.sweepSome(limit, out)
    return out
  }

  /** A message that was injected before this process began to watch. */
  onInjected(message: Injection): void {
    const { vni, mac, ip } = message.body
    const item = ip === undefined ? undefined : this.items.find({ vni, mac, ip })
    if (item === undefined) return
    item.told = message.command === 'ZEBRA_MACIP_ADD' ? { by: 'us', attributes: message.body } : undefined
    this.touch(item)
  }

  /** Statuses that have changed since the last call. */
  takeReports(): (Report & { key: Key })[] {
    const reports: (Report & { key: Key })[] = []
    for (const { entry, reported } of this.reports) {
      if (reported !== undefined) reports.push({ key: entry, ...reported })
    }
    this.reports.clear()
    return reports
  }

  private zebraAddsMacIp(key: Key, attributes: Attributes): 'pass' | 'hold' | 'cut' {
    let cut = false
    for (const sibling of this.items.ofIp(key.vni, key.ip)) {
      if (sibling.entry.mac === key.mac) continue
      this.touch(sibling)
      // only what `next` is going to withdraw is worth waiting for
      if (this.gate === 'open' && sibling.told !== undefined && this.toldByZebra(sibling.entry) === undefined)
        cut = true
    }
    if (cut) return 'cut'
    const item = this.items.find(key)
    if (item === undefined) return 'pass'
    this.touch(item)
    if (item.told?.by === 'us' && sameAttributes(item.told.attributes, attributes)) return 'hold'
    item.told = { by: 'zebra', attributes }
    return 'pass'
  }

  private zebraDeletesMacIp(key: Key, state: number): 'pass' | 'hold' {
    for (const sibling of this.items.ofIp(key.vni, key.ip)) this.touch(sibling)
    const item = this.items.find(key)
    if (item === undefined) return 'pass'
    const kept = state === NeighState.ACTIVE && item.told !== undefined && this.status(item) === 'announced'
    if (kept) return 'hold'
    if (state === NeighState.ACTIVE) item.told = undefined
    return 'pass'
  }

  private settle(item: Item, out: Injection[]): void {
    this.dirty.delete(item)
    const status = item.removed ? undefined : this.status(item)
    const { vni, mac, ip } = item.entry
    const vrf = this.views.get(vni)?.announced?.vrf ?? 0
    if (status === 'announced') {
      const attributes = this.wanted(item)
      if (item.told === undefined || !sameAttributes(item.told.attributes, attributes)) {
        out.push({ command: 'ZEBRA_MACIP_ADD', vrf, body: { vni, mac, ip, ...attributes } })
      }
      item.told = { by: 'us', attributes }
    } else if (item.told !== undefined && this.toldByZebra(item.entry) === undefined) {
      if (this.gate === 'open') {
        out.push({ command: 'ZEBRA_MACIP_DEL', vrf, body: { vni, mac, ip, state: NeighState.ACTIVE } })
        item.told = undefined
        // another MAC may have waited for this one to go
        for (const sibling of this.items.ofIp(vni, ip)) if (sibling !== item) this.touch(sibling)
      }
      // else the withdrawal waits: opening the gate comes back here
    }
    if (status !== undefined) this.report(item, status)
    else if (item.told === undefined || this.toldByZebra(item.entry) !== undefined) this.forget(item)
  }

  private sweepSome(limit: number, out: Injection[]): void {
    while (this.gate === 'open' && this.sweep !== undefined && out.length < limit) {
      const step = this.sweep.next()
      if (step.done === true) this.sweep = undefined
      else if (this.isGone(step.value)) {
        const { vni, vrf, mac, ip } = step.value
        out.push({ command: 'ZEBRA_MACIP_DEL', vrf, body: { vni, mac, ip, state: NeighState.ACTIVE } })
      }
    }
  }

  /** bgpd was told it in an earlier session and by nobody in this one; of a VNI that is not live it has nothing left. */
  private isGone({ vni, mac, ip }: Remembered): boolean {
    const view = this.views.get(vni)
    if (view?.announced === undefined) return false
    if (ip === undefined) return !view.macs.has(mac)
    // a DEL takes away the only local path of an IP, whatever its MAC
    if (view.macIps.has(ip)) return false
    for (const item of this.items.ofIp(vni, ip)) if (item.told !== undefined) return false
    return true
  }

  private status({ entry }: Item): Status {
    if (this.gate !== 'open') return this.gate
    const view = this.views.get(entry.vni)
    if (view?.announced === undefined) return 'vni-not-live'
    const owners = view.macIps.get(entry.ip)
    if (owners?.has(entry.mac) === true) return 'shadowed'
    const local = view.macs.get(entry.mac)
    if (local === undefined) return 'mac-not-local'
    if (remoteWins(view, entry, local.seq)) return 'remote'
    if (owners !== undefined) return 'ip-conflict'
    for (const sibling of this.items.ofIp(entry.vni, entry.ip)) {
      if (sibling.entry.mac !== entry.mac && sibling.told !== undefined) return 'ip-conflict'
    }
    return 'announced'
  }

  /** The MAC's sequence number and Ethernet segment, never flags of zebra's MAC such as STICKY. */
  private wanted({ entry }: Item): Attributes {
    const local = this.views.get(entry.vni)?.macs.get(entry.mac)
    if (local === undefined) throw new Error(`no local MAC ${entry.mac} in VNI ${entry.vni}`)
    return { flags: entry.router ? MacIpFlag.ROUTER : 0, seq: local.seq, esi: local.esi }
  }

  private toldByZebra({ vni, mac, ip }: Key): Told | undefined {
    const attributes = this.views.get(vni)?.macIps.get(ip)?.get(mac)
    return attributes === undefined ? undefined : { by: 'zebra', attributes }
  }

  private remember(what: Remembered): void {
    this.previous.set(`${what.vni} ${what.mac} ${what.ip ?? ''}`, what)
  }

  /** bgpd has dropped all it was told about the VNI. */
  private forgetTold(vni: number): void {
    for (const item of this.items.ofVni(vni)) {
      item.told = undefined
      this.touch(item)
    }
  }

  private forget(item: Item): void {
    this.items.delete(item)
    this.reports.delete(item)
  }

  private report(item: Item, status: Status): void {
    const report = this.reportOf(item, status)
    if (item.reported?.status === report.status && item.reported.seq === report.seq) return
    item.reported = report
    this.reports.add(item)
  }

  private reportOf(item: Item, status: Status): Report {
    return { status, seq: item.told?.attributes.seq ?? 0 }
  }

  private touch(item: Item): void {
    this.dirty.add(item)
  }

  private touchMac(vni: number, mac: string): void {
    for (const item of this.items.ofMac(vni, mac)) this.touch(item)
  }

  private touchVni(vni: number): void {
    for (const item of this.items.ofVni(vni)) this.touch(item)
  }
}

/** Whether bgpd's remote route beats a local one with this sequence number; at a tie the one that is there stays. */
function remoteWins(view: VniView, { mac, ip }: Key, seq: number): boolean {
  const ofMac = view.remoteMacs.get(mac)
  if (ofMac !== undefined && ofMac.seq >= seq) return true
  for (const remote of view.remoteMacIps.get(ip)?.values() ?? []) if (remote.seq >= seq) return true
  return false
}
