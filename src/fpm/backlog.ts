// A queue of input that was read but not processed yet. Reading comes first, because zebra sends a route in less time
// than it takes to decode one and its dataplane must not wait. Processing begins when nothing has come for PAUSE_MS, or
// PATIENCE_MS after the first item, and then runs in short turns.

/** A turn ends after this time, so that other work of the process can run. */
const TURN_MS = 2
/** Processing begins when nothing has come for this long. */
const PAUSE_MS = 5
/** Processing begins at the latest after this time of reading alone. */
const PATIENCE_MS = 1000
/** Room for a million routes that wait. */
export const BACKLOG_BYTES = 64 << 20

export class Backlog<T> {
  private items: T[] = []
  /** Index of the first of `items` that is still to be processed. */
  private next = 0
  private bytes = 0
  /** When the last item was queued. */
  private pushedAt = 0
  /** Since when the queue has not been empty. */
  private since = 0
  /** Cancels the next turn; undefined if none is scheduled. */
  private cancel: (() => void) | undefined

  /**
   * @param size returns the size of an item in bytes
   * @param work processes an item; must not throw
   * @param idle is called whenever the queue has become empty
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

  /** Size of the queue in bytes. */
  get waiting(): number {
    return this.bytes
  }

  /** Queues an item. If there is no room, the oldest items are processed first, while the caller waits. */
  push(item: T): void {
    this.pushedAt = performance.now()
    if (this.empty) this.since = this.pushedAt
    this.items.push(item)
    this.bytes += this.size(item)
    while (this.bytes > this.limit && !this.empty) this.one()
    if (this.cancel === undefined) this.pause()
  }

  /** Processes the whole queue at once. */
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

  /** Releases the items that were processed. */
  private compact(): void {
    if (2 * this.next < this.items.length) return
    this.items = this.items.slice(this.next)
    this.next = 0
  }
}
