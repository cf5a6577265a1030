// What a change of the FPM view says about bindings: zebra's names for tables become VNIs.
import type { AnnouncedViews } from '../bindings/views.js'
import type { FpmUpdate } from '../bindings/input.js'
import type { FpmChange, FpmView, Path } from '../fpm/view.js'
import type { PortMap } from './sources.js'

type Kernel = Pick<PortMap, 'vrfOfTable' | 'ownIp'>

export function* fpmUpdatesOf(
  change: FpmChange,
  view: Pick<FpmView, 'paths' | 'isRouterMac'>,
  kernel: Kernel,
  views: AnnouncedViews,
): Generator<FpmUpdate> {
  switch (change.type) {
    case 'mac': {
      const { mac, vni } = change.mac
      const remote = change.update !== 'removed'
      // that it is a router's may have turned out after it was told
      if (vni === undefined || (remote && view.isRouterMac(change.mac))) return
      yield { kind: 'mac', vni, mac, remote }
      return
    }
    case 'host-route': {
      const { route, update } = change
      // what zebra says again is no news: the host was asked about it
      if (update === 'removed' || update === 'confirmed' || route.protocol !== 'bgp') return
      const vtep = vtepOf(view.paths(route) ?? [], kernel)
      const vrf = 'vrf' in route.in ? route.in.vrf : kernel.vrfOfTable(route.in.table)
      if (vtep === undefined || vrf === undefined) return
      for (const vni of views.vnisOfVrf(vrf)) yield { kind: 'host-route', vni, ip: route.ip, vtep }
      return
    }
    case 'phase':
      // what zebra said before it was lost proves nothing; what it says again it says from the beginning
      if (change.phase !== 'live') yield { kind: 'none' }
      return
    case 'nexthop':
  }
}

/** Where an EVPN route leads; undefined for any other, and for one that leads here, too. */
function vtepOf(paths: readonly Path[], kernel: Kernel): string | undefined {
  let vtep: string | undefined
  for (const { gateway, onlink, vni } of paths) {
    if (gateway === undefined || (vni === undefined && !onlink) || UNNUMBERED.test(gateway)) continue
    if (kernel.ownIp(gateway)) return undefined
    vtep ??= gateway
  }
  return vtep
}

/** Link-local gateways of unnumbered neighbours are on-link, too. */
const UNNUMBERED = /^(169\.254\.|fe[89ab].:)/
