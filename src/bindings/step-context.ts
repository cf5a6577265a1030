// One step while it is taken: what it may look at, and what it wants done, in the order in which it must be done.
import { type Binding, type Entry, entryOf, isInOverlay, type Key, type Anchor } from './model.js'
import type { EventName, Event } from './event.js'
import type { Policy } from './policy.js'
import type { Refusal } from './refusal.js'
import type { Table, Withdrawal } from './table.js'

export type Action =
  /** Put the entry into the relay's overlay, or store its new attributes there. */
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'remove'; readonly key: Key }
  /** The next such frame is evidence even if the same one was passed on a moment ago. */
  | { readonly type: 'forget'; readonly anchor: Anchor; readonly mac: string; readonly ip: string }
  /**
   * Ask the host whether it still has the address: unicast, out of this port only. The answer must be seen, even if the
   * host said the same a short time ago, at `lastSeen`.
   */
  | {
      readonly type: 'probe'
      readonly anchor: Anchor
      readonly mac: string
      readonly ip: string
      readonly lastSeen: number
    }
  | { readonly type: 'event'; readonly event: Event }

export class StepContext {
  readonly actions: Action[] = []

  constructor(
    readonly table: Table,
    readonly policy: Policy,
    readonly now: number,
  ) {}

  put(binding: Binding): void {
    if (isInOverlay(binding)) this.actions.push({ type: 'put', entry: entryOf(binding, this.policy.observe) })
  }

  remove({ vni, mac, ip }: Key): void {
    this.actions.push({ type: 'remove', key: { vni, mac, ip } })
  }

  forget(anchor: Anchor, mac: string, ip: string): void {
    this.actions.push({ type: 'forget', anchor, mac, ip })
  }

  probe({ anchor, mac, ip, lastSeen }: Binding): void {
    this.actions.push({ type: 'probe', anchor, mac, ip, lastSeen })
  }

  emit(event: EventName, { vni, mac, ip }: Key, port: string, detail = ''): void {
    this.actions.push({ type: 'event', event: { event, key: { vni, mac, ip }, port, detail } })
  }

  refuse(refusal: Refusal, key: Key, port: string): void {
    this.table.refused[refusal] += 1
    this.emit('refused', key, port, refusal)
  }

  withdraw(binding: Binding, why: Withdrawal): void {
    const { anchor, mac, ip, claim } = binding
    this.table.remove(binding)
    this.table.withdrawn[why] += 1
    if (isInOverlay(binding)) this.remove(binding)
    this.forget(anchor, mac, ip)
    if (claim !== undefined) this.forget(claim.anchor, claim.mac, ip)
    this.emit('withdrawn', binding, anchor.port, why)
  }
}
