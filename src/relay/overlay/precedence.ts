// Which of two routes for the same MAC or IP wins: ours, or one that bgpd has from another VTEP.
import { parseIp } from '../../base/address.js'
import type { Key } from '../../bindings/model.js'
import { type VniView, isSticky, isSynced } from './views.js'

/**
 * Whether bgpd's remote route beats a local one with this sequence number. At a tie the remote route wins over a local
 * one that is not announced yet. If the local one is announced too (`advertised`), the VTEP with the lower address wins
 * (RFC 7432, section 15.1), on which both nodes agree. bgpd 8.4, to which another MAC is another route, keeps both. A
 * route for the same MAC behind the same Ethernet segment is no rival.
 */
export function remoteWins(view: VniView, { mac, ip }: Key, seq: number, advertised: boolean): boolean {
  const ofMac = view.remoteMacs.get(mac)
  if (ofMac !== undefined && !isSynced(ofMac) && ofMac.seq >= seq) return true
  for (const [other, remote] of view.remoteMacIps.get(ip) ?? []) {
    if (other === mac && isSynced(remote)) continue
    if (remote.seq > seq || isSticky(remote)) return true
    if (remote.seq === seq && !(advertised && other !== mac && isLower(view.announced?.body.vtep, remote.vtep)))
      return true
  }
  return false
}

function isLower(own: string | undefined, other: string): boolean {
  const [a, b] = [parseIp(own ?? ''), parseIp(other)]
  return a !== undefined && b !== undefined && a.length === b.length && a.compare(b) < 0
}
