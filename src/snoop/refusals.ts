// Counts the refused claims by claim and reason. The number of counters is bounded; the least recent are dropped first.
import type { Refused } from '../bindings/event.js'
import type { Key } from '../bindings/model.js'

type Node = Refused & { older: Node | undefined; newer: Node | undefined }

export const MAX_REFUSALS = 4096

/**
 * A map with a linked list through it. The order of a Map alone would not do: finding its oldest entry means to walk
 * over the deleted ones.
 */
export class Refusals {
  /** The counters by VNI, MAC, IP and reason. */
  private readonly nodes = new Map<string, Node>()
  private oldest: Node | undefined
  private newest: Node | undefined

  get size(): number {
    return this.nodes.size
  }

  /** Counts a refusal; returns whether it is the first of its kind, as far as is remembered. */
  add(key: Key, port: string, reason: string, at: number): boolean {
    const name = nameOf(key, reason)
    const known = this.nodes.get(name)
    if (known !== undefined) {
      known.count += 1
      known.port = port
      known.last = at
      if (known !== this.newest) {
        this.unlink(known)
        this.link(known)
      }
      return false
    }
    const { oldest } = this
    if (oldest !== undefined && this.nodes.size >= MAX_REFUSALS) {
      this.unlink(oldest)
      this.nodes.delete(nameOf(oldest.key, oldest.reason))
    }
    const node: Node = { key, reason, port, count: 1, first: at, last: at, older: undefined, newer: undefined }
    this.nodes.set(name, node)
    this.link(node)
    return true
  }

  /** Yields the counters, least recent first. */
  *all(): Generator<Refused> {
    for (let node = this.oldest; node !== undefined; node = node.newer) yield node
  }

  private link(node: Node): void {
    node.older = this.newest
    node.newer = undefined
    if (this.newest === undefined) this.oldest = node
    else this.newest.newer = node
    this.newest = node
  }

  private unlink({ older, newer }: Node): void {
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    if (newer === undefined) this.newest = older
    else newer.older = older
  }
}

const nameOf = ({ vni, mac, ip }: Key, reason: string): string => `${vni} ${mac} ${ip} ${reason}`
