// A doubly linked list. The order of a Map or Set would not do where items are removed at its front all the time: finding
// the first one means to walk over the deleted ones.

/** The place of an item in a list; only its list changes it. */
export type Link<Item> = {
  readonly item: Item
  readonly older: Link<Item> | undefined
  readonly newer: Link<Item> | undefined
}

type Mutable<Item> = {
  readonly item: Item
  older: Mutable<Item> | undefined
  newer: Mutable<Item> | undefined
}

/** Every operation takes constant time. */
export class List<Item> {
  private first: Mutable<Item> | undefined
  private last: Mutable<Item> | undefined
  private count = 0

  get size(): number {
    return this.count
  }

  get oldest(): Link<Item> | undefined {
    return this.first
  }

  get newest(): Link<Item> | undefined {
    return this.last
  }

  /** Adds an item as the newest one. */
  append(item: Item): Link<Item> {
    const link: Mutable<Item> = { item, older: undefined, newer: undefined }
    this.put(link)
    return link
  }

  /** Makes an item of this list the newest one. */
  renew(link: Link<Item>): void {
    if (link === this.last) return
    this.remove(link)
    this.put(link)
  }

  /** Removes an item of this list. */
  remove(link: Mutable<Item>): void {
    const { older, newer } = link
    if (older === undefined) this.first = newer
    else older.newer = newer
    if (newer === undefined) this.last = older
    else newer.older = older
    // a holder of the link must not keep all that came after it in memory
    link.older = undefined
    link.newer = undefined
    this.count -= 1
  }

  private put(link: Mutable<Item>): void {
    link.older = this.last
    if (this.last === undefined) this.first = link
    else this.last.newer = link
    this.last = link
    this.count += 1
  }
}
