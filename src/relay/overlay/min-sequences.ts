// The least sequence numbers of MACs. An IP that a MAC took over from a remote one must be announced with more than that
// one's, and all routes of a MAC must carry one sequence number: zebra, which knows nothing of the IP, cannot choose it.
import { MacIpFlag } from '../../zapi/messages/macip.js'
import { type Attributes, type Views, sameAttributes } from './views.js'

/** Of one MAC in one VNI. */
export type Floor = {
  readonly vni: number
  readonly mac: string
  /** The highest that an entry of the MAC asks for; undefined: to be found anew. */
  demanded: number | undefined
  /** What bgpd was told on demand. It stays while the MAC is local, whoever asks: far zebras ignore anything less. */
  kept: number
  /** What bgpd has of the MAC alone. */
  told: Attributes | undefined
  /** The sequence number that the MAC's MAC-IPs were last compared with. */
  settled: number
}

export const isTold = (told: Attributes | undefined, attributes: Attributes): boolean =>
  told !== undefined && sameAttributes(told, attributes)

/** bgpd announces no sequence number with a sticky MAC: it would no longer say that it is one. */
export const isSticky = ({ flags }: Pick<Attributes, 'flags'>): boolean => (flags & MacIpFlag.STICKY) !== 0

/** For a MAC without a floor nothing is done but to find that it has none. */
export class Floors {
  private readonly byVni = new Map<number, Map<string, Floor>>()
  /** Floors of which the MAC, or zebra's MAC-IPs, may have to be announced anew. */
  readonly dirty = new Set<Floor>()

  /** @param demandOf the highest sequence number that an entry of the MAC asks for */
  constructor(
    private readonly views: Views,
    private readonly demandOf: (vni: number, mac: string) => number,
  ) {}

  find(vni: number, mac: string): Floor | undefined {
    return this.byVni.size === 0 ? undefined : this.byVni.get(vni)?.get(mac)
  }

  /** Of a new one bgpd has what zebra said. */
  of(vni: number, mac: string): Floor {
    const known = this.find(vni, mac)
    if (known !== undefined) return known
    const told = this.views.get(vni)?.macs.get(mac)
    const floor: Floor = { vni, mac, demanded: undefined, kept: 0, told, settled: 0 }
    const ofVni = this.byVni.get(vni) ?? new Map<string, Floor>()
    this.byVni.set(vni, ofVni)
    ofVni.set(mac, floor)
    return floor
  }

  ofVni(vni: number): Iterable<Floor> {
    return this.byVni.get(vni)?.values() ?? []
  }

  *all(): Generator<Floor> {
    for (const ofVni of this.byVni.values()) yield* ofVni.values()
  }

  vnis(): Iterable<number> {
    return this.byVni.keys()
  }

  /** An entry asks for another floor of its MAC than before. */
  demand({ vni, mac }: { vni: number; mac: string }, before: number, now: number): void {
    if (before === now) return
    const floor = this.of(vni, mac)
    const { demanded } = floor
    if (demanded !== undefined && now >= demanded) floor.demanded = now
    else if (before === demanded) floor.demanded = undefined
    this.dirty.add(floor)
  }

  /** bgpd has the MAC with `attributes`, more than zebra says, and is not to be told less. */
  keep(floor: Floor, attributes: Attributes): void {
    floor.told = attributes
    const zebras = this.views.get(floor.vni)?.macs.get(floor.mac)
    if (attributes.seq > (zebras?.seq ?? 0)) floor.kept = Math.max(floor.kept, attributes.seq)
    this.dirty.add(floor)
  }

  /** Meanwhile zebra's words have passed as they were. */
  compareAnew(): void {
    for (const floor of this.all()) {
      floor.settled = 0
      this.dirty.add(floor)
    }
  }

  /** bgpd has ignored what it was told about a VNI that was not live. To be called before the VNI's view is. */
  onVniAdd(vni: number): void {
    if (this.views.get(vni)?.announced !== undefined) return
    for (const floor of this.ofVni(vni)) {
      floor.told = undefined
      floor.settled = 0
      this.dirty.add(floor)
    }
  }

  /** bgpd has dropped all it was told about the VNI. */
  forgetTold(vni: number): void {
    for (const floor of this.ofVni(vni)) {
      floor.told = undefined
      floor.kept = 0
      this.dirty.add(floor)
    }
  }

  /** Below this nothing of the MAC may be announced; 0: there is no such limit, as for every MAC that is not local. */
  least(vni: number, mac: string): number {
    const floor = this.find(vni, mac)
    if (floor === undefined) return 0
    const view = this.views.get(vni)
    const local = view?.macs.get(mac)
    if (view?.announced === undefined || local === undefined || isSticky(local)) return 0
    return Math.max(this.demandedBy(floor), floor.kept)
  }

  /** The sequence number that a local MAC is announced with: zebra's, or more. */
  seqOf(vni: number, mac: string): number {
    return Math.max(this.views.get(vni)?.macs.get(mac)?.seq ?? 0, this.least(vni, mac))
  }

  /** What bgpd is to be told of the MAC alone, if it has something else. */
  settle(floor: Floor): Attributes | undefined {
    const { vni, mac, told } = floor
    const view = this.views.get(vni)
    const zebras = view?.macs.get(mac)
    let attributes: Attributes | undefined
    if (view?.announced !== undefined && zebras !== undefined) {
      attributes = { flags: zebras.flags, seq: this.seqOf(vni, mac), esi: zebras.esi }
      if (isTold(told, attributes)) attributes = undefined
      else this.keep(floor, attributes)
    }
    this.dirty.delete(floor)
    if (this.demandedBy(floor) === 0 && floor.kept === 0) this.delete(floor)
    return attributes
  }

  private demandedBy(floor: Floor): number {
    floor.demanded ??= this.demandOf(floor.vni, floor.mac)
    return floor.demanded
  }

  private delete({ vni, mac }: Floor): void {
    const ofVni = this.byVni.get(vni)
    ofVni?.delete(mac)
    if (ofVni?.size === 0) this.byVni.delete(vni)
  }
}
