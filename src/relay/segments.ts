// The Ethernet segments that this node takes part in, for `macipctl status`.
import type { overlay as proto } from '../gen/overlay.js'
import { ZERO_ESI } from '../zapi/messages/macip.js'
import type { Overlay } from './overlay/overlay.js'
import { type Views, eachByIp, isProxy, isSynced } from './overlay/views.js'

type Segment = { esi: Buffer; vnis: Set<number>; macs: number; heard: number; proxied: number; synced: number }

/** The segments of zebra's local MACs, and how much is known of the hosts behind each. Yields at each step. */
export function* segmentsOf(views: Views, overlay: Overlay): Generator<void, proto.Segment.$Properties[]> {
  const segments = new Map<string, Segment>()
  const segmentOf = (vni: number, mac: string): Segment | undefined => {
    const esi = views.get(vni)?.macs.get(mac)?.esi
    return esi === undefined ? undefined : segments.get(esi.toString('hex'))
  }
  for (const [vni, { macs }] of views.entries()) {
    for (const { esi } of macs.values()) {
      yield
      if (esi.equals(ZERO_ESI)) continue
      const name = esi.toString('hex')
      const segment = segments.get(name) ?? { esi, vnis: new Set(), macs: 0, heard: 0, proxied: 0, synced: 0 }
      segments.set(name, segment)
      segment.vnis.add(vni)
      segment.macs++
    }
  }
  if (segments.size === 0) return []
  const ours = new Set<string>()
  for (const { entry, report } of overlay.entries()) {
    yield
    const { vni, mac, ip } = entry
    const segment = report.status === 'announced' ? segmentOf(vni, mac) : undefined
    if (segment === undefined) continue
    segment.heard++
    ours.add(`${vni} ${mac} ${ip}`)
  }
  for (const [vni, { macIps, remoteMacIps }] of views.entries()) {
    for (const { mac, ip, value } of eachByIp(macIps)) {
      yield
      const segment = segmentOf(vni, mac)
      if (segment !== undefined && !ours.has(`${vni} ${mac} ${ip}`)) segment[isProxy(value) ? 'proxied' : 'heard']++
    }
    for (const { mac, value } of eachByIp(remoteMacIps)) {
      yield
      const segment = isSynced(value) && !isProxy(value) ? segmentOf(vni, mac) : undefined
      if (segment !== undefined) segment.synced++
    }
  }
  return [...segments.values()].map(({ vnis, ...counts }) => ({ ...counts, vnis: [...vnis].sort((a, b) => a - b) }))
}
