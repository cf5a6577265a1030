// An entry of the overlay, what bgpd has of it, and its status.
import type { Key } from './record-index.js'
import type { Attributes } from './views.js'
import type { ZebraMessage } from '../../zapi/evpn-codec.js'

/** An entry as the snooper gave it. The overlay hands back unchanged what it does not use. */
export type OverlayEntry = Key & {
  readonly router: boolean
  readonly port: string
  readonly vlan: number
  /** Milliseconds since the epoch. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** The least sequence number that routes of the MAC in the VNI may be announced with; 0: the entry requires none. */
  readonly minSeq: number
  /** The entry gets a status like any other, but is never announced. */
  readonly observe: boolean
}

/** A message to add to zebra's stream to bgpd. */
export type Injection = Extract<ZebraMessage, { command: 'ZEBRA_MACIP_ADD' | 'ZEBRA_MACIP_DEL' }>

/** What bgpd has of a MAC-IP, and who has announced it last. */
export type Advertised = { readonly by: 'zebra' | 'us'; readonly attributes: Attributes }

/** The status of an entry, and the sequence number bgpd has for it; 0 if bgpd does not have it. */
export type Report = { readonly status: Status; readonly seq: number }

/** What the overlay knows of one MAC-IP. */
export type OverlayRecord = {
  entry: OverlayEntry
  advertised: Advertised | undefined
  /** zebra's own announcement was dropped: while `advertised` is undefined, bgpd must still get it. */
  suppressedPending: boolean
  /** The record has no entry, or no longer one, but bgpd has something of it from us, or must get it. */
  removed: boolean
  reported: Report | undefined
}

/** `open`, or why nothing may be injected at all. */
export type Gate = 'open' | 'no-session' | 'release-uncertain'

/** Whether an entry is announced, or why it is not. */
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
  /** It would be announced if it were not for observation only. */
  | 'observed'

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
