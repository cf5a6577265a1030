// What other BGP speakers announce, found by MAC, by IP and by next hop.
import { MultiMap } from '../../base/multimap.js'
import { ipKey, macKey, type OtherMacIp, type OtherRoute } from './model.js'

export type OtherMacIpRoute = OtherRoute & { readonly macIp: OtherMacIp }

const isMacIp = (route: OtherRoute): route is OtherMacIpRoute => route.macIp !== undefined

export class OtherRoutes {
  private readonly routes = new Map<string, OtherRoute>()
  private readonly byMac = new MultiMap<string, OtherMacIpRoute>()
  private readonly byIp = new MultiMap<string, OtherMacIpRoute>()
  /** Routes that no proxy announces, by next hop. */
  private readonly native = new MultiMap<string, OtherRoute>()
  /** How often a VTEP has begun, or ceased, to speak EVPN itself. */
  nativeChanges = 0
  /** Keys of routes of sessions that were lost, and did not come again yet. */
  private readonly stale = new Set<string>()

  get size(): number {
    return this.routes.size
  }

  get(key: string): OtherRoute | undefined {
    return this.routes.get(key)
  }

  /** Stores a route in place of the one with the same key. */
  put(route: OtherRoute): void {
    this.delete(route.key)
    const { vni } = route
    this.routes.set(route.key, route)
    if (!route.isMarked) {
      if (!this.native.has(route.nextHop)) this.nativeChanges += 1
      this.native.add(route.nextHop, route)
    }
    if (!isMacIp(route)) return
    const { mac, ip } = route.macIp
    this.byMac.add(macKey({ vni, mac }), route)
    if (ip !== undefined) this.byIp.add(ipKey({ vni, ip }), route)
  }

  delete(key: string): void {
    const route = this.routes.get(key)
    if (route === undefined) return
    const { vni } = route
    this.routes.delete(key)
    this.stale.delete(key)
    if (!route.isMarked) {
      this.native.delete(route.nextHop, route)
      if (!this.native.has(route.nextHop)) this.nativeChanges += 1
    }
    if (!isMacIp(route)) return
    const { mac, ip } = route.macIp
    this.byMac.delete(macKey({ vni, mac }), route)
    if (ip !== undefined) this.byIp.delete(ipKey({ vni, ip }), route)
  }

  /** Keys of the routes of a session, which begin with its name and a space. */
  keysOf(session: string): string[] {
    return [...this.routes.keys()].filter((key) => key.startsWith(`${session} `))
  }

  /** The session was lost, and no other one tells what holds now: its routes count until one does. */
  keepStale(session: string): void {
    for (const key of this.keysOf(session)) this.stale.add(key)
  }

  staleKeys(): string[] {
    return [...this.stale]
  }

  /** Whether the VTEP speaks EVPN itself: a route that no proxy announces has it as next hop. */
  isNative(vtep: string): boolean {
    return this.native.has(vtep)
  }

  /** The VTEPs that speak EVPN themselves. */
  natives(): Iterable<string> {
    return this.native.keys()
  }

  all(): Iterable<OtherRoute> {
    return this.routes.values()
  }

  ofMac(vni: number, mac: string): Iterable<OtherMacIpRoute> {
    return this.byMac.get(macKey({ vni, mac }))
  }

  ofIp(vni: number, ip: string): Iterable<OtherMacIpRoute> {
    return this.byIp.get(ipKey({ vni, ip }))
  }
}
