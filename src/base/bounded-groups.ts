// A bounded number of items, found by the names of the groups they are in; the one that was added first goes first.
import { type Link, List } from './list.js'

/** Every operation costs what it returns, however many items there are. */
export class BoundedGroups<Item> {
  private readonly order = new List<Item>()
  private readonly links = new Map<Item, Link<Item>>()
  private readonly groups = new Map<string, Set<Item>>()

  /** @param groupsOf names the groups of an item, always the same ones */
  constructor(
    private readonly capacity: number,
    private readonly groupsOf: (item: Item) => readonly string[],
  ) {}

  get size(): number {
    return this.order.size
  }

  get oldest(): Item | undefined {
    return this.order.oldest?.item
  }

  /** The items of a group, in the order in which they were added. */
  of(group: string): Iterable<Item> {
    return this.groups.get(group) ?? []
  }

  /** All items, in the order in which they were added. */
  *[Symbol.iterator](): Generator<Item> {
    for (let link = this.order.oldest; link !== undefined; link = link.newer) yield link.item
  }

  add(item: Item): void {
    this.links.set(item, this.order.append(item))
    for (const group of this.groupsOf(item)) {
      const known = this.groups.get(group)
      if (known === undefined) this.groups.set(group, new Set([item]))
      else known.add(item)
    }
    if (this.size > this.capacity && this.oldest !== undefined) this.delete(this.oldest)
  }

  delete(item: Item): void {
    const link = this.links.get(item)
    if (link === undefined) return
    this.links.delete(item)
    this.order.remove(link)
    for (const group of this.groupsOf(item)) {
      const known = this.groups.get(group)
      known?.delete(item)
      if (known?.size === 0) this.groups.delete(group)
    }
  }
}
