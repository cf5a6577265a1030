// A queue of deadlines, most of which are postponed before they come.

type Slot = { at: number; queued: number }
type Queued<T> = { readonly at: number; readonly item: T }

/** A binary heap with one entry per item: postponing only stores the new time, which is checked at the old one. */
export class Deadlines<T> {
  private readonly slots = new Map<T, Slot>()
  private heap: Queued<T>[] = []

  set(item: T, at: number): void {
    const slot = this.slots.get(item)
    if (slot !== undefined && slot.queued <= at) {
      slot.at = at
      return
    }
    this.slots.set(item, { at, queued: at })
    this.push({ at, item })
    this.compact()
  }

  delete(item: T): void {
    this.slots.delete(item)
    this.compact()
  }

  /** Returns the deadline of an item; undefined if it has none. */
  at(item: T): number | undefined {
    return this.slots.get(item)?.at
  }

  /** Returns a time at which an item may be due, never later than the earliest deadline; undefined if there is none. */
  next(): number | undefined {
    return this.heap[0]?.at
  }

  /** Removes and returns the items due at `now`, in order of their time, at most `limit`. */
  due(now: number, limit: number): T[] {
    const due: T[] = []
    while (due.length < limit) {
      const first = this.heap[0]
      if (first === undefined || first.at > now) break
      this.pop()
      const slot = this.slots.get(first.item)
      if (slot?.queued !== first.at) continue
      if (slot.at > first.at) {
        slot.queued = slot.at
        this.push({ at: slot.at, item: first.item })
        continue
      }
      this.slots.delete(first.item)
      due.push(first.item)
    }
    return due
  }

  /** Entries of deleted items are kept until their time comes, unless they are the majority. */
  private compact(): void {
    if (this.heap.length <= 2 * this.slots.size + 64) return
    this.heap = []
    for (const [item, slot] of this.slots) {
      slot.queued = slot.at
      this.heap.push({ at: slot.at, item })
    }
    // a sorted array is a heap
    this.heap.sort((a, b) => a.at - b.at)
  }

  private push(entry: Queued<T>): void {
    const { heap } = this
    let index = heap.push(entry) - 1
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = heap[parentIndex]
      if (parent === undefined || parent.at <= entry.at) break
      heap[index] = parent
      index = parentIndex
    }
    heap[index] = entry
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      const child = this.earlierChild(index)
      const entry = heap[child]
      if (entry === undefined || entry.at >= last.at) break
      heap[index] = entry
      index = child
    }
    heap[index] = last
  }

  private earlierChild(index: number): number {
    const left = 2 * index + 1
    const right = left + 1
    return (this.heap[right]?.at ?? Infinity) < (this.heap[left]?.at ?? Infinity) ? right : left
  }
}
