// What the overlay holds of an entry: the entry itself, what bgpd has of it, and what becomes of it.
import type { Entry, Status } from '../../bindings/model.js'
import type { Attributes } from './views.js'
import type { ZebraMessage } from '../../zapi/evpn-codec.js'

/** A message to add to zebra's stream. */
export type Injection = Extract<ZebraMessage, { command: 'ZEBRA_MACIP_ADD' | 'ZEBRA_MACIP_DEL' }>

/** What bgpd believes of a key, and from whom: an entry of ours is never passed off as zebra's or the other way round. */
export type Advertised = { readonly by: 'zebra' | 'us'; readonly attributes: Attributes }

/** What became of an entry, and the sequence number bgpd has for it. */
export type Report = { readonly status: Status; readonly seq: number }

export type OverlayRecord = {
  entry: Entry
  advertised: Advertised | undefined
  /** zebra's own was dropped: while `told` is undefined bgpd must still hear of it. */
  suppressedPending: boolean
  /** No entry, or no longer, but bgpd has something of it from us. */
  removed: boolean
  reported: Report | undefined
}

/** Why nothing may be injected at all. */
export type Gate = 'open' | 'no-session' | 'release-uncertain'

/** What the snooper says of an entry, of what is none. */
export const NO_ENTRY = { router: false, port: '', vlan: 0, firstSeen: 0, lastSeen: 0, minSeq: 0, observe: false }

/** The minSequence that an entry asks for. */
export const requiredSeqOf = ({ entry, removed }: OverlayRecord): number =>
  removed || entry.observe ? 0 : entry.minSeq
