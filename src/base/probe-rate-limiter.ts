// Limits the rate of probes, per port (or whatever else has a rate of its own) and in total.

/** Assigns each probe a time of its own (the generic cell rate algorithm, with room for a short burst). */
export class ProbeRateLimiter<Port> {
  private free = -Infinity
  private readonly freeOnPort = new Map<Port, number>()

  /** @param burstMs unused time up to this long may be used at once */
  constructor(private readonly burstMs: number) {}

  /** Reserves and returns the earliest time at which a probe may be sent on the port. */
  reserve(port: Port, now: number, rate: Rate): number {
    const at = this.earliest(port, now)
    this.free = Math.max(this.free, now - this.burstMs) + 1000 / rate.total
    // one slow port must not hold up the others, but all of them may hold up one
    this.freeOnPort.set(port, Math.max(this.freeOnPort.get(port) ?? -Infinity, at - this.burstMs) + 1000 / rate.perPort)
    return at
  }

  /** Like `reserve`, but returns undefined and reserves nothing if the time would be after `latest`. */
  reserveBefore(port: Port, now: number, latest: number, rate: Rate): number | undefined {
    return this.earliest(port, now) > latest ? undefined : this.reserve(port, now, rate)
  }

  forget(port: Port): void {
    this.freeOnPort.delete(port)
  }

  private earliest(port: Port, now: number): number {
    return Math.max(now, this.free, this.freeOnPort.get(port) ?? -Infinity)
  }
}

export type Rate = { readonly perPort: number; readonly total: number }
