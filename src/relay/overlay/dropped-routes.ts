// Local routes that bgpd has dropped without a word to zebra. A route of another node had won, and bgpd dropped its local
// one; but the other was gone before zebra was told of it, as bgpd's queue for zebra merges both (FRR 10). All that is seen
// of it is a withdrawal of what was never announced. zebra has no reason to announce its own again, so the relay does.

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
