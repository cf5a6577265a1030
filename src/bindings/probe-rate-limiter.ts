// Limits the rate of probes, per port and in total.

/** Assigns each probe a time of its own (the generic cell rate algorithm, with room for a short burst). */
export class ProbeRateLimiter {
  private free = -Infinity
  private readonly freeOnPort = new Map<number, number>()

  /** @param burstMs unused time up to this long may be used at once */
  constructor(private readonly burstMs: number) {}

  /** Reserves and returns the earliest time at which a probe may be sent on the port. */
  reserve(ifindex: number, now: number, rate: Rate): number {
    const at = this.earliest(ifindex, now)
    this.free = Math.max(this.free, now - this.burstMs) + 1000 / rate.total
    // one slow port must not hold up the others, but all of them may hold up one
    this.freeOnPort.set(
      ifindex,
      Math.max(this.freeOnPort.get(ifindex) ?? -Infinity, at - this.burstMs) + 1000 / rate.perPort,
    )
    return at
  }

  /** Like `reserve`, but returns undefined and reserves nothing if the time would be after `latest`. */
  reserveBefore(ifindex: number, now: number, latest: number, rate: Rate): number | undefined {
    return this.earliest(ifindex, now) > latest ? undefined : this.reserve(ifindex, now, rate)
  }

  forget(ifindex: number): void {
    this.freeOnPort.delete(ifindex)
  }

  private earliest(ifindex: number, now: number): number {
    return Math.max(now, this.free, this.freeOnPort.get(ifindex) ?? -Infinity)
  }
}

type Rate = { readonly perPort: number; readonly total: number }

/** Confirm probes have a share of their own: they cannot wait until a whole table was probed after a restart. */
const CONFIRM_SHARE = 1 / 4
export const confirmRate = ({ perPort, total }: Rate): Rate => ({
  perPort: perPort * CONFIRM_SHARE,
  total: total * CONFIRM_SHARE,
})
export const refreshRate = ({ perPort, total }: Rate): Rate => ({
  perPort: perPort * (1 - CONFIRM_SHARE),
  total: total * (1 - CONFIRM_SHARE),
})

/** Timers are not exact to the millisecond. */
export const REFRESH_BURST_MS = 100
/** A router that takes over is one frame for each of its addresses, all at once; then it is quiet. */
export const CONFIRM_BURST_MS = 4000
