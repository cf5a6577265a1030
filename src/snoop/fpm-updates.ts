// Translates changes of the FPM view into updates of the binding table: zebra's tables become VNIs.
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
      // the MAC may have been recognised as a router MAC only after it was reported, so its removal is always passed on
      if (vni === undefined || (remote && view.isRouterMac(change.mac))) return
      yield { kind: 'mac', vni, mac, remote }
      return
    }
    case 'host-route': {
      const { route, update } = change
      // a repetition is no news: the host was probed when the route first came
      if (update === 'removed' || update === 'confirmed' || route.protocol !== 'bgp') return
      const vtep = vtepOf(view.paths(route) ?? [], kernel)
      const vrf = 'vrf' in route.in ? route.in.vrf : kernel.vrfOfTable(route.in.table)
      if (vtep === undefined || vrf === undefined) return
      for (const vni of views.vnisOfVrf(vrf)) yield { kind: 'host-route', vni, ip: route.ip, vtep }
      return
    }
    case 'phase':
      // earlier state proves nothing after a loss of the connection; zebra sends everything again
      if (change.phase !== 'live') yield { kind: 'none' }
      return
    case 'nexthop':
  }
}

/** Returns the VTEP that an EVPN route leads to; undefined for other routes, and for one that also leads here. */
function vtepOf(paths: readonly Path[], kernel: Kernel): string | undefined {
  let vtep: string | undefined
  for (const { gateway, onlink, vni } of paths) {
    if (gateway === undefined || (vni === undefined && !onlink) || UNNUMBERED.test(gateway)) continue
    if (kernel.ownIp(gateway)) return undefined
    vtep ??= gateway
  }
  return vtep
}

/** The link-local gateways of unnumbered neighbours are on-link, too, but are not VTEPs. */
const UNNUMBERED = /^(169\.254\.|fe[89ab].:)/
