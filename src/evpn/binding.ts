// What the table holds and what reaches it. MAC and IP addresses are canonical text, times milliseconds of one
// monotonic clock.
import type { Status } from '../zapi/overlay.js'

/** What an entry of the relay's overlay is known by. */
export type Key = { readonly vni: number; readonly mac: string; readonly ip: string }

/** Where a host was seen: a bridge port on the VM side and the VLAN there (0 = untagged). */
export type Place = { readonly ifindex: number; readonly port: string; readonly vlan: number }

export type EvidenceKind = 'arp-request' | 'arp-reply' | 'na'

/** One snooped frame, with what the node knew about its origin when it arrived. */
export type Evidence = {
  readonly kind: EvidenceKind
  /** Sender hardware address (ARP) or target link-layer address (NA). */
  readonly mac: string
  readonly etherSource: string
  /** Sender protocol address (ARP) or target address (NA). */
  readonly ip: string
  /** R and O of the NA; ARP has neither. */
  readonly router: boolean
  readonly override: boolean
  /** undefined: the port is none that is snooped, or went down since. */
  readonly place: Place | undefined
  /** VNI of port and VLAN; undefined: there is none. */
  readonly vni: number | undefined
  readonly own: Own | undefined
}

/** Which of a frame's addresses belongs to the node itself. */
export type Own = 'mac' | 'ip'

/** An entry of the relay's overlay. */
export type Entry = Key & {
  readonly router: boolean
  readonly port: string
  readonly vlan: number
  readonly firstSeen: number
  readonly lastSeen: number
  /** The least sequence number the relay may announce the MAC with; 0 = none. */
  readonly minSeq: number
  /** bgpd is not told. */
  readonly observe: boolean
}

/** `connection`: which connection to the relay brought it; reports of an earlier one no longer count. */
export type Report = { readonly status: Status; readonly seq: number; readonly connection: number }

/** (VNI, IP) → MAC, port, evidence. The identity never changes: another MAC is another binding. */
export type Binding = Key & {
  place: Place
  router: boolean
  evidence: EvidenceKind | 'restored'
  firstSeen: number
  lastSeen: number
  /** `lastSeen` as the relay knows it. */
  storedSeen: number
  expires: number
  report: Report | undefined
}

export const entryOf = ({ vni, mac, ip, router, place, firstSeen, lastSeen }: Binding): Entry => ({
  vni,
  mac,
  ip,
  router,
  port: place.port,
  vlan: place.vlan,
  firstSeen,
  lastSeen,
  minSeq: 0,
  observe: false,
})
