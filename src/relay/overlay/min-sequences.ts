// Minimum sequence numbers of MACs. An IP that a MAC took over from a remote MAC must be announced with a higher sequence
// number than the remote one, and all routes of a MAC must carry one sequence number. zebra, which knows nothing of the
// IP, cannot choose it.
import { type Attributes, type Views, isSticky, sameAsAdvertised } from './views.js'

/** The minimum sequence number of one MAC in one VNI. */
export type MinSequence = {
  readonly vni: number
  readonly mac: string
  /** The highest that an entry of the MAC requires; undefined: it must be computed. */
  requiredSeq: number | undefined
  /**
   * The highest that the MAC was announced with because an entry required it. It stays while the MAC is local, even when
   * no entry requires it any more: zebra on other nodes ignores anything less.
   */
  heldMinSeq: number
  /** The attributes bgpd has of the MAC without an IP. */
  advertised: Attributes | undefined
  /** The sequence number that the MAC's MAC-IPs were last compared with. */
  comparedSeq: number
}

/** The minimum sequences of all MACs that have one. For other MACs the only cost is to find that they have none. */
export class MinSequences {
  private readonly byVni = new Map<number, Map<string, MinSequence>>()
  /** Those whose MAC, or zebra's MAC-IPs of it, may have to be announced again. */
  readonly dirty = new Set<MinSequence>()

  /** @param requiredSeqOf the highest sequence number that an entry of the MAC requires */
  constructor(
    private readonly views: Views,
    private readonly requiredSeqOf: (vni: number, mac: string) => number,
  ) {}

  find(vni: number, mac: string): MinSequence | undefined {
    return this.byVni.size === 0 ? undefined : this.byVni.get(vni)?.get(mac)
  }

  /** Seeds a new one with zebra's attributes of the MAC. */
  findOrAdd(vni: number, mac: string): MinSequence {
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

  /** An entry requires `now` for its MAC instead of `before`. */
  setRequired({ vni, mac }: { vni: number; mac: string }, before: number, now: number): void {
    if (before === now) return
    const minSequence = this.findOrAdd(vni, mac)
    const { requiredSeq } = minSequence
    if (requiredSeq !== undefined && now >= requiredSeq) minSequence.requiredSeq = now
    else if (before === requiredSeq) minSequence.requiredSeq = undefined
    this.dirty.add(minSequence)
  }

  /** bgpd has the MAC with `attributes`. If this is more than zebra's sequence number, it must not get less. */
  onAdvertised(minSequence: MinSequence, attributes: Attributes): void {
    minSequence.advertised = attributes
    const zebras = this.views.get(minSequence.vni)?.macs.get(minSequence.mac)
    if (attributes.seq > (zebras?.seq ?? 0)) minSequence.heldMinSeq = Math.max(minSequence.heldMinSeq, attributes.seq)
    this.dirty.add(minSequence)
  }

  /** The gate has changed: while it is closed, zebra's messages pass as they are. */
  compareAgain(): void {
    for (const minSequence of this.all()) {
      minSequence.comparedSeq = 0
      this.dirty.add(minSequence)
    }
  }

  /** bgpd has ignored all MACs of the VNI while it was not live. To be called before the VNI's view is updated. */
  onVniAdd(vni: number): void {
    if (this.views.get(vni)?.announced !== undefined) return
    for (const minSequence of this.ofVni(vni)) {
      minSequence.advertised = undefined
      minSequence.comparedSeq = 0
      this.dirty.add(minSequence)
    }
  }

  /** bgpd has dropped every local MAC of the VNI. */
  forgetAdvertised(vni: number): void {
    for (const minSequence of this.ofVni(vni)) {
      minSequence.advertised = undefined
      minSequence.heldMinSeq = 0
      this.dirty.add(minSequence)
    }
  }

  /** No route of the MAC may be announced with less than this; 0 if it has no minimum, or is not local, or is sticky. */
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

  /** The attributes to announce the MAC with, without an IP; undefined if bgpd has them, or the MAC is not local. */
  reconcile(minSequence: MinSequence): Attributes | undefined {
    const { vni, mac, advertised } = minSequence
    const view = this.views.get(vni)
    const zebras = view?.macs.get(mac)
    let attributes: Attributes | undefined
    if (view?.announced !== undefined && zebras !== undefined) {
      attributes = { flags: zebras.flags, seq: this.seqOf(vni, mac), esi: zebras.esi }
      if (sameAsAdvertised(advertised, attributes)) attributes = undefined
      else this.onAdvertised(minSequence, attributes)
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
