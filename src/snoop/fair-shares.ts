// Keeps a bounded number of items of ports. When there is no room, the port that has the most loses its least recent one:
// so each of n ports keeps at least its last capacity / n items, whatever the others do.
import { type Link, List } from '../base/list.js'

type Entry<Item> = { readonly item: Item; readonly share: Share<Item>; ofPort: Link<Kept<Item>> | undefined }

/** The place of an item among all; `item.item` is what was added. */
export type Kept<Item> = Link<Entry<Item>>

/** What is kept of one port; it is another one after the port had nothing. */
export type Share<Item> = {
  port: string
  readonly items: List<Kept<Item>>
  /** Its place among the ports that have as many items. */
  place: Link<Share<Item>> | undefined
}

/** Every operation takes constant time, however many ports and items there are. */
export class FairShares<Item> {
  private readonly all = new List<Entry<Item>>()
  private readonly shares = new Map<string, Share<Item>>()
  /** Number of items → ports that have that many. */
  private readonly bySize = new Map<number, List<Share<Item>>>()
  private largest = 0

  /** `dropped` is called for each item that had to go. */
  constructor(
    private readonly capacity: number,
    private readonly dropped: (item: Item) => void = () => undefined,
  ) {}

  get size(): number {
    return this.all.size
  }

  /** The least recent item of all, from which `newer` leads on; an item that goes meanwhile leads nowhere. */
  get oldest(): Kept<Item> | undefined {
    return this.all.oldest
  }

  get newest(): Kept<Item> | undefined {
    return this.all.newest
  }

  add(port: string, item: Item): Kept<Item> {
    const share = this.shareOf(port)
    const entry: Entry<Item> = { item, share, ofPort: undefined }
    const kept = this.all.append(entry)
    entry.ofPort = share.items.append(kept)
    this.resized(share, share.items.size - 1)
    if (this.all.size > this.capacity) this.drop(share)
    return kept
  }

  /** Makes an item the most recent one. */
  renew(kept: Kept<Item>): void {
    const { share, ofPort } = kept.item
    this.all.renew(kept)
    if (ofPort !== undefined) share.items.renew(ofPort)
  }

  /** A port has another name; if another port of that name has left items, those keep their own share. */
  rename(from: string, to: string): void {
    const share = this.shares.get(from)
    if (share === undefined || this.shares.has(to)) return
    this.shares.delete(from)
    share.port = to
    this.shares.set(to, share)
  }

  private shareOf(port: string): Share<Item> {
    const known = this.shares.get(port)
    if (known !== undefined) return known
    const share: Share<Item> = { port, items: new List(), place: undefined }
    this.shares.set(port, share)
    return share
  }

  /** Drops an item of the port that has the most; of several, that is `newcomer` if it is among them. */
  private drop(newcomer: Share<Item>): void {
    const fattest = newcomer.items.size === this.largest ? newcomer : this.bySize.get(this.largest)?.oldest?.item
    const victim = fattest?.items.oldest
    if (fattest === undefined || victim === undefined) return
    fattest.items.remove(victim)
    this.all.remove(victim.item)
    this.resized(fattest, fattest.items.size + 1)
    if (fattest.items.size === 0) this.shares.delete(fattest.port)
    this.dropped(victim.item.item.item)
  }

  private resized(share: Share<Item>, from: number): void {
    const old = this.bySize.get(from)
    if (old !== undefined && share.place !== undefined) old.remove(share.place)
    if (old?.size === 0) this.bySize.delete(from)
    const { size } = share.items
    let now = this.bySize.get(size)
    if (now === undefined && size > 0) this.bySize.set(size, (now = new List()))
    share.place = now?.append(share)
    // sizes change by one, so the next lower size is the maximum that can be left
    this.largest = size > this.largest ? size : this.bySize.has(this.largest) ? this.largest : this.largest - 1
  }
}
