// The status of an entry, and the attributes it is announced with. These functions change nothing.
import { MacIpFlag } from '../../base/macip-flags.js'
import type { Entry, Key, Status } from '../../bindings/model.js'
import type { OverlayRecord, Report } from './entry.js'
import { remoteWins } from './precedence.js'
import type { OverlayState } from './state.js'
import { type Attributes, type VniView, isProxy, isSticky } from './views.js'

/**
 * zebra's own announcement of the same MAC-IP counts more than the entry, unless it is a proxy's: then zebra only repeats
 * what another node of the Ethernet segment says, and the entry's host was heard here.
 */
export function statusOf(state: OverlayState, record: OverlayRecord): Status {
  const { gate, views } = state
  const { entry } = record
  if (gate !== 'open') return gate
  const view = views.get(entry.vni)
  if (view?.announced === undefined) return 'vni-not-live'
  const zebras = view.macIps.get(entry.ip)?.get(entry.mac)
  if (zebras !== undefined && !isProxy(zebras)) return 'shadowed'
  const status = unshadowedStatus(state, record, view)
  return zebras === undefined || status === 'announced' ? status : 'shadowed'
}

function unshadowedStatus(state: OverlayState, { entry, advertised }: OverlayRecord, view: VniView): Status {
  const { records, minSequences } = state
  const local = view.macs.get(entry.mac)
  if (local === undefined) return 'mac-not-local'
  // the minimum sequence of the MAC leaves out entries that are only observed
  const requiredSeq = isSticky(local) ? 0 : entry.minSeq
  const seq = Math.max(minSequences.seqOf(entry.vni, entry.mac), requiredSeq)
  if (remoteWins(view, entry, seq, advertised !== undefined)) return 'remote'
  const { vni, ip } = entry
  const zebras = view.macIps.get(ip)
  for (const [mac, attributes] of zebras ?? []) {
    if (mac === entry.mac) continue
    // what a proxy says is another node's word
    if (isProxy(attributes) && !displaces(entry, attributes)) return 'remote'
    if (!isProxy(attributes) || records.find({ vni, mac, ip })?.removed === false) return 'ip-conflict'
  }
  for (const sibling of records.ofIp(vni, ip)) {
    const { mac } = sibling.entry
    // what zebra announces with another MAC is displaced, and withdrawn before this one is announced
    if (mac !== entry.mac && sibling.advertised !== undefined && zebras?.has(mac) !== true) return 'ip-conflict'
  }
  return entry.observe ? 'observed' : 'announced'
}

/**
 * Whether an entry takes its IP from another MAC with which zebra announces it. zebra repeats for a long time what
 * another node of an Ethernet segment has said; that an entry requires more than its sequence number means that the host
 * there was asked, and is silent.
 */
const displaces = ({ minSeq }: Entry, zebras: Attributes): boolean => isProxy(zebras) && minSeq > zebras.seq

/** Whether an entry with another MAC is announced instead of a MAC-IP that zebra announces with `zebras`. */
export function isDisplaced(state: OverlayState, { vni, mac, ip }: Key, zebras: Attributes): boolean {
  for (const record of state.records.ofIp(vni, ip)) {
    const { entry, removed } = record
    if (entry.mac === mac || removed || !displaces(entry, zebras)) continue
    if (statusOf(state, record) === 'announced') return true
  }
  return false
}

/**
 * The attributes of an entry with status `announced`: sequence number and Ethernet segment of its MAC, but never the
 * flags of the MAC, such as STICKY.
 */
export function attributesOf({ views, minSequences }: OverlayState, { entry }: OverlayRecord): Attributes {
  const local = views.get(entry.vni)?.macs.get(entry.mac)
  if (local === undefined) throw new Error(`no local MAC ${entry.mac} in VNI ${entry.vni}`)
  const seq = minSequences.seqOf(entry.vni, entry.mac)
  return { flags: entry.router ? MacIpFlag.ROUTER : 0, seq, esi: local.esi }
}

export const reportOf = (record: OverlayRecord, status: Status): Report => ({
  status,
  seq: record.advertised?.attributes.seq ?? 0,
})
