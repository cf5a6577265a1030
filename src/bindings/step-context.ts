// The context of one step: the table, the policy and the time, and the actions so far, in the order of their execution.
import {
  type Binding,
  type Entry,
  entryOf,
  formOf,
  isInOverlay,
  type Key,
  type Anchor,
  type ProbeForm,
} from './model.js'
import type { EventName, Event } from './event.js'
import type { Policy } from './policy.js'
import type { Refusal } from './refusal.js'
import type { Table, Withdrawal } from './table.js'

export type Action =
  /** Put the entry into the relay's overlay, or store its new attributes there. */
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'remove'; readonly key: Key }
  /** Make the next frame with this claim count as evidence, even if the same one was passed on a moment ago. */
  | { readonly type: 'forget'; readonly anchor: Anchor; readonly mac: string; readonly ip: string }
  /**
   * Ask the host whether it still has the address: by unicast, through this port only. The answer must not be filtered
   * as a repetition, even if the host made the same claim shortly before, at `lastSeen`.
   */
  | {
      readonly type: 'probe'
      readonly anchor: Anchor
      readonly mac: string
      readonly ip: string
      readonly lastSeen: number
      readonly form: ProbeForm
    }
  /**
   * Ask a host behind another VTEP whether it has the address; the answer comes as `remote-answer`. `alsoHere`: also on a
   * port of this node, if the bridge has its MAC there.
   */
  | { readonly type: 'ask-remote'; readonly key: Key; readonly form: ProbeForm; readonly alsoHere: boolean }
  /** The host has lost its place, not its address: it is asked when it, its port or its VNI is back. */
  | { readonly type: 'remember'; readonly entry: Entry }
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

  probe(host: Pick<Binding, 'anchor' | 'mac' | 'ip' | 'lastSeen' | 'form' | 'tries'>): void {
    const { anchor, mac, ip, lastSeen } = host
    this.actions.push({ type: 'probe', anchor, mac, ip, lastSeen, form: formOf(host) })
  }

  askRemote({ vni, mac, ip }: Key, form: ProbeForm, alsoHere: boolean): void {
    this.actions.push({ type: 'ask-remote', key: { vni, mac, ip }, form, alsoHere })
  }

  emit(event: EventName, { vni, mac, ip }: Key, port: string, detail = ''): void {
    this.actions.push({ type: 'event', event: { event, key: { vni, mac, ip }, port, detail } })
  }

  /** Does not believe a claim of a host that is held down, until the IP has no owner any more. */
  holdDown(claimed: Key, anchor: Anchor): void {
    this.table.unheard.add(claimed, anchor)
    this.refuse('held-down', claimed, anchor.port)
  }

  /** The IP has no owner any more: the next claim of it counts, and whose claim was defended is asked. */
  hearClaims({ vni, ip }: Omit<Key, 'mac'>): void {
    const { unheard, rivals, views, timers } = this.table
    for (const { anchor, mac } of unheard.take(vni, ip)) this.forget(anchor, mac, ip)
    // as soon as this step is over: it may give the address to another host
    for (const it of rivals.ofIp(vni, ip)) if (views.competingRemote(it) === undefined) timers.set(it, this.now)
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
    this.hearClaims(binding)
    if (why === 'port-down' || why === 'port-gone' || why === 'vni-changed')
      this.actions.push({ type: 'remember', entry: entryOf(binding, false) })
    this.emit('withdrawn', binding, anchor.port, why)
  }
}
