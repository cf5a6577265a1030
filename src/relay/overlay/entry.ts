// What the overlay holds of an entry: the entry itself, what bgpd has of it, and its status.
import type { Entry, Status } from '../../bindings/model.js'
import type { Attributes } from './views.js'
import type { ZebraMessage } from '../../zapi/evpn-codec.js'

/** A message to add to zebra's stream to bgpd. */
export type Injection = Extract<ZebraMessage, { command: 'ZEBRA_MACIP_ADD' | 'ZEBRA_MACIP_DEL' }>

/** What bgpd has of a MAC-IP, and who has announced it last. */
export type Advertised = { readonly by: 'zebra' | 'us'; readonly attributes: Attributes }

/** The status of an entry, and the sequence number bgpd has for it; 0 if bgpd does not have it. */
export type Report = { readonly status: Status; readonly seq: number }

/** What the overlay knows of one MAC-IP. */
export type OverlayRecord = {
  entry: Entry
  advertised: Advertised | undefined
  /** zebra's own announcement was dropped: while `advertised` is undefined, bgpd must still get it. */
  suppressedPending: boolean
  /** The record has no entry, or no longer one, but bgpd has something of it from us, or must get it. */
  removed: boolean
  reported: Report | undefined
}

/** `open`, or why nothing may be injected at all. */
export type Gate = 'open' | 'no-session' | 'release-uncertain' | 'relearning'

/** Stands in for the snooper's part of an entry in a record without one. */
export const NO_ENTRY = { router: false, port: '', vlan: 0, firstSeen: 0, lastSeen: 0, minSeq: 0, observe: false }

/** The minimum sequence number that a record requires for its MAC; 0: none. */
export const requiredSeqOf = ({ entry, removed }: OverlayRecord): number =>
  removed || entry.observe ? 0 : entry.minSeq

export function macIpAdd(
  { vni, mac, ip }: { vni: number; mac: string; ip: string | undefined },
  attributes: Attributes,
  vrf: number,
): Injection {
  return { command: 'ZEBRA_MACIP_ADD', vrf, body: { vni, mac, ip, ...attributes } }
}
