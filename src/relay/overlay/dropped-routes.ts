// Local routes that bgpd has dropped without a word to zebra. A route of another node had won, and bgpd dropped its local
// one; but the other was gone before zebra was told of it, as bgpd's queue for zebra merges both (FRR 10). All that is seen
// of it is a withdrawal of what was never announced. zebra has no reason to announce its own again, so the relay does.
import { macIpAdd, type Injection } from './entry.js'
import type { OverlayState } from './state.js'

/** A MAC, or an IP on whatever MAC: bgpd has one local path for each. */
export type DroppedRoute = { readonly vni: number; readonly mac: string; readonly ip: string | undefined }

export class DroppedRoutes {
  private readonly routes = new Map<string, DroppedRoute>()

  get size(): number {
    return this.routes.size
  }

  has(route: DroppedRoute): boolean {
    return this.routes.size > 0 && this.routes.has(nameOf(route))
  }

  *ofVni(vni: number): Generator<DroppedRoute> {
    for (const route of this.routes.values()) if (route.vni === vni) yield route
  }

  add(route: DroppedRoute): void {
    this.routes.set(nameOf(route), route)
  }

  /** bgpd was told of the route anew. */
  delete(route: DroppedRoute): void {
    if (this.routes.size > 0) this.routes.delete(nameOf(route))
  }

  clear(): void {
    this.routes.clear()
  }

  /** Takes out those of MACs, or those of IPs. */
  *take(what: 'mac' | 'ip'): Generator<DroppedRoute> {
    for (const route of this.routes.values()) {
      if ((route.ip === undefined) !== (what === 'mac')) continue
      this.delete(route)
      yield route
    }
  }
}

const nameOf = ({ vni, mac, ip }: DroppedRoute): string => `${vni} ${ip ?? mac}`

/** What bgpd was told last of the route: harmless if it has that still. */
export function repetitions(state: OverlayState, { vni, mac, ip }: DroppedRoute): Injection[] {
  const view = state.views.get(vni)
  const vrf = state.vrf(vni)
  if (ip === undefined) {
    const attributes = state.minSequences.find(vni, mac)?.advertised ?? view?.macs.get(mac)
    return attributes === undefined ? [] : [macIpAdd({ vni, mac, ip }, attributes, vrf)]
  }
  const repeated: Injection[] = []
  for (const { entry, advertised } of state.records.ofIp(vni, ip))
    if (advertised !== undefined) repeated.push(macIpAdd(entry, advertised.attributes, vrf))
  for (const [own, attributes] of view?.macIps.get(ip) ?? []) {
    const key = { vni, mac: own, ip }
    // zebra, which has lost the MAC, is about to withdraw the route itself
    if (view?.macs.has(own) === true && state.records.find(key) === undefined)
      repeated.push(macIpAdd(key, attributes, vrf))
  }
  return repeated
}
