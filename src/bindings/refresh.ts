// Checks whether a silent host is still there: it is probed at every third of its age, three times before it is
// withdrawn (RFC 9161 3.5). Its answer is evidence like any frame, and keeps the bridge's forwarding entry alive, too.
import { type Binding, isInOverlay } from './model.js'
import { refreshRate } from './probe-rates.js'
import type { Policy } from './policy.js'
import { reasonOf, REASONS } from './state.js'
import type { Table } from './table.js'
import type { StepContext } from './step-context.js'

/** Used if neither the operator nor the bridge sets an age (a bridge without ageing time learns no MAC addresses). */
export const DEFAULT_AGE_MS = 1800_000

const TRIES = 3
/** The time between the first probes to a host that is only remembered: its routes are missing meanwhile. */
const REMEMBERED_RETRY_MS = 300
/** A host has this long to answer the last probe. */
const ANSWER_MS = 2000
/** How long after its ARP probe a host would take a question about the address for a conflict (RFC 5227 2.1.1). */
export const DAD_MS = 10_000

/** How long a host may be silent, in milliseconds. */
export const ageOf = ({ anchor }: Binding, { ageMs }: Pick<Policy, 'ageMs'>): number =>
  ageMs ?? (anchor.ageingMs > 0 ? anchor.ageingMs : DEFAULT_AGE_MS)

/** The time between two probes: a third of the age, or of the bridge's ageing time if that is shorter. */
function intervalOf(binding: Binding, policy: Policy): number {
  const { ageingMs } = binding.anchor
  const age = ageOf(binding, policy)
  return ((ageingMs > 0 ? Math.min(age, ageingMs) : age) / 3) * binding.jitter
}

export const isRemote = (binding: Binding, table: Table): boolean =>
  REASONS[reasonOf(binding, table)].state === 'remote'

/**
 * The time until the next probe. A host that is only remembered is asked three times within a second, and then ever less
 * often, however long ago it was seen: it may start, or be moved, when its port is there already.
 */
function pauseOf(binding: Binding, policy: Policy): number {
  const interval = intervalOf(binding, policy)
  const { confirmed, tries } = binding
  return confirmed ? interval : Math.min(REMEMBERED_RETRY_MS * 2 ** Math.max(0, tries - TRIES + 1), interval)
}

/** Sets the next deadline after the host was seen. */
export function scheduleRefresh({ table, policy }: StepContext, binding: Binding): void {
  if (binding.isStatic) return
  const { lastSeen } = binding
  if (policy.probes === 'send') table.setTimer(binding, 'refresh', lastSeen + intervalOf(binding, policy))
  else table.setTimer(binding, 'age', lastSeen + ageOf(binding, policy))
}

/** Schedules a probe as soon as the rate limiter allows one. */
export function refreshNow({ table, policy, now }: StepContext, binding: Binding): void {
  if (binding.isStatic || policy.probes === 'off') return
  binding.tries = 0
  table.setTimer(binding, 'refresh', now)
}

export function onRefreshDue(context: StepContext, binding: Binding): void {
  const { table, policy, now } = context
  if (isRemote(binding, table)) {
    // hosts behind another VTEP are not probed
    binding.phase = 'known'
    table.setTimer(binding, 'age', Math.max(now, binding.lastSeen + ageOf(binding, policy)))
  } else if (binding.dadUntil > now) {
    // a host that repeats duplicate detection for ever must not keep the binding alive
    if (now >= Math.max(binding.lastSeen, binding.dadSince) + ageOf(binding, policy)) context.withdraw(binding, 'aged')
    else table.setTimer(binding, 'refresh', binding.dadUntil)
  } else {
    const at = table.refreshLimiter.reserve(binding.anchor.ifindex, now, refreshRate(policy.probeRate))
    if (at > now) table.setTimer(binding, 'probe', at)
    else onProbeDue(context, binding)
  }
}

export function onProbeDue(context: StepContext, binding: Binding): void {
  const { table, policy, now } = context
  if (binding.dadUntil > now || isRemote(binding, table)) {
    onRefreshDue(context, binding)
    return
  }
  binding.phase = 'probing'
  binding.tries += 1
  // most hosts answer the first probe, so only the second one is worth an event
  if (binding.tries === 2) context.emit('probing', binding, binding.anchor.port)
  context.probe(binding)
  const expires = binding.lastSeen + ageOf(binding, policy)
  const pause = pauseOf(binding, policy)
  const next = now + pause
  const isAskedOn = binding.evidence === 'restored' && pause < intervalOf(binding, policy)
  const isLast = binding.tries >= TRIES && next > expires && !isAskedOn
  if (isLast) table.setTimer(binding, 'give-up', Math.max(expires, now + ANSWER_MS))
  else table.setTimer(binding, 'refresh', next)
}

/**
 * The host was silent for its age. On an Ethernet segment that may be its choice: which link its answers take is up to its
 * hash. While another node of the segment hears it, the binding stays, zebra announces it as that node's proxy, and the
 * host is still asked.
 */
export function giveUp(context: StepContext, binding: Binding): void {
  const { table, policy, now } = context
  if (!binding.confirmed || isRemote(binding, table) || !table.views.isHeardByPeer(binding)) {
    context.withdraw(binding, 'aged')
    return
  }
  binding.phase = 'known'
  binding.tries = 0
  if (policy.probes === 'send') table.setTimer(binding, 'refresh', now + intervalOf(binding, policy))
  else table.setTimer(binding, 'age', now + ageOf(binding, policy))
  if (binding.isProxied) return
  if (isInOverlay(binding)) context.remove(binding)
  binding.isProxied = true
  binding.report = undefined
  context.emit('state', binding, binding.anchor.port, reasonOf(binding, table))
}

/** The other node of the segment does not hear the host any more, either: it is asked here at once. */
export function reviewProxied(context: StepContext, binding: Binding): void {
  if (!binding.isProxied || context.table.views.isHeardByPeer(binding)) return
  binding.isProxied = false
  binding.confirmed = false
  // with probes off, silence decides when its time is over
  if (binding.phase === 'known' || binding.phase === 'probing') refreshNow(context, binding)
}

/** Runs where hosts are not probed (probes are off, or the host is behind another VTEP): silence alone decides. */
export function onAgeDue(context: StepContext, binding: Binding): void {
  const { table, policy, now } = context
  const expires = binding.lastSeen + ageOf(binding, policy)
  // the host is local again, so it can be probed
  if (policy.probes === 'send' && !isRemote(binding, table)) refreshNow(context, binding)
  else if (now >= expires) giveUp(context, binding)
  else table.setTimer(binding, 'age', expires)
}
