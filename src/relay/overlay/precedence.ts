// Which of two routes for the same MAC or IP wins: ours, or one that bgpd has from another VTEP.
import { parseIp } from '../../base/address.js'
import { isSticky } from './min-sequences.js'
import type { Key } from '../../bindings/model.js'
import type { VniView } from './views.js'

/**
 * Whether bgpd's remote route beats a local one with this sequence number. At a tie the one that is there stays; if both
 * are (`advertised`), the VTEP with the lower address wins (RFC 7432 15.1), which both nodes see alike: bgpd 8.4, to which
 * another MAC is another route, leaves them side by side.
 */
export function remoteWins(view: VniView, { mac, ip }: Key, seq: number, advertised: boolean): boolean {
  const ofMac = view.remoteMacs.get(mac)
  if (ofMac !== undefined && ofMac.seq >= seq) return true
  for (const [other, remote] of view.remoteMacIps.get(ip) ?? []) {
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
