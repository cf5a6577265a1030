// When a worker that has ended is replaced.

/** So many quick ends in a row are answered with a new worker at once. */
const QUICK_ENDS = 5
/** A worker that has lived so long was not a quick end. */
const LONG_LIFE_MS = 10_000
const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 30_000

export class RestartDelay {
  private quickEnds = 0

  /** Whether the last workers have ended too quickly to serve. */
  get isFailing(): boolean {
    return this.quickEnds > QUICK_ENDS
  }

  /**
   * Milliseconds to wait before the next worker, when one has ended that lived for `livedMs`, or could not be started.
   *
   * @param isHopeless whether it has said itself that it cannot work
   */
  next(livedMs: number, isHopeless: boolean): number {
    if (isHopeless) this.quickEnds = Math.max(this.quickEnds, QUICK_ENDS) + 1
    else this.quickEnds = livedMs >= LONG_LIFE_MS ? 1 : this.quickEnds + 1
    return this.isFailing ? Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.quickEnds - QUICK_ENDS - 1)) : 0
  }
}
