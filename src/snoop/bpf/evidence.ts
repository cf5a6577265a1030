import type { FrameRefusal } from '../../bindings/frame-refusal.js'
import type { EvidenceKind } from '../../bindings/model.js'

/** One snooped frame that passed the checks in the kernel: a host claims an address, or asks whether it is free. */
export type Evidence = {
  kind: EvidenceKind
  /** Index of the port that received the frame. */
  ifindex: number
  /** VLAN identifier of the frame's tag; 0: no tag, or one that only carries a priority. */
  vlan: number
  /** Ethertype of that tag: 0x8100 (802.1Q) or 0x88a8 (802.1ad); 0 if `vlan` is 0. */
  vlanProtocol: number
  /** ARP: sender hardware address. ND: the link-layer address option, or `etherSource` if there is none. */
  mac: string
  /** Source MAC of the Ethernet frame. */
  etherSource: string
  /** ARP: sender protocol address. NA: target address. NS, RA: source address. `arp-probe`, `dad-ns`: the target. */
  ip: string
  /** The R flag of an NA (RFC 4861, 4.4); true for an RA, false for the other kinds. */
  router: boolean
  solicited: boolean
  override: boolean
  /** Arrival in milliseconds of CLOCK_MONOTONIC, which is the clock of `process.hrtime()`. */
  at: number
}

/** One of the frames that the program refused; it reports only some of many. */
export type RefusedFrame = {
  reason: FrameRefusal
  ifindex: number
  vlan: number
  /** As in Evidence; the source of the Ethernet frame if the claim was not read. */
  mac: string
  /** As in Evidence; '' if the claim was not read. */
  ip: string
}
