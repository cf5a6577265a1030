// Bindings of an earlier run that wait for their port: a machine that has just started has no VMs yet.
import type { Binding, Entry } from '../bindings/model.js'
import { fromEpoch, toEpoch } from '../base/clock.js'
import type { SavedBinding } from './state-file.js'

export class WaitingBindings {
  private readonly byPort = new Map<string, SavedBinding[]>()

  constructor(saved: Iterable<SavedBinding>) {
    for (const binding of saved) {
      const waiting = this.byPort.get(binding.port)
      if (waiting === undefined) this.byPort.set(binding.port, [binding])
      else waiting.push(binding)
    }
  }

  /** Removes and returns the bindings whose port exists now and leads to their VNI. */
  take(port: string, vniOf: (vlan: number) => number | undefined): SavedBinding[] {
    const waiting = this.byPort.get(port)
    if (waiting === undefined) return []
    const ready = waiting.filter(({ vni, vlan }) => vniOf(vlan) === vni)
    if (ready.length === waiting.length) this.byPort.delete(port)
    else if (ready.length > 0)
      this.byPort.set(
        port,
        waiting.filter((binding) => !ready.includes(binding)),
      )
    return ready
  }

  /** Yields the bindings that still wait and were seen after `oldest`, milliseconds since the epoch. */
  *since(oldest: number): Generator<SavedBinding> {
    for (const waiting of this.byPort.values()) for (const it of waiting) if (it.lastSeen >= oldest) yield it
  }
}

export function savedOf({ vni, mac, ip, router, anchor, firstSeen, lastSeen }: Binding): SavedBinding {
  const { port, vlan } = anchor
  return { vni, mac, ip, router, port, vlan, firstSeen: toEpoch(firstSeen), lastSeen: toEpoch(lastSeen) }
}

export function entryOfSaved({ vni, mac, ip, router, port, vlan, firstSeen, lastSeen }: SavedBinding): Entry {
  const seen = { firstSeen: fromEpoch(firstSeen), lastSeen: fromEpoch(lastSeen) }
  return { vni, mac, ip, router, port, vlan, minSeq: 0, observe: false, ...seen }
}
