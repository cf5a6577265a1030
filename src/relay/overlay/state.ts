// The state that the parts of the overlay share. Each part changes it and marks as dirty what has to be looked at again.
import { type Advertised, type Gate, NO_ENTRY, type OverlayRecord, requiredSeqOf } from './entry.js'
import { DroppedRoutes } from './dropped-routes.js'
import { MinSequences } from './min-sequences.js'
import type { Key } from '../../bindings/model.js'
import { RecordIndex } from './record-index.js'
import { StaleRoutes } from './stale-routes.js'
import type { Attributes, Views } from './views.js'

export class OverlayState {
  readonly records = new RecordIndex<OverlayRecord>()
  readonly minSequences: MinSequences
  readonly staleRoutes = new StaleRoutes()
  readonly droppedRoutes = new DroppedRoutes()
  /** Records whose advertisement or status may have to change. */
  readonly dirty = new Set<OverlayRecord>()
  /** Records whose status has changed and has not been reported yet. */
  readonly unreported = new Set<OverlayRecord>()
  gate: Gate = 'no-session'

  constructor(readonly views: Views) {
    this.minSequences = new MinSequences(views, (vni, mac) => {
      let highest = 0
      for (const record of this.records.ofMac(vni, mac)) highest = Math.max(highest, requiredSeqOf(record))
      return highest
    })
  }

  /** The attributes that zebra itself announces the MAC-IP with. */
  zebrasOwn({ vni, mac, ip }: Key): Attributes | undefined {
    return this.views.get(vni)?.macIps.get(ip)?.get(mac)
  }

  advertisedByZebra(key: Key): Advertised | undefined {
    const attributes = this.zebrasOwn(key)
    return attributes === undefined ? undefined : { by: 'zebra', attributes }
  }

  /** Whether bgpd may have a local route of the MAC, or of the IP, on whatever MAC. */
  hasLocal({ vni, mac, ip }: { vni: number; mac: string; ip: string | undefined }): boolean {
    const view = this.views.get(vni)
    if (ip === undefined) return view?.macs.has(mac) === true
    return view?.macIps.has(ip) === true || this.records.hasIp(vni, ip)
  }

  /** The VRF for the header of a message about the VNI. */
  vrf(vni: number): number {
    return this.views.get(vni)?.announced?.vrf ?? 0
  }

  /** For a MAC-IP that zebra announces. A new record has no entry, and `advertised` is what bgpd has of it. */
  findOrAddRecord(key: Key, advertised: Advertised | undefined): OverlayRecord {
    const known = this.records.find(key)
    if (known !== undefined) return known
    const { vni, mac, ip } = key
    const record: OverlayRecord = {
      entry: { vni, mac, ip, ...NO_ENTRY },
      advertised,
      suppressedPending: false,
      removed: true,
      reported: undefined,
    }
    this.records.add(record)
    return record
  }

  /** bgpd has dropped every local route of the VNI. */
  forgetAdvertised(vni: number): void {
    for (const record of this.records.ofVni(vni)) {
      record.advertised = undefined
      record.suppressedPending = false
      this.touch(record)
    }
    this.minSequences.forgetAdvertised(vni)
  }

  forgetAllAdvertised(): void {
    for (const vni of new Set([...this.records.vnis(), ...this.minSequences.vnis()])) this.forgetAdvertised(vni)
  }

  forget(record: OverlayRecord): void {
    this.records.delete(record)
    this.unreported.delete(record)
  }

  touch(record: OverlayRecord): void {
    this.dirty.add(record)
  }

  touchIp(vni: number, ip: string): void {
    for (const record of this.records.ofIp(vni, ip)) this.touch(record)
  }

  touchMac(vni: number, mac: string): void {
    for (const record of this.records.ofMac(vni, mac)) this.touch(record)
  }

  touchVni(vni: number): void {
    for (const record of this.records.ofVni(vni)) this.touch(record)
  }

  /** Touches all that may change when zebra announces or withdraws a MAC or a MAC-IP. */
  touchConcerned({ vni, mac, ip }: { vni: number; mac: string; ip: string | undefined }): void {
    if (ip !== undefined) {
      this.touchIp(vni, ip)
      return
    }
    this.touchMac(vni, mac)
    const minSequence = this.minSequences.find(vni, mac)
    if (minSequence !== undefined) this.minSequences.dirty.add(minSequence)
  }
}
