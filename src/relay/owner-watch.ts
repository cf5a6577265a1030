// Notices that the overlay's owner hangs, although its connection stays open: it is asked whether it lives.

const PING_MS = 1000
/** Pings in a row without an answer after which the owner counts as silent. */
const MAX_UNANSWERED = 5

export type OwnerWatchEvents = {
  ping(): void
  onSilent(): void
  /** It has been silent, and answers again. */
  onAnswering(): void
}

export class OwnerWatch {
  isSilent = false
  private unanswered = 0
  private readonly timer: NodeJS.Timeout

  constructor(private readonly events: OwnerWatchEvents) {
    this.timer = setInterval(() => {
      this.tick()
    }, PING_MS).unref()
  }

  /** Whatever the owner says or reads shows that it lives. */
  onSignOfLife(): void {
    this.unanswered = 0
    if (!this.isSilent) return
    this.isSilent = false
    this.events.onAnswering()
  }

  close(): void {
    clearInterval(this.timer)
  }

  /** Pings are counted, not timed: a relay that was stopped itself must not blame the owner. */
  private tick(): void {
    // it finds the pings that it has not answered when it continues
    if (this.isSilent) return
    if (this.unanswered < MAX_UNANSWERED) {
      this.unanswered++
      this.events.ping()
      return
    }
    this.isSilent = true
    this.events.onSilent()
  }
}
