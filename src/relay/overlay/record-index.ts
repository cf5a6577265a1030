// The overlay's records, found by key, by IP, by MAC and by VNI.
import type { Key } from '../../bindings/model.js'
import { type ByIp, deleteByIp, setByIp } from './views.js'

/** The key of a record must not change. Each look-up costs time in proportion to its result only. */
export class RecordIndex<R extends { readonly entry: Key }> {
  private readonly byVni = new Map<number, { byIp: ByIp<R>; byMac: Map<string, Set<R>> }>()

  add(record: R): void {
    const { vni, mac, ip } = record.entry
    const index = this.byVni.get(vni) ?? {
      byIp: new Map<string, Map<string, R>>(),
      byMac: new Map<string, Set<R>>(),
    }
    this.byVni.set(vni, index)
    setByIp(index.byIp, ip, mac, record)
    const ofMac = index.byMac.get(mac)
    if (ofMac === undefined) index.byMac.set(mac, new Set([record]))
    else ofMac.add(record)
  }

  delete(record: R): void {
    const { vni, mac, ip } = record.entry
    const index = this.byVni.get(vni)
    if (index === undefined) return
    deleteByIp(index.byIp, ip, mac)
    const ofMac = index.byMac.get(mac)
    ofMac?.delete(record)
    if (ofMac?.size === 0) index.byMac.delete(mac)
    if (index.byMac.size === 0) this.byVni.delete(vni)
  }

  find({ vni, mac, ip }: Key): R | undefined {
    return this.byVni.get(vni)?.byIp.get(ip)?.get(mac)
  }

  hasIp(vni: number, ip: string): boolean {
    return this.byVni.get(vni)?.byIp.has(ip) === true
  }

  ofIp(vni: number, ip: string): Iterable<R> {
    return this.byVni.get(vni)?.byIp.get(ip)?.values() ?? []
  }

  ofMac(vni: number, mac: string): Iterable<R> {
    return this.byVni.get(vni)?.byMac.get(mac) ?? []
  }

  *ofVni(vni: number): Generator<R> {
    for (const ofMac of this.byVni.get(vni)?.byMac.values() ?? []) yield* ofMac
  }

  *all(): Generator<R> {
    for (const vni of this.byVni.keys()) yield* this.ofVni(vni)
  }

  vnis(): Iterable<number> {
    return this.byVni.keys()
  }
}
