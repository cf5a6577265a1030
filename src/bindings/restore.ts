// Takes over the bindings of an earlier run: the relay has announced them all the time, a file only remembers them. Either
// may know less than the other: the relay what happened while none of its workers served, the file what happened before
// this process was killed.
import { changePort } from './contest.js'
import type { Input } from './input.js'
import { type Anchor, type Binding, type Entry, newBinding } from './model.js'
import { makeRoom, portFull } from './quota.js'
import { refreshNow, scheduleRefresh } from './refresh.js'
import { refusalOfKey } from './refusal.js'
import { endClaim } from './remote-claim.js'
import type { StepContext } from './step-context.js'
import type { Withdrawal } from './table.js'

type Restored = Extract<Input, { type: 'restored' }>

export function onRestored(context: StepContext, { from, entry, anchor, vni, selfMatch }: Restored): void {
  const { table, policy, now } = context
  const { mac, ip, router, minSeq } = entry
  const current = table.find(entry.vni, ip)
  const drop = (why: Withdrawal): void => {
    if (from === 'file') return
    table.withdrawn[why] += 1
    context.remove(entry)
    context.emit('withdrawn', entry, entry.port, why)
  }
  if (current?.mac === mac) {
    if (current.phase === 'duplicate') drop('duplicate')
    else merge(context, current, from, entry, vni === entry.vni ? anchor : undefined)
    return
  }
  if (anchor === undefined) {
    drop('no-port')
    return
  }
  if (vni !== entry.vni) {
    drop('vni-changed')
    return
  }
  const refusal = refusalOfKey(entry, selfMatch, table.views, policy)
  if (refusal !== undefined) {
    drop(refusal)
    return
  }
  if (current !== undefined && prevails(context, current, from, entry)) {
    drop('other-mac')
    return
  }
  if (current !== undefined) context.withdraw(current, 'other-mac')
  const full = makeRoom(context, entry, anchor.ifindex)
  if (full !== undefined) {
    drop(full)
    return
  }
  const lastSeen = Math.min(entry.lastSeen, now)
  const seed = { vni, mac, ip, anchor, router, evidence: 'restored', lastSeen } as const
  const firstSeen = Math.min(entry.firstSeen, lastSeen)
  const binding = newBinding({ firstSeen, ...seed }, { confirmed: from === 'relay', minSeq })
  table.add(binding)
  context.emit('restored', binding, anchor.port, from)
  if (from === 'relay' && binding.suppressedByFpm) context.remove(binding)
  if (policy.probes === 'off') {
    // the snooper could not hear hosts while it was not running, so silence counts from now
    binding.lastSeen = now
    scheduleRefresh(context, binding)
  } else refreshNow(context, binding)
}

/** The host is known: from this run, or from the other one of relay and file. */
function merge(
  context: StepContext,
  current: Binding,
  from: Restored['from'],
  entry: Entry,
  anchor: Anchor | undefined,
): void {
  const isHigher = entry.minSeq > current.minSeq
  current.firstSeen = Math.min(current.firstSeen, entry.firstSeen)
  current.minSeq = Math.max(current.minSeq, entry.minSeq)
  const hasMoved = anchor !== undefined && moveIfNewer(context, current, entry, anchor)
  // it was announced to bgpd all the time
  if (from === 'relay') {
    current.confirmed = true
    current.isProxied = false
    if (current.phase === 'claiming') endClaim(context, current)
  }
  if (hasMoved || (from === 'file' && isHigher)) context.put(current)
  if (from === 'relay' && current.suppressedByFpm) context.remove(current)
}

/** The one that saw the host last knows where it is. */
function moveIfNewer(context: StepContext, current: Binding, { lastSeen }: Entry, anchor: Anchor): boolean {
  const { ifindex, vlan } = current.anchor
  if (anchor.ifindex === ifindex && anchor.vlan === vlan) return false
  const canMove = current.evidence === 'restored' && (current.phase === 'known' || current.phase === 'probing')
  if (!canMove || lastSeen <= current.lastSeen) return false
  if (anchor.ifindex !== ifindex && portFull(context, current.ip, anchor.ifindex) !== undefined) return false
  changePort(context, current, anchor)
  current.lastSeen = Math.min(lastSeen, context.now)
  refreshNow(context, current)
  return true
}

/**
 * Whether a binding stays although relay or file say that another host has its address: one that was seen in this run does,
 * and of two that were not, the one that was seen last; if that cannot be told, the one that was announced all the time.
 */
function prevails({ policy }: StepContext, current: Binding, from: Restored['from'], { lastSeen }: Entry): boolean {
  if (current.phase === 'claiming') return false
  const isUnseen = current.evidence === 'restored'
  // silence counts from the beginning of this run then
  if (!isUnseen || policy.probes === 'off') return current.confirmed
  return from === 'relay' ? current.confirmed || current.lastSeen > lastSeen : current.lastSeen >= lastSeen
}
