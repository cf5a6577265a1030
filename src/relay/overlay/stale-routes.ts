// What bgpd was told in sessions with zebra that have ended, and keeps. zebra says nothing about what it has lost meanwhile.

export type StaleRoute = {
  readonly vni: number
  readonly vrf: number
  readonly mac: string
  readonly ip: string | undefined
}

export class StaleRoutes {
  private advertised = new Map<string, StaleRoute>()
  private swept: Iterator<StaleRoute, undefined> | undefined

  remember(route: StaleRoute): void {
    this.advertised.set(`${route.vni} ${route.mac} ${route.ip ?? ''}`, route)
  }

  /** From now on `next` gives everything that is remembered, once. */
  sweep(): void {
    this.swept = this.advertised.values()
    this.advertised = new Map()
  }

  /** Whether `next` may have something to give. */
  get sweeping(): boolean {
    return this.swept !== undefined
  }

  next(): StaleRoute | undefined {
    const step = this.swept?.next()
    if (step?.done === true) this.swept = undefined
    return step?.value
  }

  /** Ends the sweep; what it has not come to stays remembered. */
  interrupt(): void {
    for (let route = this.next(); route !== undefined; route = this.next()) this.remember(route)
  }
}
