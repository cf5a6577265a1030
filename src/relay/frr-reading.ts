// Reads from zebra's and bgpd's vty what each VNI has: the state that their exchange has led to.
import { join } from 'node:path'
import { MacIpFlag } from '../base/macip-flags.js'
import { Vty } from '../vty/vty.js'
import {
  type ShownPeer,
  type ShownVni,
  showBgpVnis,
  showEvpnVrf,
  showLocalRoutes,
  showMacs,
  showNeighbors,
  showVni,
  showVrfs,
} from '../vty/evpn-show.js'
import { ZERO_ESI } from '../zapi/messages/macip.js'
import type { VniReading } from './overlay/restate.js'
import { type Remote, setByIp } from './overlay/views.js'

/** A daemon that computes for so long is not waited for. */
const SILENCE_MS = 10_000

/**
 * Live VNIs of bgpd with all that the daemons have of them. `vtyDir`: the directory of their vty sockets. Throws VtyError,
 * or the error of connecting.
 */
export async function readFrr(vtyDir: string): Promise<Map<number, VniReading>> {
  using bgpd = await Vty.open(join(vtyDir, 'bgpd.vty'), SILENCE_MS)
  using zebra = await Vty.open(join(vtyDir, 'zebra.vty'), SILENCE_MS)
  const vrf = await showEvpnVrf(bgpd)
  const readings = new Map<number, VniReading>()
  let hasSegments = false
  if (vrf === undefined) return readings
  const vrfs = await showVrfs(zebra)
  for (const [vni, rd] of await showBgpVnis(bgpd)) {
    const shown = await showVni(zebra, vni)
    if (shown === undefined) continue
    const reading = emptyReading(vni, shown, vrf, vrfs.get(shown.vrf) ?? 0)
    readings.set(vni, reading)
    // bgpd comes first: what it has and zebra has no more, zebra has withdrawn meanwhile
    for await (const { mac, ip, ...attributes } of showLocalRoutes(bgpd, rd)) {
      hasSegments ||= !attributes.esi.equals(ZERO_ESI)
      if (ip === undefined) reading.routes.set(mac, attributes)
      else setByIp(reading.macIpRoutes, ip, mac, attributes)
    }
  }
  const sticky = new Set<string>()
  for await (const { vni, mac, type, vtep, seq, sticky: isSticky, announced, peer } of showMacs(zebra)) {
    if (isSticky) sticky.add(`${vni} ${mac}`)
    const reading = readings.get(vni)
    if (type === 'remote') reading?.remoteMacs.set(mac, { vtep, seq, flags: isSticky ? MacIpFlag.STICKY : 0 })
    else if (type === 'local' && announced !== 'not') reading?.macs.set(mac, { seq, isProxy: announced === 'proxy' })
    if (type === 'local' && peer !== 'none') reading?.remoteMacs.set(mac, syncedBy(peer, seq))
  }
  const neighbors = showNeighbors(zebra, { detail: hasSegments })
  for await (const { vni, ip, mac, type, active, vtep, seq, announced, peer } of neighbors) {
    const reading = readings.get(vni)
    if (reading === undefined) continue
    const flags = sticky.has(`${vni} ${mac}`) ? MacIpFlag.STICKY : 0
    if (type === 'remote') setByIp(reading.remoteMacIps, ip, mac, { vtep, seq, flags })
    else if (active && announced !== 'not') setByIp(reading.neighbors, ip, mac, { seq, isProxy: announced === 'proxy' })
    if (type === 'local' && peer !== 'none') setByIp(reading.remoteMacIps, ip, mac, syncedBy(peer, seq))
  }
  return readings
}

/** The route of another node of an Ethernet segment. zebra does not show whose it is. */
function syncedBy(peer: Exclude<ShownPeer, 'none'>, seq: number): Remote {
  return { vtep: '0.0.0.0', seq, flags: MacIpFlag.SYNC_PATH | (peer === 'proxy' ? MacIpFlag.PROXY_ADVERT : 0) }
}

function emptyReading(vni: number, shown: ShownVni, vrf: number, tenantVrf: number): VniReading {
  const { vtep, multicastGroup, sviIfindex, vteps } = shown
  return {
    vrf,
    body: { vni, vtep, tenantVrf, multicastGroup, sviIfindex },
    routes: new Map(),
    macIpRoutes: new Map(),
    macs: new Map(),
    neighbors: new Map(),
    remoteMacs: new Map(),
    remoteMacIps: new Map(),
    vteps: new Set(vteps),
  }
}
