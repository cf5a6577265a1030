// An entry of the overlay, what bgpd has of it, and what becomes of it.
import type { Key } from './record-index.js'
import type { Attributes } from './views.js'
import type { ZebraMessage } from '../../zapi/evpn-codec.js'

/** An entry as the snooper gave it; what the overlay does not use is handed back as it came. */
export type OverlayEntry = Key & {
  readonly router: boolean
  readonly port: string
  readonly vlan: number
  /** Milliseconds since the epoch. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** The least sequence number of everything that is announced of the MAC in the VNI; 0: no demand. */
  readonly minSeq: number
  /** Evaluated like any other, but bgpd is not advertised. */
  readonly observe: boolean
}

/** A message to add to zebra's stream. */
export type Injection = Extract<ZebraMessage, { command: 'ZEBRA_MACIP_ADD' | 'ZEBRA_MACIP_DEL' }>

/** What bgpd believes of a key, and from whom: an entry of ours is never passed off as zebra's or the other way round. */
export type Advertised = { readonly by: 'zebra' | 'us'; readonly attributes: Attributes }

/** What became of an entry, and the sequence number bgpd has for it. */
export type Report = { readonly status: Status; readonly seq: number }

export type OverlayRecord = {
  entry: OverlayEntry
  advertised: Advertised | undefined
  /** zebra's own was dropped: while `told` is undefined bgpd must still hear of it. */
  suppressedPending: boolean
  /** No entry, or no longer, but bgpd has something of it from us. */
  removed: boolean
  reported: Report | undefined
}

/** Why nothing may be injected at all. */
export type Gate = 'open' | 'no-session' | 'release-uncertain'

/** What becomes of an entry at this moment. */
export type Status =
  | 'announced'
  /** zebra announces the same entry itself. */
  | 'shadowed'
  | 'no-session'
  | 'release-uncertain'
  /** zebra has not announced the VNI. */
  | 'vni-not-live'
  /** zebra does not announce the MAC as local in the VNI. */
  | 'mac-not-local'
  /** bgpd has a remote route for the MAC or the IP that wins. */
  | 'remote'
  /** Another MAC is announced with the IP. */
  | 'ip-conflict'
  /** It would be announced: the snooper only observes. */
  | 'observed'

/** What the snooper says of an entry, of what is none. */
export const NO_ENTRY = { router: false, port: '', vlan: 0, firstSeen: 0, lastSeen: 0, minSeq: 0, observe: false }

/** The minSequence that an entry asks for. */
export const requiredSeqOf = ({ entry, removed }: OverlayRecord): number =>
  removed || entry.observe ? 0 : entry.minSeq
