// The status of an entry, and the attributes it is announced with. These functions change nothing.
import { MacIpFlag } from '../../base/macip-flags.js'
import type { Status } from '../../bindings/model.js'
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

function unshadowedStatus(
  { records, minSequences }: OverlayState,
  { entry, advertised }: OverlayRecord,
  view: VniView,
): Status {
  const local = view.macs.get(entry.mac)
  if (local === undefined) return 'mac-not-local'
  // the minimum sequence of the MAC leaves out entries that are only observed
  const requiredSeq = isSticky(local) ? 0 : entry.minSeq
  const seq = Math.max(minSequences.seqOf(entry.vni, entry.mac), requiredSeq)
  if (remoteWins(view, entry, seq, advertised !== undefined)) return 'remote'
  for (const owner of view.macIps.get(entry.ip)?.keys() ?? []) if (owner !== entry.mac) return 'ip-conflict'
  for (const sibling of records.ofIp(entry.vni, entry.ip)) {
    if (sibling.entry.mac !== entry.mac && sibling.advertised !== undefined) return 'ip-conflict'
  }
  return entry.observe ? 'observed' : 'announced'
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
