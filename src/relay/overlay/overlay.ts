// MAC-IPs to announce besides zebra's own. What bgpd is told is the union of both, and zebra's wins, but with no less than
// the sequence number that an entry demands for its MAC. This file decides, it sends nothing itself.
import { type Floor, Floors, isSticky, isTold } from './min-sequences.js'
import { type Former, FormerSessions } from './stale-routes.js'
import { Items, type Key } from './index-of-records.js'
import { MacIpFlag, NeighState } from '../../zapi/messages/macip.js'
import {
  demandOf,
  type Gate,
  type Injection,
  type Item,
  NO_ENTRY,
  type OverlayEntry,
  type Report,
  type Status,
  type Told,
} from './entry.js'
import { remoteWins } from './precedence.js'
import type { Attributes, Views } from './views.js'
import type { BgpMessage, ZebraMessage } from '../../zapi/evpn-codec.js'

/** How long zebra may take to say all it has in a new session; it does not say when it is done. */
export const SETTLE_MS = 30_000

export class Overlay {
  private readonly items = new Items<Item>()
  private readonly floors: Floors
  /** Items whose announcement or status may have to change. */
  private readonly dirty = new Set<Item>()
  private readonly reports = new Set<Item>()
  private gate: Gate = 'no-session'
  private readonly former = new FormerSessions()
  private count = 0

  constructor(private readonly views: Views) {
    this.floors = new Floors(views, (vni, mac) => {
      let highest = 0
      for (const item of this.items.ofMac(vni, mac)) highest = Math.max(highest, demandOf(item))
      return highest
    })
  }

  get size(): number {
    return this.count
  }

  /** Every entry, and what has become of it. */
  *entries(): Generator<{ entry: OverlayEntry; report: Report }> {
    for (const item of this.items.all()) {
      if (!item.removed) yield { entry: item.entry, report: this.reportOf(item, this.status(item)) }
    }
  }

  /** MACs that are not announced with less than `seq` while they are local. */
  *keptFloors(): Generator<{ vni: number; mac: string; seq: number }> {
    for (const { vni, mac, kept } of this.floors.all()) if (kept > 0) yield { vni, mac, seq: kept }
  }

  /** What bgpd has from us, as the messages that told it. */
  *injected(): Generator<Injection> {
    for (const { vni, mac, told } of this.floors.all()) {
      const zebras = this.views.get(vni)?.macs.get(mac)
      if (told !== undefined && zebras !== undefined && !isTold(told, zebras)) {
        yield this.addition({ vni, mac, ip: undefined }, told)
      }
    }
    for (const { entry, told } of this.items.all()) if (told?.by === 'us') yield this.addition(entry, told.attributes)
  }

  /** Whether bgpd has the MAC-IP from us. */
  isOurs(key: Key): boolean {
    return this.items.find(key)?.told?.by === 'us'
  }

  /** Whether bgpd has something else, or nothing, in the place of what zebra says here. */
  keepsBack({ command, body }: ZebraMessage): boolean {
    if (command !== 'ZEBRA_MACIP_ADD') return false
    const { vni, mac, ip } = body
    if (ip === undefined) {
      const floor = this.floors.find(vni, mac)
      return floor !== undefined && !isTold(floor.told, body)
    }
    const item = this.items.find({ vni, mac, ip })
    if (item === undefined) return false
    return item.told === undefined ? item.owed : !isTold(item.told.attributes, body)
  }

  put(entry: OverlayEntry): void {
    const known = this.items.find(entry)
    if (known !== undefined) {
      const before = demandOf(known)
      if (known.removed) {
        this.count++
        // whoever removed it expects to be told what becomes of it
        known.reported = undefined
      }
      known.entry = entry
      known.removed = false
      this.touch(known)
      this.floors.demand(entry, before, demandOf(known))
      return
    }
    const item: Item = {
      entry,
      told: this.toldByZebra(entry),
      owed: false,
      removed: false,
      reported: undefined,
    }
    this.items.add(item)
    this.count++
    this.touch(item)
    this.floors.demand(entry, 0, demandOf(item))
  }

  remove(key: Key): void {
    const item = this.items.find(key)
    if (item === undefined || item.removed) return
    const before = demandOf(item)
    item.removed = true
    this.count--
    this.touch(item)
    this.floors.demand(key, before, 0)
  }

  /** Whether anything may be injected; opening or closing concerns every entry. */
  setGate(gate: Gate): void {
    if (gate === this.gate) return
    this.gate = gate
    for (const item of this.items.all()) this.touch(item)
    this.floors.compareAnew()
  }

  /**
   * A message of zebra on its way to bgpd: updates the views and says whether it goes on. Asked again about the same
   * message (it was cut, or the process died before passing it on) the answer is the same.
   */
  onZebra(message: ZebraMessage): 'pass' | 'hold' | 'cut' {
    this.apply(message)
    const verdict = this.judge(message)
    if (verdict === 'pass') this.passed(message)
    else if (verdict === 'hold') this.heldBack(message)
    return verdict
  }

  /** A message of zebra that was passed on or held back before this process began to watch. */
  onRecorded(message: ZebraMessage, held: boolean): void {
    this.apply(message)
    if (held) this.heldBack(message)
    else this.passed(message)
  }

  onBgpd(message: BgpMessage): void {
    this.views.applyBgpd(message)
    switch (message.command) {
      case 'ZEBRA_ADVERTISE_ALL_VNI':
        if (message.body.advertise === 0) this.forgetAllTold()
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
      for (const mac of view.macs.keys()) this.former.remember({ vni, vrf, mac, ip: undefined })
      for (const [ip, byMac] of view.macIps) for (const mac of byMac.keys()) this.former.remember({ vni, vrf, mac, ip })
    }
    for (const item of this.items.all()) {
      const { vni, mac, ip } = item.entry
      if (item.told?.by === 'us') this.former.remember({ vni, vrf: this.vrf(vni), mac, ip })
    }
    this.former.interrupt()
    this.views.clear()
    this.forgetAllTold()
    this.setGate('no-session')
  }

  /** A new session has been told all that zebra still has: what bgpd remembers beyond that is to be withdrawn. */
  onSettled(): void {
    this.former.sweep()
  }

  /** Whether `next` may have something to inject. */
  get pending(): boolean {
    return this.dirty.size > 0 || this.floors.dirty.size > 0 || this.former.sweeping
  }

  /**
   * Messages to inject now, at most about `limit`, in the order they must be sent; they count as told from here on.
   * For one IP the withdrawal of a MAC comes before the announcement of another (evpn: bgpd has one local path per IP);
   * a MAC alone comes before its MAC-IPs.
   */
  next(limit: number): Injection[] {
    const out: Injection[] = []
    for (const floor of this.floors.dirty) {
      if (out.length >= limit) return out
      this.settleFloor(floor, out)
    }
    for (const item of this.dirty) {
      if (out.length >= limit) return out
      for (const sibling of this.items.ofIp(item.entry.vni, item.entry.ip)) {
        if (sibling !== item && this.dirty.has(sibling) && sibling.told !== undefined) this.settle(sibling, out)
      }
      this.settle(item, out)
    }
    this.sweep(limit, out)
    return out
  }

  /** A message that was injected before this process began to watch. */
  onInjected(message: Injection): void {
    const { vni, mac, ip } = message.body
    const attributes = message.command === 'ZEBRA_MACIP_ADD' ? message.body : undefined
    if (ip === undefined) {
      if (attributes !== undefined) this.floors.keep(this.floors.of(vni, mac), attributes)
      return
    }
    const key = { vni, mac, ip }
    const isZebras = attributes !== undefined && this.zebrasOwn(key) !== undefined
    const item = isZebras ? this.itemOf(key, undefined) : this.items.find(key)
    if (item === undefined) return
    item.told = attributes && { by: 'us', attributes }
    this.touch(item)
  }

  /** bgpd was told the MAC with at least `seq` before this process began to watch. */
  onFloor({ vni, mac, seq }: { vni: number; mac: string; seq: number }): void {
    const floor = this.floors.of(vni, mac)
    floor.kept = Math.max(floor.kept, seq)
    this.floors.dirty.add(floor)
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

  private apply(message: ZebraMessage): void {
    const { command, body } = message
    if (command === 'ZEBRA_VNI_ADD') this.floors.onVniAdd(body.vni)
    this.views.applyZebra(message)
  }

  private judge({ command, body }: ZebraMessage): 'pass' | 'hold' | 'cut' {
    if (command === 'ZEBRA_MACIP_ADD') {
      const { vni, mac, ip } = body
      return ip === undefined ? this.zebraAddsMac(vni, mac, body) : this.zebraAddsMacIp({ vni, mac, ip }, body)
    }
    if (command === 'ZEBRA_MACIP_DEL') {
      const { vni, mac, ip, state } = body
      if (ip !== undefined) return this.zebraDeletesMacIp({ vni, mac, ip }, state)
    }
    return 'pass'
  }

  /** bgpd hears what zebra says. */
  private passed({ command, body }: ZebraMessage): void {
    switch (command) {
      case 'ZEBRA_VNI_ADD':
        this.touchVni(body.vni)
        return
      case 'ZEBRA_VNI_DEL':
        this.forgetTold(body.vni)
        return
      case 'ZEBRA_MACIP_ADD':
      case 'ZEBRA_MACIP_DEL': {
        this.touchConcerned(body)
        const { vni, mac, ip } = body
        const attributes = command === 'ZEBRA_MACIP_ADD' ? body : undefined
        const isGone = command === 'ZEBRA_MACIP_DEL' && body.state === NeighState.ACTIVE
        if (ip === undefined) {
          const floor = this.floors.find(vni, mac)
          if (floor === undefined) return
          if (attributes !== undefined) floor.told = attributes
          else if (isGone) {
            floor.told = undefined
            floor.kept = 0
          }
          return
        }
        const item = this.items.find({ vni, mac, ip })
        if (item === undefined) return
        item.owed = false
        if (attributes !== undefined) item.told = { by: 'zebra', attributes }
        else if (isGone || item.removed) item.told = undefined
      }
    }
  }

  /** bgpd has it from us, or is about to, with the sequence number of the MAC's floor. */
  private heldBack({ command, body }: ZebraMessage): void {
    if (command !== 'ZEBRA_MACIP_ADD' && command !== 'ZEBRA_MACIP_DEL') return
    this.touchConcerned(body)
    if (command === 'ZEBRA_MACIP_DEL') return
    const { vni, mac, ip } = body
    const floor = this.floors.find(vni, mac)
    if (ip === undefined) {
      if (floor?.told !== undefined) this.floors.keep(floor, floor.told)
      return
    }
    const key = { vni, mac, ip }
    const item = floor === undefined ? this.items.find(key) : this.itemOf(key, undefined)
    if (item === undefined) return
    item.owed = true
    this.touch(item)
  }

  private zebraAddsMac(vni: number, mac: string, { seq }: Attributes): 'pass' | 'hold' {
    if (this.gate !== 'open' || seq >= this.floors.least(vni, mac)) return 'pass'
    const floor = this.floors.of(vni, mac)
    const remote = this.views.get(vni)?.remoteMacs.get(mac)
    // bgpd has dropped ours; told again it repeats to zebra what has won
    if (remote !== undefined && floor.told !== undefined && remote.seq >= floor.told.seq) floor.told = undefined
    return 'hold'
  }

  private zebraAddsMacIp(key: Key, attributes: Attributes): 'pass' | 'hold' | 'cut' {
    let cut = false
    for (const sibling of this.items.ofIp(key.vni, key.ip)) {
      if (sibling.entry.mac === key.mac) continue
      this.touch(sibling)
      // only what `next` is going to withdraw is worth waiting for
      if (this.gate === 'open' && sibling.told !== undefined && this.zebrasOwn(sibling.entry) === undefined) cut = true
    }
    if (cut) return 'cut'
    const item = this.items.find(key)
    if (this.gate === 'open' && attributes.seq < this.floors.least(key.vni, key.mac)) {
      const view = this.views.get(key.vni)
      if (item?.told !== undefined && view !== undefined && remoteWins(view, key, item.told.attributes.seq, true)) {
        item.told = undefined
      }
      return 'hold'
    }
    return item?.told?.by === 'us' && isTold(item.told.attributes, attributes) ? 'hold' : 'pass'
  }

  private zebraDeletesMacIp(key: Key, state: number): 'pass' | 'hold' {
    const item = this.items.find(key)
    if (item === undefined || item.removed || item.told === undefined || state !== NeighState.ACTIVE) return 'pass'
    return this.status(item) === 'announced' ? 'hold' : 'pass'
  }

  private settleFloor(floor: Floor, out: Injection[]): void {
    const { vni, mac } = floor
    if (this.gate !== 'open') {
      // opening the gate comes back here
      this.floors.dirty.delete(floor)
      return
    }
    const attributes = this.floors.settle(floor)
    if (attributes !== undefined) out.push(this.addition({ vni, mac, ip: undefined }, attributes))
    const seq = this.floors.seqOf(vni, mac)
    if (seq === floor.settled) return
    floor.settled = seq
    const least = this.floors.least(vni, mac)
    for (const ip of (least > 0 && this.views.get(vni)?.ipsOf(mac)) || []) {
      const told = this.toldByZebra({ vni, mac, ip })
      if (told !== undefined && told.attributes.seq < least) this.itemOf({ vni, mac, ip }, told)
    }
    this.touchMac(vni, mac)
  }

  private settle(item: Item, out: Injection[]): void {
    this.dirty.delete(item)
    const status = item.removed ? undefined : this.status(item)
    const { vni, mac, ip } = item.entry
    const zebras = this.zebrasOwn(item.entry)
    if (status === 'announced') this.tell(item, this.wanted(item), out)
    else if (zebras !== undefined) this.settleZebras(item, zebras, out)
    else if (item.told !== undefined && this.gate === 'open') {
      const body = { vni, mac, ip, state: NeighState.ACTIVE }
      out.push({ command: 'ZEBRA_MACIP_DEL', vrf: this.vrf(vni), body })
      item.told = undefined
      // another MAC may have waited for this one to go
      for (const sibling of this.items.ofIp(vni, ip)) if (sibling !== item) this.touch(sibling)
    }
    // else the withdrawal waits: opening the gate comes back here
    if (status !== undefined) this.report(item, status)
    else if (zebras === undefined ? item.told === undefined : isTold(item.told?.attributes, zebras)) this.forget(item)
  }

  /** bgpd has zebra's own as zebra says, but for the sequence number if the MAC has a floor. */
  private settleZebras(item: Item, zebras: Attributes, out: Injection[]): void {
    if (this.gate !== 'open' || (item.told === undefined && !item.owed)) return
    const { vni, mac } = item.entry
    // with its MAC gone zebra is about to withdraw it
    if (item.told !== undefined && this.views.get(vni)?.macs.has(mac) !== true) return
    const { flags, esi } = zebras
    const isLess = zebras.seq < this.floors.least(vni, mac)
    const attributes = isLess ? { flags, seq: this.floors.seqOf(vni, mac), esi } : zebras
    if (!isTold(item.told?.attributes, attributes)) this.tell(item, attributes, out)
  }

  private tell(item: Item, attributes: Attributes, out: Injection[]): void {
    if (!isTold(item.told?.attributes, attributes)) out.push(this.addition(item.entry, attributes))
    item.told = { by: 'us', attributes }
  }

  private addition(key: { vni: number; mac: string; ip: string | undefined }, attributes: Attributes): Injection {
    const { vni, mac, ip } = key
    return { command: 'ZEBRA_MACIP_ADD', vrf: this.vrf(vni), body: { vni, mac, ip, ...attributes } }
  }

  private sweep(limit: number, out: Injection[]): void {
    while (this.gate === 'open' && out.length < limit) {
      const former = this.former.next()
      if (former === undefined) return
      if (!this.isGone(former)) continue
      const { vni, vrf, mac, ip } = former
      out.push({ command: 'ZEBRA_MACIP_DEL', vrf, body: { vni, mac, ip, state: NeighState.ACTIVE } })
    }
  }

  /** bgpd was told it in an earlier session and by nobody in this one; of a VNI that is not live it has nothing left. */
  private isGone({ vni, mac, ip }: Former): boolean {
    const view = this.views.get(vni)
    if (view?.announced === undefined) return false
    if (ip === undefined) return !view.macs.has(mac)
    // a DEL takes away the only local path of an IP, whatever its MAC
    if (view.macIps.has(ip)) return false
    for (const item of this.items.ofIp(vni, ip)) if (item.told !== undefined) return false
    return true
  }

  private status({ entry, told }: Item): Status {
    if (this.gate !== 'open') return this.gate
    const view = this.views.get(entry.vni)
    if (view?.announced === undefined) return 'vni-not-live'
    const owners = view.macIps.get(entry.ip)
    if (owners?.has(entry.mac) === true) return 'shadowed'
    const local = view.macs.get(entry.mac)
    if (local === undefined) return 'mac-not-local'
    // of an entry that is only observed the floor knows nothing
    const demanded = isSticky(local) ? 0 : entry.minSeq
    const seq = Math.max(this.floors.seqOf(entry.vni, entry.mac), demanded)
    if (remoteWins(view, entry, seq, told !== undefined)) return 'remote'
    if (owners !== undefined) return 'ip-conflict'
    for (const sibling of this.items.ofIp(entry.vni, entry.ip)) {
      if (sibling.entry.mac !== entry.mac && sibling.told !== undefined) return 'ip-conflict'
    }
    return entry.observe ? 'observed' : 'announced'
  }

  /** The sequence number the MAC is announced with, and its Ethernet segment, never flags of zebra's MAC such as STICKY. */
  private wanted({ entry }: Item): Attributes {
    const local = this.views.get(entry.vni)?.macs.get(entry.mac)
    if (local === undefined) throw new Error(`no local MAC ${entry.mac} in VNI ${entry.vni}`)
    const seq = this.floors.seqOf(entry.vni, entry.mac)
    return { flags: entry.router ? MacIpFlag.ROUTER : 0, seq, esi: local.esi }
  }

  private zebrasOwn({ vni, mac, ip }: Key): Attributes | undefined {
    return this.views.get(vni)?.macIps.get(ip)?.get(mac)
  }

  private toldByZebra(key: Key): Told | undefined {
    const attributes = this.zebrasOwn(key)
    return attributes === undefined ? undefined : { by: 'zebra', attributes }
  }

  private vrf(vni: number): number {
    return this.views.get(vni)?.announced?.vrf ?? 0
  }

  /** Of a MAC-IP that zebra announces; one that is no entry becomes an item, too, and bgpd has `told` of it. */
  private itemOf(key: Key, told: Told | undefined): Item {
    const known = this.items.find(key)
    if (known !== undefined) return known
    const { vni, mac, ip } = key
    const item: Item = { entry: { ...NO_ENTRY, vni, mac, ip }, told, owed: false, removed: true, reported: undefined }
    this.items.add(item)
    return item
  }

  /** bgpd has dropped all it was told about the VNI. */
  private forgetTold(vni: number): void {
    for (const item of this.items.ofVni(vni)) {
      item.told = undefined
      item.owed = false
      this.touch(item)
    }
    this.floors.forgetTold(vni)
  }

  private forgetAllTold(): void {
    for (const vni of new Set([...this.items.vnis(), ...this.floors.vnis()])) this.forgetTold(vni)
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

  /** Whatever zebra says of a MAC or MAC-IP may change what is to be said of these. */
  private touchConcerned({ vni, mac, ip }: { vni: number; mac: string; ip: string | undefined }): void {
    if (ip !== undefined) {
      for (const item of this.items.ofIp(vni, ip)) this.touch(item)
      return
    }
    this.touchMac(vni, mac)
    const floor = this.floors.find(vni, mac)
    if (floor !== undefined) this.floors.dirty.add(floor)
  }

  private touchMac(vni: number, mac: string): void {
    for (const item of this.items.ofMac(vni, mac)) this.touch(item)
  }

  private touchVni(vni: number): void {
    for (const item of this.items.ofVni(vni)) this.touch(item)
  }
}
