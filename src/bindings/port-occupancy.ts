// Counts the bindings of a VNI, or of all, by port, and chooses which to evict, so that no port uses up all the room.
import type { Binding } from './model.js'

/** The bindings of one port or one MAC; a `BindingSet` counts the address families apart. */
export class BindingSet {
  /** Least recently seen first. */
  readonly bindings = new Set<Binding>()
  ipv6 = 0

  get ipv4(): number {
    return this.bindings.size - this.ipv6
  }
}

/** Every operation takes constant time, however many bindings there are. */
export class PortOccupancy {
  private readonly groups = new Map<number, BindingSet>()
  /** Number of bindings → ports that have that many. */
  private readonly bySize = new Map<number, Set<number>>()
  private largest = 0
  private count = 0

  get size(): number {
    return this.count
  }

  onPort(ifindex: number): BindingSet | undefined {
    return this.groups.get(ifindex)
  }

  add(binding: Binding, isIpv6: boolean): void {
    const { ifindex } = binding.anchor
    let group = this.groups.get(ifindex)
    if (group === undefined) {
      group = new BindingSet()
      this.groups.set(ifindex, group)
    }
    group.bindings.add(binding)
    if (isIpv6) group.ipv6 += 1
    this.count += 1
    this.resized(ifindex, group.bindings.size - 1, group.bindings.size)
  }

  remove(binding: Binding, isIpv6: boolean): void {
    const { ifindex } = binding.anchor
    const group = this.groups.get(ifindex)
    if (group?.bindings.delete(binding) !== true) return
    if (isIpv6) group.ipv6 -= 1
    this.count -= 1
    this.resized(ifindex, group.bindings.size + 1, group.bindings.size)
    if (group.bindings.size === 0) this.groups.delete(ifindex)
  }

  /** Marks a binding as the most recently seen one. */
  touch(binding: Binding): void {
    const bindings = this.groups.get(binding.anchor.ifindex)?.bindings
    if (bindings?.delete(binding) === true) bindings.add(binding)
  }

  /**
   * Chooses the binding to evict for one more on a port: the least recently seen one of the port that has the most.
   * Returns undefined if that is the same port, or one that would have no more than it: then the new one is refused.
   */
  victimFor(ifindex: number): Binding | undefined {
    const [fattest] = this.bySize.get(this.largest) ?? []
    if (fattest === undefined || fattest === ifindex) return undefined
    if (this.largest <= (this.groups.get(ifindex)?.bindings.size ?? 0) + 1) return undefined
    const [victim] = this.groups.get(fattest)?.bindings ?? []
    return victim
  }

  private resized(ifindex: number, from: number, to: number): void {
    const old = this.bySize.get(from)
    old?.delete(ifindex)
    if (old?.size === 0) this.bySize.delete(from)
    if (to > 0) {
      const now = this.bySize.get(to)
      if (now === undefined) this.bySize.set(to, new Set([ifindex]))
      else now.add(ifindex)
    }
    // sizes change by one, so the next lower size is the maximum that can be left
    this.largest = to > this.largest ? to : this.bySize.has(this.largest) ? this.largest : this.largest - 1
  }
}
