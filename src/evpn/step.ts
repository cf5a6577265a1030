// The table's one way to change: an event comes in, actions for the relay and the eBPF program come out, in the order
// in which they must be done. What should be in the relay's overlay is exactly what is in the table; the relay decides
// what of it bgpd may know at the moment.
import { type Binding, type Entry, entryOf, type Evidence, type Key } from './binding.js'
import type { Own, Place } from './binding.js'
import type { Status } from '../zapi/overlay.js'
import { type Policy, type Refusal, refusalOfEvidence, refusalOfKey } from './refusal.js'
import type { Table, Withdrawal } from './table.js'
import type { ViewChange } from './views.js'

export type Event =
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** A port, or one VLAN of it, no longer leads to its VNI. */
  | { readonly type: 'port-lost'; readonly ifindex: number; readonly vlan?: number; readonly reason: PortLoss }
  /** An entry that the relay kept from an earlier snooper; `place` and `vni`: where it leads now, if anywhere. */
  | {
      readonly type: 'restored'
      readonly entry: Entry
      readonly place: Place | undefined
      readonly vni: number | undefined
      readonly own: Own | undefined
    }
  /** The connection to the relay; every report and view counts for one connection only. */
  | { readonly type: 'relay'; readonly connected: boolean }
  | { readonly type: 'report'; readonly key: Key; readonly status: Status; readonly seq: number }
  | { readonly type: 'view'; readonly change: ViewChange }
  | { readonly type: 'views-reset' }
  | { readonly type: 'tick' }

export type PortLoss = 'port-down' | 'port-gone' | 'vni-changed'

export type Action =
  /** Put the entry into the relay's overlay, or store its new attributes there. */
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'remove'; readonly key: Key }
  /** The next such frame is evidence even if the same one was passed on a moment ago. */
  | { readonly type: 'forget'; readonly place: Place; readonly mac: string; readonly ip: string }

/** Bindings aged out in one step, so that none takes long. */
const MAX_AGED = 1000

/** The relay learns of a newer `lastSeen` once per this part of the age: enough to age rightly after a restart. */
const STORE_PART = 8

/**
 * A restored binding has at least this long to be seen again, milliseconds (or the age, if shorter): while the snooper
 * was away nobody listened, so silence until then proves nothing.
 */
export const RESTORE_GRACE_MS = 60_000

/** `now`: milliseconds of the monotonic clock that all times in the table are of. */
export function step(table: Table, event: Event, policy: Policy, now: number): Action[] {
  switch (event.type) {
    case 'evidence':
      return onEvidence(table, event.evidence, policy, now)
    case 'port-lost':
      return onPortLost(table, event)
    case 'restored':
      return onRestored(table, event, policy, now)
    case 'relay':
      if (event.connected) table.connection += 1
      table.relayConnected = event.connected
      return []
    case 'report': {
      const binding = table.get(event.key)
      if (binding !== undefined) binding.report = { status: event.status, seq: event.seq, connection: table.connection }
      return []
    }
    case 'view':
      return onView(table, event.change)
    case 'views-reset':
      table.views.clear()
      return []
    case 'tick':
      return table.expiry.due(now, MAX_AGED).flatMap((binding) => withdraw(table, binding, 'aged'))
  }
}

function onEvidence(table: Table, evidence: Evidence, policy: Policy, now: number): Action[] {
  const { place, vni, mac, ip } = evidence
  const current = vni === undefined ? undefined : table.find(vni, ip)
  const refusal = refusalOfEvidence(evidence, current, table.views, policy)
  // of these two, a refusal always says so: the test only tells the compiler
  if (refusal !== undefined || place === undefined || vni === undefined) {
    return refuse(table, refusal ?? 'no-port', mac, current)
  }
  if (current?.mac === mac) return refresh(table, current, evidence, place, policy, now)
  const actions = current === undefined ? [] : withdraw(table, current, 'other-mac')
  const seen = { firstSeen: now, lastSeen: now, storedSeen: now, expires: now + policy.ageMs }
  const router = evidence.kind === 'na' && evidence.router
  const binding: Binding = { vni, mac, ip, place, evidence: evidence.kind, router, report: undefined, ...seen }
  table.add(binding)
  return [...actions, { type: 'put', entry: entryOf(binding) }]
}

function refuse(table: Table, refusal: Refusal, mac: string, current: Binding | undefined): Action[] {
  table.refused[refusal] += 1
  // the node may have got the address after the binding was made
  const taken = refusal === 'own-ip' || (refusal === 'own-mac' && current?.mac === mac)
  return taken && current !== undefined ? withdraw(table, current, refusal) : []
}

function refresh(
  table: Table,
  binding: Binding,
  evidence: Evidence,
  place: Place,
  policy: Policy,
  now: number,
): Action[] {
  const actions: Action[] = []
  const moved = place.ifindex !== binding.place.ifindex || place.vlan !== binding.place.vlan
  const renamed = place.port !== binding.place.port
  // ARP does not tell what the last neighbour advertisement said
  const router = evidence.kind === 'na' ? evidence.router : binding.router
  const changed = moved || renamed || router !== binding.router
  if (moved) actions.push(forget(binding))
  table.move(binding, place)
  binding.router = router
  binding.evidence = evidence.kind
  binding.lastSeen = Math.max(binding.lastSeen, now)
  binding.expires = binding.lastSeen + policy.ageMs
  table.expiry.set(binding, binding.expires)
  if (changed || binding.lastSeen - binding.storedSeen >= policy.ageMs / STORE_PART) {
    binding.storedSeen = binding.lastSeen
    actions.push({ type: 'put', entry: entryOf(binding) })
  }
  return actions
}

function onPortLost(table: Table, { ifindex, vlan, reason }: Extract<Event, { type: 'port-lost' }>): Action[] {
  const lost = [...table.onPort(ifindex)].filter((binding) => vlan === undefined || binding.place.vlan === vlan)
  return lost.flatMap((binding) => withdraw(table, binding, reason))
}

type Restored = Extract<Event, { type: 'restored' }>

function onRestored(table: Table, { entry, place, vni, own }: Restored, policy: Policy, now: number): Action[] {
  const current = table.find(entry.vni, entry.ip)
  if (current?.mac === entry.mac) {
    current.firstSeen = Math.min(current.firstSeen, entry.firstSeen)
    return []
  }
  const drop = (why: Withdrawal): Action[] => {
    table.withdrawn[why] += 1
    return [{ type: 'remove', key: { vni: entry.vni, mac: entry.mac, ip: entry.ip } }]
  }
  if (place === undefined) return drop('no-port')
  if (vni !== entry.vni) return drop('vni-changed')
  if (current !== undefined) return drop('other-mac')
  const refusal = refusalOfKey(entry, own, table.views, policy)
  if (refusal !== undefined) return drop(refusal)
  const { mac, ip, router } = entry
  const lastSeen = Math.min(entry.lastSeen, now)
  const expires = Math.max(lastSeen + policy.ageMs, now + Math.min(policy.ageMs, RESTORE_GRACE_MS))
  const seen = { firstSeen: Math.min(entry.firstSeen, lastSeen), lastSeen, storedSeen: lastSeen, expires }
  table.add({ vni, mac, ip, place, evidence: 'restored', router, report: undefined, ...seen })
  return []
}

function onView(table: Table, change: ViewChange): Action[] {
  table.views.apply(change)
  if (change.type === 'vni' || change.gone || change.ip === undefined) return []
  const { vni, mac, ip } = change
  const suspects = [...table.ofMac(vni, mac)]
  const holder = table.find(vni, ip)
  if (holder !== undefined && holder.mac !== mac) suspects.push(holder)
  return suspects.filter((it) => table.views.isGateway(it)).flatMap((it) => withdraw(table, it, 'gateway'))
}

function withdraw(table: Table, binding: Binding, why: Withdrawal): Action[] {
  table.remove(binding)
  table.withdrawn[why] += 1
  return [{ type: 'remove', key: { vni: binding.vni, mac: binding.mac, ip: binding.ip } }, forget(binding)]
}

const forget = ({ place, mac, ip }: Binding): Action => ({ type: 'forget', place, mac, ip })
