// MAC-IPs to announce besides zebra's own. What bgpd is told is the union of both, and zebra's wins, but with no less than
// the sequence number that an entry demands for its MAC. This file decides, it sends nothing itself.
import { type MinSequence, MinSequences, isSticky, sameAsAdvertised } from './min-sequences.js'
import { type StaleRoute, StaleRoutes } from './stale-routes.js'
import type { Entry, Key, Status } from '../../bindings/model.js'
import { RecordIndex } from './record-index.js'
import { MacIpFlag } from '../../base/macip-flags.js'
import { NeighState } from '../../zapi/messages/macip.js'
import {
  requiredSeqOf,
  type Gate,
  type Injection,
  type OverlayRecord,
  NO_ENTRY,
  type Report,
  type Advertised,
} from './entry.js'
import { remoteWins } from './precedence.js'
import type { Attributes, Views } from './views.js'
import type { BgpMessage, ZebraMessage } from '../../zapi/evpn-codec.js'

/** How long zebra may take to say all it has in a new session; it does not say when it is done. */
export const INITIAL_SYNC_MS = 30_000

export class Overlay {
  private readonly records = new RecordIndex<OverlayRecord>()
  private readonly minSequences: MinSequences
  /** RecordIndex whose announcement or status may have to change. */
  private readonly dirty = new Set<OverlayRecord>()
  private readonly reports = new Set<OverlayRecord>()
  private gate: Gate = 'no-session'
  private readonly staleRoutes = new StaleRoutes()
  private count = 0

  constructor(private readonly views: Views) {
    this.minSequences = new MinSequences(views, (vni, mac) => {
      let highest = 0
      for (const record of this.records.ofMac(vni, mac)) highest = Math.max(highest, requiredSeqOf(record))
      return highest
    })
  }

  get size(): number {
    return this.count
  }

  /** Every entry, and what has become of it. */
  *entries(): Generator<{ entry: Entry; report: Report }> {
    for (const record of this.records.all()) {
      if (!record.removed) yield { entry: record.entry, report: this.reportOf(record, this.status(record)) }
    }
  }

  /** MACs that are not announced with less than `seq` while they are local. */
  *heldMinSequences(): Generator<{ vni: number; mac: string; seq: number }> {
    for (const { vni, mac, heldMinSeq } of this.minSequences.all())
      if (heldMinSeq > 0) yield { vni, mac, seq: heldMinSeq }
  }

  /** What bgpd has from us, as the messages that told it. */
  *injected(): Generator<Injection> {
    for (const { vni, mac, advertised } of this.minSequences.all()) {
      const zebras = this.views.get(vni)?.macs.get(mac)
      if (advertised !== undefined && zebras !== undefined && !sameAsAdvertised(advertised, zebras)) {
        yield this.addition({ vni, mac, ip: undefined }, advertised)
      }
    }
    for (const { entry, advertised } of this.records.all())
      if (advertised?.by === 'us') yield this.addition(entry, advertised.attributes)
  }

  /** Whether bgpd has the MAC-IP from us. */
  isOurs(key: Key): boolean {
    return this.records.find(key)?.advertised?.by === 'us'
  }

  /** Whether bgpd has something else, or nothing, in the place of what zebra says here. */
  keepsBack({ command, body }: ZebraMessage): boolean {
    if (command !== 'ZEBRA_MACIP_ADD') return false
    const { vni, mac, ip } = body
    if (ip === undefined) {
      const minSequence = this.minSequences.find(vni, mac)
      return minSequence !== undefined && !sameAsAdvertised(minSequence.advertised, body)
    }
    const record = this.records.find({ vni, mac, ip })
    if (record === undefined) return false
    return record.advertised === undefined
      ? record.suppressedPending
      : !sameAsAdvertised(record.advertised.attributes, body)
  }

  put(entry: Entry): void {
    const known = this.records.find(entry)
    if (known !== undefined) {
      const before = requiredSeqOf(known)
      if (known.removed) {
        this.count++
        // whoever removed it expects to be told what becomes of it
        known.reported = undefined
      }
      known.entry = entry
      known.removed = false
      this.touch(known)
      this.minSequences.setRequired(entry, before, requiredSeqOf(known))
      return
    }
    const record: OverlayRecord = {
      entry,
      advertised: this.advertisedByZebra(entry),
      suppressedPending: false,
      removed: false,
      reported: undefined,
    }
    this.records.add(record)
    this.count++
    this.touch(record)
    this.minSequences.setRequired(entry, 0, requiredSeqOf(record))
  }

  remove(key: Key): void {
    const record = this.records.find(key)
    if (record === undefined || record.removed) return
    const before = requiredSeqOf(record)
    record.removed = true
    this.count--
    this.touch(record)
    this.minSequences.setRequired(key, before, 0)
  }

  /** Whether anything may be injected; opening or closing concerns every entry. */
  setGate(gate: Gate): void {
    if (gate === this.gate) return
    this.gate = gate
    for (const record of this.records.all()) this.touch(record)
    this.minSequences.compareAnew()
  }

  /**
   * A message of zebra on its way to bgpd: updates the views and says whether it goes on. Asked again about the same
   * message (it was cut, or the process died before passing it on) the answer is the same.
   */
  onZebra(message: ZebraMessage): 'pass' | 'drop' | 'defer' {
    this.apply(message)
    const verdict = this.judge(message)
    if (verdict === 'pass') this.passed(message)
    else if (verdict === 'drop') this.dropped(message)
    return verdict
  }

  /** A message of zebra that was passed on or dropped before this process began to watch. */
  onRecorded(message: ZebraMessage, held: boolean): void {
    this.apply(message)
    if (held) this.dropped(message)
    else this.passed(message)
  }

  onBgpd(message: BgpMessage): void {
    this.views.applyBgpd(message)
    switch (message.command) {
      case 'ZEBRA_ADVERTISE_ALL_VNI':
        if (message.body.advertise === 0) this.forgetAllAdvertised()
        return
      case 'ZEBRA_REMOTE_MACIP_ADD':
      case 'ZEBRA_REMOTE_MACIP_DEL':
        if (message.body.ip === undefined) this.touchMac(message.body.vni, message.body.mac)
        else for (const record of this.records.ofIp(message.body.vni, message.body.ip)) this.touch(record)
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
      for (const mac of view.macs.keys()) this.staleRoutes.remember({ vni, vrf, mac, ip: undefined })
      for (const [ip, byMac] of view.macIps)
        for (const mac of byMac.keys()) this.staleRoutes.remember({ vni, vrf, mac, ip })
    }
    for (const record of this.records.all()) {
      const { vni, mac, ip } = record.entry
      if (record.advertised?.by === 'us') this.staleRoutes.remember({ vni, vrf: this.vrf(vni), mac, ip })
    }
    this.staleRoutes.interrupt()
    this.views.clear()
    this.forgetAllAdvertised()
    this.setGate('no-session')
  }

  /** A new session has been told all that zebra still has: what bgpd remembers beyond that is to be withdrawn. */
  onInitialSyncDone(): void {
    this.staleRoutes.sweep()
  }

  /** Whether `next` may have something to inject. */
  get pending(): boolean {
    return this.dirty.size > 0 || this.minSequences.dirty.size > 0 || this.staleRoutes.sweeping
  }

  /**
   * Messages to inject now, at most about `limit`, in the order they must be sent; they count as told from here on.
   * For one IP the withdrawal of a MAC comes before the announcement of another (evpn: bgpd has one local path per IP);
   * a MAC alone comes before its MAC-IPs.
   */
  next(limit: number): Injection[] {
    const out: Injection[] = []
    for (const minSequence of this.minSequences.dirty) {
      if (out.length >= limit) return out
      this.reconcileMac(minSequence, out)
    }
    for (const record of this.dirty) {
      if (out.length >= limit) return out
      for (const sibling of this.records.ofIp(record.entry.vni, record.entry.ip)) {
        if (sibling !== record && this.dirty.has(sibling) && sibling.advertised !== undefined)
          this.reconcile(sibling, out)
      }
      this.reconcile(record, out)
    }
    this.sweep(limit, out)
    return out
  }

  /** A message that was injected before this process began to watch. */
  onInjected(message: Injection): void {
    const { vni, mac, ip } = message.body
    const attributes = message.command === 'ZEBRA_MACIP_ADD' ? message.body : undefined
    if (ip === undefined) {
      if (attributes !== undefined) this.minSequences.hold(this.minSequences.of(vni, mac), attributes)
      return
    }
    const key = { vni, mac, ip }
    const isZebras = attributes !== undefined && this.zebrasOwn(key) !== undefined
    const record = isZebras ? this.recordOf(key, undefined) : this.records.find(key)
    if (record === undefined) return
    record.advertised = attributes && { by: 'us', attributes }
    this.touch(record)
  }

  /** bgpd was told the MAC with at least `seq` before this process began to watch. */
  onMinSequence({ vni, mac, seq }: { vni: number; mac: string; seq: number }): void {
    const minSequence = this.minSequences.of(vni, mac)
    minSequence.heldMinSeq = Math.max(minSequence.heldMinSeq, seq)
    this.minSequences.dirty.add(minSequence)
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
    if (command === 'ZEBRA_VNI_ADD') this.minSequences.onVniAdd(body.vni)
    this.views.applyZebra(message)
  }

  private judge({ command, body }: ZebraMessage): 'pass' | 'drop' | 'defer' {
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
        this.forgetAdvertised(body.vni)
        return
      case 'ZEBRA_MACIP_ADD':
      case 'ZEBRA_MACIP_DEL': {
        this.touchConcerned(body)
        const { vni, mac, ip } = body
        const attributes = command === 'ZEBRA_MACIP_ADD' ? body : undefined
        const isGone = command === 'ZEBRA_MACIP_DEL' && body.state === NeighState.ACTIVE
        if (ip === undefined) {
          const minSequence = this.minSequences.find(vni, mac)
          if (minSequence === undefined) return
          if (attributes !== undefined) minSequence.advertised = attributes
          else if (isGone) {
            minSequence.advertised = undefined
            minSequence.heldMinSeq = 0
          }
          return
        }
        const record = this.records.find({ vni, mac, ip })
        if (record === undefined) return
        record.suppressedPending = false
        if (attributes !== undefined) record.advertised = { by: 'zebra', attributes }
        else if (isGone || record.removed) record.advertised = undefined
      }
    }
  }

  /** bgpd has it from us, or is about to, with the sequence number of the MAC's minSequence. */
  private dropped({ command, body }: ZebraMessage): void {
    if (command !== 'ZEBRA_MACIP_ADD' && command !== 'ZEBRA_MACIP_DEL') return
    this.touchConcerned(body)
    if (command === 'ZEBRA_MACIP_DEL') return
    const { vni, mac, ip } = body
    const minSequence = this.minSequences.find(vni, mac)
    if (ip === undefined) {
      if (minSequence?.advertised !== undefined) this.minSequences.hold(minSequence, minSequence.advertised)
      return
    }
    const key = { vni, mac, ip }
    const record = minSequence === undefined ? this.records.find(key) : this.recordOf(key, undefined)
    if (record === undefined) return
    record.suppressedPending = true
    this.touch(record)
  }

  private zebraAddsMac(vni: number, mac: string, { seq }: Attributes): 'pass' | 'drop' {
    if (this.gate !== 'open' || seq >= this.minSequences.minSeqOf(vni, mac)) return 'pass'
    const minSequence = this.minSequences.of(vni, mac)
    const remote = this.views.get(vni)?.remoteMacs.get(mac)
    // bgpd has dropped ours; told again it repeats to zebra what has won
    if (remote !== undefined && minSequence.advertised !== undefined && remote.seq >= minSequence.advertised.seq)
      minSequence.advertised = undefined
    return 'drop'
  }

  private zebraAddsMacIp(key: Key, attributes: Attributes): 'pass' | 'drop' | 'defer' {
    let cut = false
    for (const sibling of this.records.ofIp(key.vni, key.ip)) {
      if (sibling.entry.mac === key.mac) continue
      this.touch(sibling)
      // only what `next` is going to withdraw is worth waiting for
      if (this.gate === 'open' && sibling.advertised !== undefined && this.zebrasOwn(sibling.entry) === undefined)
        cut = true
    }
    if (cut) return 'defer'
    const record = this.records.find(key)
    if (this.gate === 'open' && attributes.seq < this.minSequences.minSeqOf(key.vni, key.mac)) {
      const view = this.views.get(key.vni)
      if (
        record?.advertised !== undefined &&
        view !== undefined &&
        remoteWins(view, key, record.advertised.attributes.seq, true)
      ) {
        record.advertised = undefined
      }
      return 'drop'
    }
    return record?.advertised?.by === 'us' && sameAsAdvertised(record.advertised.attributes, attributes)
      ? 'drop'
      : 'pass'
  }

  private zebraDeletesMacIp(key: Key, state: number): 'pass' | 'drop' {
    const record = this.records.find(key)
    if (record === undefined || record.removed || record.advertised === undefined || state !== NeighState.ACTIVE)
      return 'pass'
    return this.status(record) === 'announced' ? 'drop' : 'pass'
  }

  private reconcileMac(minSequence: MinSequence, out: Injection[]): void {
    const { vni, mac } = minSequence
    if (this.gate !== 'open') {
      // opening the gate comes back here
      this.minSequences.dirty.delete(minSequence)
      return
    }
    const attributes = this.minSequences.reconcile(minSequence)
    if (attributes !== undefined) out.push(this.addition({ vni, mac, ip: undefined }, attributes))
    const seq = this.minSequences.seqOf(vni, mac)
    if (seq === minSequence.comparedSeq) return
    minSequence.comparedSeq = seq
    const least = this.minSequences.minSeqOf(vni, mac)
    for (const ip of (least > 0 && this.views.get(vni)?.ipsOf(mac)) || []) {
      const advertised = this.advertisedByZebra({ vni, mac, ip })
      if (advertised !== undefined && advertised.attributes.seq < least) this.recordOf({ vni, mac, ip }, advertised)
    }
    this.touchMac(vni, mac)
  }

  private reconcile(record: OverlayRecord, out: Injection[]): void {
    this.dirty.delete(record)
    const status = record.removed ? undefined : this.status(record)
    const { vni, mac, ip } = record.entry
    const zebras = this.zebrasOwn(record.entry)
    if (status === 'announced') this.tell(record, this.wanted(record), out)
    else if (zebras !== undefined) this.reconcileZebras(record, zebras, out)
    else if (record.advertised !== undefined && this.gate === 'open') {
      const body = { vni, mac, ip, state: NeighState.ACTIVE }
      out.push({ command: 'ZEBRA_MACIP_DEL', vrf: this.vrf(vni), body })
      record.advertised = undefined
      // another MAC may have waited for this one to go
      for (const sibling of this.records.ofIp(vni, ip)) if (sibling !== record) this.touch(sibling)
    }
    // else the withdrawal waits: opening the gate comes back here
    if (status !== undefined) this.report(record, status)
    else if (
      zebras === undefined ? record.advertised === undefined : sameAsAdvertised(record.advertised?.attributes, zebras)
    )
      this.forget(record)
  }

  /** bgpd has zebra's own as zebra says, but for the sequence number if the MAC has a minSequence. */
  private reconcileZebras(record: OverlayRecord, zebras: Attributes, out: Injection[]): void {
    if (this.gate !== 'open' || (record.advertised === undefined && !record.suppressedPending)) return
    const { vni, mac } = record.entry
    // with its MAC gone zebra is about to withdraw it
    if (record.advertised !== undefined && this.views.get(vni)?.macs.has(mac) !== true) return
    const { flags, esi } = zebras
    const isLess = zebras.seq < this.minSequences.minSeqOf(vni, mac)
    const attributes = isLess ? { flags, seq: this.minSequences.seqOf(vni, mac), esi } : zebras
    if (!sameAsAdvertised(record.advertised?.attributes, attributes)) this.tell(record, attributes, out)
  }

  private tell(record: OverlayRecord, attributes: Attributes, out: Injection[]): void {
    if (!sameAsAdvertised(record.advertised?.attributes, attributes)) out.push(this.addition(record.entry, attributes))
    record.advertised = { by: 'us', attributes }
  }

  private addition(key: { vni: number; mac: string; ip: string | undefined }, attributes: Attributes): Injection {
    const { vni, mac, ip } = key
    return { command: 'ZEBRA_MACIP_ADD', vrf: this.vrf(vni), body: { vni, mac, ip, ...attributes } }
  }

  private sweep(limit: number, out: Injection[]): void {
    while (this.gate === 'open' && out.length < limit) {
      const route = this.staleRoutes.next()
      if (route === undefined) return
      if (!this.isGone(route)) continue
      const { vni, vrf, mac, ip } = route
      out.push({ command: 'ZEBRA_MACIP_DEL', vrf, body: { vni, mac, ip, state: NeighState.ACTIVE } })
    }
  }

  /** bgpd was told it in an earlier session and by nobody in this one; of a VNI that is not live it has nothing left. */
  private isGone({ vni, mac, ip }: StaleRoute): boolean {
    const view = this.views.get(vni)
    if (view?.announced === undefined) return false
    if (ip === undefined) return !view.macs.has(mac)
    // a DEL takes away the only local path of an IP, whatever its MAC
    if (view.macIps.has(ip)) return false
    for (const record of this.records.ofIp(vni, ip)) if (record.advertised !== undefined) return false
    return true
  }

  private status({ entry, advertised }: OverlayRecord): Status {
    if (this.gate !== 'open') return this.gate
    const view = this.views.get(entry.vni)
    if (view?.announced === undefined) return 'vni-not-live'
    const owners = view.macIps.get(entry.ip)
    if (owners?.has(entry.mac) === true) return 'shadowed'
    const local = view.macs.get(entry.mac)
    if (local === undefined) return 'mac-not-local'
    // of an entry that is only observed the minSequence knows nothing
    const requiredSeq = isSticky(local) ? 0 : entry.minSeq
    const seq = Math.max(this.minSequences.seqOf(entry.vni, entry.mac), requiredSeq)
    if (remoteWins(view, entry, seq, advertised !== undefined)) return 'remote'
    if (owners !== undefined) return 'ip-conflict'
    for (const sibling of this.records.ofIp(entry.vni, entry.ip)) {
      if (sibling.entry.mac !== entry.mac && sibling.advertised !== undefined) return 'ip-conflict'
    }
    return entry.observe ? 'observed' : 'announced'
  }

  /** The sequence number the MAC is announced with, and its Ethernet segment, never flags of zebra's MAC such as STICKY. */
  private wanted({ entry }: OverlayRecord): Attributes {
    const local = this.views.get(entry.vni)?.macs.get(entry.mac)
    if (local === undefined) throw new Error(`no local MAC ${entry.mac} in VNI ${entry.vni}`)
    const seq = this.minSequences.seqOf(entry.vni, entry.mac)
    return { flags: entry.router ? MacIpFlag.ROUTER : 0, seq, esi: local.esi }
  }

  private zebrasOwn({ vni, mac, ip }: Key): Attributes | undefined {
    return this.views.get(vni)?.macIps.get(ip)?.get(mac)
  }

  private advertisedByZebra(key: Key): Advertised | undefined {
    const attributes = this.zebrasOwn(key)
    return attributes === undefined ? undefined : { by: 'zebra', attributes }
  }

  private vrf(vni: number): number {
    return this.views.get(vni)?.announced?.vrf ?? 0
  }

  /** Of a MAC-IP that zebra announces; one that is no entry becomes an record, too, and bgpd has `told` of it. */
  private recordOf(key: Key, advertised: Advertised | undefined): OverlayRecord {
    const known = this.records.find(key)
    if (known !== undefined) return known
    const { vni, mac, ip } = key
    const record: OverlayRecord = {
      entry: { ...NO_ENTRY, vni, mac, ip },
      advertised,
      suppressedPending: false,
      removed: true,
      reported: undefined,
    }
    this.records.add(record)
    return record
  }

  /** bgpd has dropped all it was told about the VNI. */
  private forgetAdvertised(vni: number): void {
    for (const record of this.records.ofVni(vni)) {
      record.advertised = undefined
      record.suppressedPending = false
      this.touch(record)
    }
    this.minSequences.forgetAdvertised(vni)
  }

  private forgetAllAdvertised(): void {
    for (const vni of new Set([...this.records.vnis(), ...this.minSequences.vnis()])) this.forgetAdvertised(vni)
  }

  private forget(record: OverlayRecord): void {
    this.records.delete(record)
    this.reports.delete(record)
  }

  private report(record: OverlayRecord, status: Status): void {
    const report = this.reportOf(record, status)
    if (record.reported?.status === report.status && record.reported.seq === report.seq) return
    record.reported = report
    this.reports.add(record)
  }

  private reportOf(record: OverlayRecord, status: Status): Report {
    return { status, seq: record.advertised?.attributes.seq ?? 0 }
  }

  private touch(record: OverlayRecord): void {
    this.dirty.add(record)
  }

  /** Whatever zebra says of a MAC or MAC-IP may change what is to be said of these. */
  private touchConcerned({ vni, mac, ip }: { vni: number; mac: string; ip: string | undefined }): void {
    if (ip !== undefined) {
      for (const record of this.records.ofIp(vni, ip)) this.touch(record)
      return
    }
    this.touchMac(vni, mac)
    const minSequence = this.minSequences.find(vni, mac)
    if (minSequence !== undefined) this.minSequences.dirty.add(minSequence)
  }

  private touchMac(vni: number, mac: string): void {
    for (const record of this.records.ofMac(vni, mac)) this.touch(record)
  }

  private touchVni(vni: number): void {
    for (const record of this.records.ofVni(vni)) this.touch(record)
  }
}
