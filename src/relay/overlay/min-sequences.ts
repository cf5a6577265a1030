// The least sequence numbers of MACs. An IP that a MAC took over from a remote one must be announced with more than that
// one's, and all routes of a MAC must carry one sequence number: zebra, which knows nothing of the IP, cannot choose it.
import { MacIpFlag } from '../../base/macip-flags.js'
import { type Attributes, type Views, sameAttributes } from './views.js'

/** Of one MAC in one VNI. */
export type MinSequence = {
  readonly vni: number
  readonly mac: string
  /** The highest that an entry of the MAC asks for; undefined: to be found anew. */
  requiredSeq: number | undefined
  /** What bgpd was told on demand. It stays while the MAC is local, whoever asks: far zebras ignore anything less. */
  heldMinSeq: number
  /** What bgpd has of the MAC alone. */
  advertised: Attributes | undefined
  /** The sequence number that the MAC's MAC-IPs were last compared with. */
  comparedSeq: number
}

export const sameAsAdvertised = (advertised: Attributes | undefined, attributes: Attributes): boolean =>
  advertised !== undefined && sameAttributes(advertised, attributes)

/** bgpd announces no sequence number with a sticky MAC: it would no longer say that it is one. */
export const isSticky = ({ flags }: Pick<Attributes, 'flags'>): boolean => (flags & MacIpFlag.STICKY) !== 0

/** For a MAC without a minSequence nothing is done but to find that it has none. */
export class MinSequences {
  private readonly byVni = new Map<number, Map<string, MinSequence>>()
  /** MinSequences of which the MAC, or zebra's MAC-IPs, may have to be announced anew. */
  readonly dirty = new Set<MinSequence>()

  /** @param requiredSeqOf the highest sequence number that an entry of the MAC asks for */
  constructor(
    private readonly views: Views,
    private readonly requiredSeqOf: (vni: number, mac: string) => number,
  ) {}

  find(vni: number, mac: string): MinSequence | undefined {
    return this.byVni.size === 0 ? undefined : this.byVni.get(vni)?.get(mac)
  }

  /** Of a new one bgpd has what zebra said. */
  of(vni: number, mac: string): MinSequence {
    const known = this.find(vni, mac)
    if (known !== undefined) return known
    const advertised = this.views.get(vni)?.macs.get(mac)
    const minSequence: MinSequence = { vni, mac, requiredSeq: undefined, heldMinSeq: 0, advertised, comparedSeq: 0 }
    const ofVni = this.byVni.get(vni) ?? new Map<string, MinSequence>()
    this.byVni.set(vni, ofVni)
    ofVni.set(mac, minSequence)
    return minSequence
  }

  ofVni(vni: number): Iterable<MinSequence> {
    return this.byVni.get(vni)?.values() ?? []
  }

  *all(): Generator<MinSequence> {
    for (const ofVni of this.byVni.values()) yield* ofVni.values()
  }

  vnis(): Iterable<number> {
    return this.byVni.keys()
  }

  /** An entry asks for another minSequence of its MAC than before. */
  setRequired({ vni, mac }: { vni: number; mac: string }, before: number, now: number): void {
    if (before === now) return
    const minSequence = this.of(vni, mac)
    const { requiredSeq } = minSequence
    if (requiredSeq !== undefined && now >= requiredSeq) minSequence.requiredSeq = now
    else if (before === requiredSeq) minSequence.requiredSeq = undefined
    this.dirty.add(minSequence)
  }

  /** bgpd has the MAC with `attributes`, more than zebra says, and is not to be told less. */
  hold(minSequence: MinSequence, attributes: Attributes): void {
    minSequence.advertised = attributes
    const zebras = this.views.get(minSequence.vni)?.macs.get(minSequence.mac)
    if (attributes.seq > (zebras?.seq ?? 0)) minSequence.heldMinSeq = Math.max(minSequence.heldMinSeq, attributes.seq)
    this.dirty.add(minSequence)
  }

  /** Meanwhile zebra's words have passed as they were. */
  compareAnew(): void {
    for (const minSequence of this.all()) {
      minSequence.comparedSeq = 0
      this.dirty.add(minSequence)
    }
  }

  /** bgpd has ignored what it was told about a VNI that was not live. To be called before the VNI's view is. */
  onVniAdd(vni: number): void {
    if (this.views.get(vni)?.announced !== undefined) return
    for (const minSequence of this.ofVni(vni)) {
      minSequence.advertised = undefined
      minSequence.comparedSeq = 0
      this.dirty.add(minSequence)
    }
  }

  /** bgpd has dropped all it was told about the VNI. */
  forgetAdvertised(vni: number): void {
    for (const minSequence of this.ofVni(vni)) {
      minSequence.advertised = undefined
      minSequence.heldMinSeq = 0
      this.dirty.add(minSequence)
    }
  }

  /** Below this nothing of the MAC may be announced; 0: there is no such limit, as for every MAC that is not local. */
  minSeqOf(vni: number, mac: string): number {
    const minSequence = this.find(vni, mac)
    if (minSequence === undefined) return 0
    const view = this.views.get(vni)
    const local = view?.macs.get(mac)
    if (view?.announced === undefined || local === undefined || isSticky(local)) return 0
    return Math.max(this.requiredBy(minSequence), minSequence.heldMinSeq)
  }

  /** The sequence number that a local MAC is announced with: zebra's, or more. */
  seqOf(vni: number, mac: string): number {
    return Math.max(this.views.get(vni)?.macs.get(mac)?.seq ?? 0, this.minSeqOf(vni, mac))
  }

  /** What bgpd is to be told of the MAC alone, if it has something else. */
  reconcile(minSequence: MinSequence): Attributes | undefined {
    const { vni, mac, advertised } = minSequence
    const view = this.views.get(vni)
    const zebras = view?.macs.get(mac)
    let attributes: Attributes | undefined
    if (view?.announced !== undefined && zebras !== undefined) {
      attributes = { flags: zebras.flags, seq: this.seqOf(vni, mac), esi: zebras.esi }
      if (sameAsAdvertised(advertised, attributes)) attributes = undefined
      else this.hold(minSequence, attributes)
    }
    this.dirty.delete(minSequence)
    if (this.requiredBy(minSequence) === 0 && minSequence.heldMinSeq === 0) this.delete(minSequence)
    return attributes
  }

  private requiredBy(minSequence: MinSequence): number {
    minSequence.requiredSeq ??= this.requiredSeqOf(minSequence.vni, minSequence.mac)
    return minSequence.requiredSeq
  }

  private delete({ vni, mac }: MinSequence): void {
    const ofVni = this.byVni.get(vni)
    ofVni?.delete(mac)
    if (ofVni?.size === 0) this.byVni.delete(vni)
  }
}
