// The overlay's entries, found by key, by IP, by MAC and by VNI.
import type { Key } from '../../bindings/model.js'
import { type ByIp, deleteByIp, setByIp } from './views.js'

/** RecordIndex of which the key never changes; no look-up is proportional to anything but its result. */
export class RecordIndex<OverlayRecord extends { readonly entry: Key }> {
  private readonly byVni = new Map<number, { byIp: ByIp<OverlayRecord>; byMac: Map<string, Set<OverlayRecord>> }>()

  add(record: OverlayRecord): void {
    const { vni, mac, ip } = record.entry
    const index = this.byVni.get(vni) ?? {
      byIp: new Map<string, Map<string, OverlayRecord>>(),
      byMac: new Map<string, Set<OverlayRecord>>(),
    }
    this.byVni.set(vni, index)
    setByIp(index.byIp, ip, mac, record)
    const ofMac = index.byMac.get(mac)
    if (ofMac === undefined) index.byMac.set(mac, new Set([record]))
    else ofMac.add(record)
  }

  delete(record: OverlayRecord): void {
    const { vni, mac, ip } = record.entry
    const index = this.byVni.get(vni)
    if (index === undefined) return
    deleteByIp(index.byIp, ip, mac)
    const ofMac = index.byMac.get(mac)
    ofMac?.delete(record)
    if (ofMac?.size === 0) index.byMac.delete(mac)
    if (index.byMac.size === 0) this.byVni.delete(vni)
  }

  find({ vni, mac, ip }: Key): OverlayRecord | undefined {
    return this.byVni.get(vni)?.byIp.get(ip)?.get(mac)
  }

  ofIp(vni: number, ip: string): Iterable<OverlayRecord> {
    return this.byVni.get(vni)?.byIp.get(ip)?.values() ?? []
  }

  ofMac(vni: number, mac: string): Iterable<OverlayRecord> {
    return this.byVni.get(vni)?.byMac.get(mac) ?? []
  }

  *ofVni(vni: number): Generator<OverlayRecord> {
    for (const ofMac of this.byVni.get(vni)?.byMac.values() ?? []) yield* ofMac
  }

  *all(): Generator<OverlayRecord> {
    for (const vni of this.byVni.keys()) yield* this.ofVni(vni)
  }

  vnis(): Iterable<number> {
    return this.byVni.keys()
  }
}
