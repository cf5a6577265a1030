import type { EvidenceKind } from '../../bindings/model.js'

/** One snooped frame that passed the checks in the kernel: who claims, or would like, which address. */
export type Evidence = {
  kind: EvidenceKind
  /** Of the port that received the frame. */
  ifindex: number
  /** VLAN identifier of the frame's tag; 0: no tag, or one that only carries a priority. */
  vlan: number
  /** Ethertype of that tag: 0x8100 (802.1Q) or 0x88a8 (802.1ad); 0 if `vlan` is 0. */
  vlanProtocol: number
  /** ARP: sender hardware address. ND: what the link-layer address option says, without it `etherSource`. */
  mac: string
  /** Source of the Ethernet frame. */
  etherSource: string
  /** ARP: sender protocol address. NA: target address. NS, RA: source address. `arp-probe`, `dad-ns`: the target. */
  ip: string
  /** Flags of an NA (RFC 4861, 4.4); else false, but an RA is a router's. */
  router: boolean
  solicited: boolean
  override: boolean
  /** Milliseconds, CLOCK_MONOTONIC: the clock of `process.hrtime()`. */
  at: number
}
