/** A map from keys to any number of different values each. */
export class MultiMap<K, V> {
  private readonly sets = new Map<K, Set<V>>()

  add(key: K, value: V): void {
    const set = this.sets.get(key)
    if (set === undefined) this.sets.set(key, new Set([value]))
    else set.add(value)
  }

  delete(key: K, value: V): void {
    const set = this.sets.get(key)
    if (set?.delete(value) && set.size === 0) this.sets.delete(key)
  }

  keys(): Iterable<K> {
    return this.sets.keys()
  }

  has(key: K): boolean {
    return this.sets.has(key)
  }

  get(key: K): Iterable<V> {
    return this.sets.get(key) ?? []
  }
}
