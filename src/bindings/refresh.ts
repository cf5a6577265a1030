// Whether a silent host is still there: probes at every third of the age, three of them before it is given up
// (RFC 9161 3.5). Its answer is a frame like any other, and keeps the bridge's forwarding entry alive, too.
import type { Binding } from './model.js'
import { refreshRate } from './probe-rate-limiter.js'
import type { Policy } from './policy.js'
import { reasonOf, REASONS } from './state.js'
import type { Table } from './table.js'
import type { StepContext } from './step-context.js'

/** Where the bridge has no ageing time (it learns no MAC addresses then) and the operator does not say one either. */
export const DEFAULT_AGE_MS = 1800_000

const TRIES = 3
/** What a host has to answer the last probe, and to be heard. */
const ANSWER_MS = 2000
/** A host that asks whether an address is free takes a question about it for a conflict (RFC 5227 2.1.1). */
export const DAD_MS = 10_000

/** How long a host may be silent, milliseconds. */
export const ageOf = ({ anchor }: Binding, { ageMs }: Pick<Policy, 'ageMs'>): number =>
  ageMs ?? (anchor.ageingMs > 0 ? anchor.ageingMs : DEFAULT_AGE_MS)

/** From one probe to the next: what is shorter, the age or the time after which the bridge forgets the MAC, counts. */
function intervalOf(binding: Binding, policy: Policy): number {
  const { ageingMs } = binding.anchor
  const age = ageOf(binding, policy)
  return ((ageingMs > 0 ? Math.min(age, ageingMs) : age) / 3) * binding.jitter
}

export const isRemote = (binding: Binding, table: Table): boolean =>
  REASONS[reasonOf(binding, table)].state === 'remote'

/** The host was just seen: what is due next. */
export function scheduleRefresh({ table, policy }: StepContext, binding: Binding): void {
  if (binding.isStatic) return
  const { lastSeen } = binding
  if (policy.probes === 'send') table.setTimer(binding, 'refresh', lastSeen + intervalOf(binding, policy))
  else table.setTimer(binding, 'age', lastSeen + ageOf(binding, policy))
}

/** The host is to be asked as soon as it is its context. */
export function refreshNow({ table, policy, now }: StepContext, binding: Binding): void {
  if (binding.isStatic || policy.probes === 'off') return
  binding.tries = 0
  table.setTimer(binding, 'refresh', now)
}

export function onRefreshDue(context: StepContext, binding: Binding): void {
  const { table, policy, now } = context
  if (isRemote(binding, table)) {
    // it is not here: nobody is asked behind another VTEP
    binding.phase = 'known'
    table.setTimer(binding, 'age', Math.max(now, binding.lastSeen + ageOf(binding, policy)))
  } else if (binding.dadUntil > now) {
    // whoever goes on asking must not keep what nobody has
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
  // most answer the first one: that is no news
  if (binding.tries === 2) context.emit('probing', binding, binding.anchor.port)
  context.probe(binding)
  const expires = binding.lastSeen + ageOf(binding, policy)
  const next = now + intervalOf(binding, policy)
  if (binding.tries >= TRIES && next > expires) table.setTimer(binding, 'give-up', Math.max(expires, now + ANSWER_MS))
  else table.setTimer(binding, 'refresh', next)
}

/** Without probes, or behind another VTEP, silence alone decides. */
export function onAgeDue(context: StepContext, binding: Binding): void {
  const { table, policy, now } = context
  const expires = binding.lastSeen + ageOf(binding, policy)
  // it came back from behind another VTEP, where nobody is asked
  if (policy.probes === 'send' && !isRemote(binding, table)) refreshNow(context, binding)
  else if (now >= expires) context.withdraw(binding, 'aged')
  else table.setTimer(binding, 'age', expires)
}
