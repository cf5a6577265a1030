// The overlay's entries, found by key, by IP, by MAC and by VNI.
import { type ByIp, deleteByIp, setByIp } from './views.js'

/** What an entry is known by. */
export type Key = { readonly vni: number; readonly mac: string; readonly ip: string }

/** Items of which the key never changes; no look-up is proportional to anything but its result. */
export class Items<Item extends { readonly entry: Key }> {
  private readonly byVni = new Map<number, { byIp: ByIp<Item>; byMac: Map<string, Set<Item>> }>()

  add(item: Item): void {
    const { vni, mac, ip } = item.entry
    const index = this.byVni.get(vni) ?? {
      byIp: new Map<string, Map<string, Item>>(),
      byMac: new Map<string, Set<Item>>(),
    }
    this.byVni.set(vni, index)
    setByIp(index.byIp, ip, mac, item)
    const ofMac = index.byMac.get(mac)
    if (ofMac === undefined) index.byMac.set(mac, new Set([item]))
    else ofMac.add(item)
  }

  delete(item: Item): void {
    const { vni, mac, ip } = item.entry
    const index = this.byVni.get(vni)
    if (index === undefined) return
    deleteByIp(index.byIp, ip, mac)
    const ofMac = index.byMac.get(mac)
    ofMac?.delete(item)
    if (ofMac?.size === 0) index.byMac.delete(mac)
    if (index.byMac.size === 0) this.byVni.delete(vni)
  }

  find({ vni, mac, ip }: Key): Item | undefined {
    return this.byVni.get(vni)?.byIp.get(ip)?.get(mac)
  }

  ofIp(vni: number, ip: string): Iterable<Item> {
    return this.byVni.get(vni)?.byIp.get(ip)?.values() ?? []
  }

  ofMac(vni: number, mac: string): Iterable<Item> {
    return this.byVni.get(vni)?.byMac.get(mac) ?? []
  }

  *ofVni(vni: number): Generator<Item> {
    for (const ofMac of this.byVni.get(vni)?.byMac.values() ?? []) yield* ofMac
  }

  *all(): Generator<Item> {
    for (const vni of this.byVni.keys()) yield* this.ofVni(vni)
  }

  vnis(): Iterable<number> {
    return this.byVni.keys()
  }
}
