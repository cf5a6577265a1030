// What has been read and waits to be worked off. Reading comes first: zebra tells a route in less time than it takes to
// understand it, and its dataplane must not wait for that. So nothing is done until nothing more has come for a moment, or
// that has not been so for long; then it is done in short turns.

/** Then other work of the process has its turn. */
const TURN_MS = 2
/** This long nothing more has come. */
const PAUSE_MS = 5
/** How long reading alone may go on. */
const PATIENCE_MS = 1000
/** Holds a million routes that wait. */
export const BACKLOG_BYTES = 64 << 20

export class Backlog<T> {
  private items: T[] = []
  /** The first of `items` that is still to be done. */
  private next = 0
  private bytes = 0
  /** When the last item came. */
  private pushedAt = 0
  /** Since when something waits without pause. */
  private since = 0
  /** Ends the wait for the next turn; undefined if there is none. */
  private cancel: (() => void) | undefined

  /**
   * @param size of an item in bytes
   * @param work must not throw
   * @param idle called whenever nothing waits any more
   */
  constructor(
    private readonly size: (item: T) => number,
    private readonly work: (item: T) => void,
    private readonly idle: () => void,
    private readonly limit = BACKLOG_BYTES,
  ) {}

  get empty(): boolean {
    return this.next === this.items.length
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.bytes
  }

  /** Queues an item; where there is no room the oldest are done at once, and whoever pushes has to wait. */
  push(item: T): void {
    this.pushedAt = performance.now()
    if (this.empty) this.since = this.pushedAt
    this.items.push(item)
    this.bytes += this.size(item)
    while (this.bytes > this.limit && !this.empty) this.one()
    if (this.cancel === undefined) this.pause()
  }

  /** Does all that waits. */
  flush(): void {
    while (!this.empty) this.one()
    this.cancel?.()
    this.cancel = undefined
    this.compact()
    this.idle()
  }

  private readonly some = (): void => {
    const now = performance.now()
    if (now < this.pushedAt + PAUSE_MS && now < this.since + PATIENCE_MS) {
      this.pause()
      return
    }
    const end = now + TURN_MS
    while (!this.empty && performance.now() < end) this.one()
    this.compact()
    if (this.empty) {
      this.cancel = undefined
      this.idle()
      return
    }
    const turn = setImmediate(this.some)
    this.cancel = () => {
      clearImmediate(turn)
    }
  }

  private pause(): void {
    const timer = setTimeout(this.some, PAUSE_MS)
    this.cancel = () => {
      clearTimeout(timer)
    }
  }

  private one(): void {
    const item = this.items[this.next] as T
    this.next++
    this.bytes -= this.size(item)
    this.work(item)
  }

  /** Lets go of what is done. */
  private compact(): void {
    if (2 * this.next < this.items.length) return
    this.items = this.items.slice(this.next)
    this.next = 0
  }
}
