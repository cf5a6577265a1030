// Routes of ended sessions that bgpd keeps. In a new session zebra does not withdraw what it has lost meanwhile.

export type StaleRoute = {
  readonly vni: number
  readonly vrf: number
  readonly mac: string
  readonly ip: string | undefined
}

export class StaleRoutes {
  private remembered = new Map<string, StaleRoute>()
  private sweepRest: Iterator<StaleRoute, undefined> | undefined

  remember(route: StaleRoute): void {
    this.remembered.set(`${route.vni} ${route.mac} ${route.ip ?? ''}`, route)
  }

  /** From now on `next` gives everything that is remembered, once. */
  sweep(): void {
    this.sweepRest = this.remembered.values()
    this.remembered = new Map()
  }

  /** Whether `next` may have something to give. */
  get sweeping(): boolean {
    return this.sweepRest !== undefined
  }

  next(): StaleRoute | undefined {
    const step = this.sweepRest?.next()
    if (step?.done === true) this.sweepRest = undefined
    return step?.value
  }

  /** Ends the sweep; routes that `next` has not given yet stay remembered. */
  interrupt(): void {
    for (let route = this.next(); route !== undefined; route = this.next()) this.remember(route)
  }
}
