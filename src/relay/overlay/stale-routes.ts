// What bgpd was told in sessions with zebra that have ended, and keeps. zebra says nothing about what it has lost meanwhile.

export type Former = {
  readonly vni: number
  readonly vrf: number
  readonly mac: string
  readonly ip: string | undefined
}

export class FormerSessions {
  private told = new Map<string, Former>()
  private swept: Iterator<Former, undefined> | undefined

  remember(former: Former): void {
    this.told.set(`${former.vni} ${former.mac} ${former.ip ?? ''}`, former)
  }

  /** From now on `next` gives everything that is remembered, once. */
  sweep(): void {
    this.swept = this.told.values()
    this.told = new Map()
  }

  /** Whether `next` may have something to give. */
  get sweeping(): boolean {
    return this.swept !== undefined
  }

  next(): Former | undefined {
    const step = this.swept?.next()
    if (step?.done === true) this.swept = undefined
    return step?.value
  }

  /** Ends the sweep; what it has not come to stays remembered. */
  interrupt(): void {
    for (let former = this.next(); former !== undefined; former = this.next()) this.remember(former)
  }
}
