// The overlay: MAC-IPs to announce to bgpd besides zebra's own. bgpd gets the union of both, and zebra's wins, but with no
// less than the sequence number that an entry requires for its MAC. The overlay decides and sends nothing itself.
import type { Entry, Key } from '../../bindings/model.js'
import type { BgpMessage, ZebraMessage } from '../../zapi/evpn-codec.js'
import { type Gate, type Injection, type OverlayRecord, type Report, requiredSeqOf } from './entry.js'
import { applyRecorded, filter } from './filter.js'
import { reconcile, refreshStatuses } from './reconcile.js'
import {
  type HeldMinSequence,
  heldMinSequences,
  injected,
  isDropped,
  restoreInjected,
  restoreMinSequence,
} from './snapshot.js'
import { OverlayState } from './state.js'
import { reportOf, statusOf } from './status.js'
import type { LiveChanges } from './live-changes.js'
import { type RestateListener, type VniReading, restate } from './restate.js'
import type { Views } from './views.js'

/** How long zebra may take to announce all it has in a new session; it does not say when it is done. */
export const INITIAL_SYNC_MS = 30_000

export class Overlay {
  private readonly state: OverlayState
  private count = 0

  constructor(views: Views) {
    this.state = new OverlayState(views)
  }

  /** The number of entries. */
  get size(): number {
    return this.count
  }

  /** Every entry and its present status. */
  *entries(): Generator<{ entry: Entry; report: Report }> {
    for (const record of this.state.records.all()) {
      if (!record.removed) yield { entry: record.entry, report: reportOf(record, statusOf(this.state, record)) }
    }
  }

  /** Whether bgpd has the MAC-IP from us. */
  isOurs(key: Key): boolean {
    return this.state.records.find(key)?.advertised?.by === 'us'
  }

  put(entry: Entry): void {
    const { state } = this
    const known = state.records.find(entry)
    if (known !== undefined) {
      const before = requiredSeqOf(known)
      if (known.removed) {
        this.count++
        // the owner, which has removed it, needs its status again
        known.reported = undefined
      }
      known.entry = entry
      known.removed = false
      state.touchIp(entry.vni, entry.ip)
      state.minSequences.setRequired(entry, before, requiredSeqOf(known))
      return
    }
    const record: OverlayRecord = {
      entry,
      advertised: state.advertisedByZebra(entry),
      suppressedPending: false,
      removed: false,
      reported: undefined,
    }
    state.records.add(record)
    this.count++
    state.touch(record)
    state.minSequences.setRequired(entry, 0, requiredSeqOf(record))
  }

  remove(key: Key): void {
    const record = this.state.records.find(key)
    if (record === undefined || record.removed) return
    const before = requiredSeqOf(record)
    record.removed = true
    this.count--
    this.state.touchIp(key.vni, key.ip)
    this.state.minSequences.setRequired(key, before, 0)
  }

  /** Opens or closes injection as a whole, which concerns every entry. */
  setGate(gate: Gate): void {
    const { state } = this
    if (gate === state.gate) return
    state.gate = gate
    for (const record of state.records.all()) state.touch(record)
    state.minSequences.compareAgain()
  }

  /** Takes a message of zebra on its way to bgpd, and says whether it goes on; see `filter`. */
  onZebra(message: ZebraMessage): 'pass' | 'drop' | 'defer' {
    return filter(this.state, message)
  }

  /** Takes a message of bgpd on its way to zebra. Returns the message that it implies; see `Views.applyBgpd`. */
  onBgpd(message: BgpMessage): BgpMessage | undefined {
    const { state } = this
    if (message.command === 'ZEBRA_REMOTE_MACIP_DEL' && !state.views.isRemote(message.body)) {
      // what is local is not known while it is read from FRR
      if (state.gate === 'relearning' || state.hasLocal(message.body)) state.droppedRoutes.add(message.body)
    }
    const implied = state.views.applyBgpd(message)
    switch (message.command) {
      case 'ZEBRA_ADVERTISE_ALL_VNI':
        if (message.body.advertise === 0) state.forgetAllAdvertised()
        break
      case 'ZEBRA_REMOTE_MACIP_ADD':
      case 'ZEBRA_REMOTE_MACIP_DEL':
        if (message.body.ip === undefined) state.touchMac(message.body.vni, message.body.mac)
        else state.touchIp(message.body.vni, message.body.ip)
        break
      case 'ZEBRA_REMOTE_VTEP_ADD':
      case 'ZEBRA_REMOTE_VTEP_DEL':
        break
    }
    return implied
  }

  /**
   * The main session has ended. bgpd keeps the routes of the session; when it connects again, zebra will not withdraw
   * those that have gone meanwhile.
   */
  onSessionLost(): void {
    const { views, records, staleRoutes, droppedRoutes } = this.state
    for (const [vni, view] of views.entries()) {
      const vrf = view.announced?.vrf ?? 0
      for (const mac of view.macs.keys()) staleRoutes.remember({ vni, vrf, mac, ip: undefined })
      for (const [ip, byMac] of view.macIps) for (const mac of byMac.keys()) staleRoutes.remember({ vni, vrf, mac, ip })
    }
    for (const { entry, advertised } of records.all()) {
      const { vni, mac, ip } = entry
      if (advertised?.by === 'us') staleRoutes.remember({ vni, vrf: this.state.vrf(vni), mac, ip })
    }
    staleRoutes.interrupt()
    droppedRoutes.clear()
    views.clear()
    this.state.forgetAllAdvertised()
    this.setGate('no-session')
  }

  /** What bgpd has is not certain any more: zebra's messages pass as they are until `restate` has brought the truth. */
  onUncertain(): void {
    this.state.forgetAllAdvertised()
  }

  /** See `restate`. To be called while the gate is closed. */
  restate(
    readings: ReadonlyMap<number, VniReading>,
    live: LiveChanges,
    listener: RestateListener,
  ): Generator<void, number> {
    return restate(this.state, readings, live, listener)
  }

  /** zebra has announced all it has in a new session: bgpd's older routes beyond that are to be withdrawn. */
  onInitialSyncDone(): void {
    this.state.staleRoutes.sweep()
  }

  /** Whether `next` may have something to inject. */
  get pending(): boolean {
    const { dirty, minSequences, droppedRoutes, staleRoutes, gate } = this.state
    if (gate === 'open' && droppedRoutes.size > 0) return true
    return dirty.size > 0 || minSequences.dirty.size > 0 || staleRoutes.sweeping
  }

  /** Messages to inject now, about `limit` at most; see `reconcile`. */
  next(limit: number): Injection[] {
    return reconcile(this.state, limit)
  }

  /** Brings the statuses for `takeReports` up to date while nothing may be injected. */
  refreshStatuses(): void {
    refreshStatuses(this.state)
  }

  /** Statuses that have changed since the last call. */
  takeReports(): (Report & { key: Key })[] {
    const reports: (Report & { key: Key })[] = []
    for (const { entry, reported } of this.state.unreported) {
      if (reported !== undefined) reports.push({ key: entry, ...reported })
    }
    this.state.unreported.clear()
    return reports
  }

  heldMinSequences(): Generator<HeldMinSequence> {
    return heldMinSequences(this.state)
  }

  injected(): Generator<Injection> {
    return injected(this.state)
  }

  isDropped(message: ZebraMessage): boolean {
    return isDropped(this.state, message)
  }

  /** A predecessor has passed on or dropped the message. */
  onRecorded(message: ZebraMessage, dropped: boolean): void {
    applyRecorded(this.state, message, dropped)
  }

  /** A predecessor has injected the message. */
  onInjected(message: Injection): void {
    restoreInjected(this.state, message)
  }

  /** A predecessor has announced the MAC with at least `seq`. */
  onMinSequence(held: HeldMinSequence): void {
    restoreMinSequence(this.state, held)
  }
}
