// The context of one step: the table, the policy and the time, what to do, and whose routes may have changed.
import { Changes, type RouteAction } from './announce.js'
import type { Event, EventName } from './event.js'
import type { Address, Host } from './model.js'
import type { Policy } from './policy.js'
import type { Refusal } from './refusal.js'
import type { Table } from './table.js'

export type Action =
  | RouteAction
  /** Ask a host through the tunnel whether it has the IP. */
  | { readonly type: 'probe'; readonly vni: number; readonly vtep: string; readonly mac: string; readonly ip: string }
  | { readonly type: 'event'; readonly event: Event }

/** Maps each reason why a host or an IP is not known any more to its meaning. */
export const WITHDRAWALS = {
  aged: 'it was not heard for its age, and answered no probe',
  silent: 'it was asked, and did not answer',
  cleared: 'an operator has cleared it',
  'not-configured': 'the configuration does not have it, or its VTEP, any more',
  'vtep-native': 'its VTEP speaks EVPN itself now',
  unheard: 'no frames were heard for the stale time',
} as const
export type Withdrawal = keyof typeof WITHDRAWALS

export class StepContext {
  readonly actions: Action[] = []
  readonly changes = new Changes()

  constructor(
    readonly table: Table,
    readonly policy: Policy,
    readonly now: number,
  ) {}

  probe(vni: number, vtep: string, mac: string, ip: string): void {
    this.actions.push({ type: 'probe', vni, vtep, mac, ip })
  }

  emit(event: EventName, { vni, vtep, mac }: Pick<Host, 'vni' | 'vtep' | 'mac'>, ip = '', detail = ''): void {
    this.actions.push({ type: 'event', event: { event, vni, vtep, mac, ip, detail } })
  }

  refuse(refusal: Refusal, at: Pick<Host, 'vni' | 'vtep' | 'mac'>, ip = ''): void {
    this.table.refused[refusal] += 1
    this.emit('refused', at, ip, refusal)
  }

  removeHost(host: Host, why: Withdrawal): void {
    this.changes.host(host)
    this.table.removeHost(host)
    this.emit('withdrawn', host, '', why)
  }

  removeAddress(address: Address, why: Withdrawal): void {
    const { host, ip } = address
    this.changes.host(host)
    this.table.removeAddress(address)
    this.emit('withdrawn', host, ip, why)
  }
}
