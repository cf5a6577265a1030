// The only function that changes the proxy's table: it takes an input and returns routes to announce and to withdraw,
// hosts to ask, and events, in the order in which they must be done.
import { settle } from './announce.js'
import { onPolicy } from './configured.js'
import { onContestDue } from './contest.js'
import { onDeafnessDue, onHearing } from './deafness.js'
import { onHeard, onRestored, onRoute } from './hosts.js'
import type { Input } from './input.js'
import type { Due, OtherRoute } from './model.js'
import type { Policy } from './policy.js'
import { onAddressDue, onHostDue, release } from './refresh.js'
import { type Action, StepContext } from './step-context.js'
import type { Table } from './table.js'
import { onNative, onVtepDue } from './vteps.js'

export type { Action }

/** One step handles at most this many deadlines, so that none takes long. */
const MAX_DUE = 1000

/**
 * Takes one input at `now`, in milliseconds of the monotonic clock that all times in the table use; one before that of the
 * last step counts as that. The same inputs with the same times always have the same outcome.
 */
export function step(table: Table, input: Input, policy: Policy, now: number): Action[] {
  const context = new StepContext(table, policy, table.advance(now))
  dispatch(context, input)
  return [...context.actions, ...settle(table, policy, context.changes)]
}

function dispatch(context: StepContext, input: Input): void {
  const { table } = context
  switch (input.type) {
    case 'heard':
      onHeard(context, input.heard)
      return
    case 'route':
      changeRoute(context, input.route.key, input.route)
      return
    case 'route-withdrawn':
      changeRoute(context, input.key, undefined)
      return
    case 'session-synced':
      table.synced.add(input.session)
      for (const key of table.others.staleKeys()) changeRoute(context, key, undefined)
      return
    case 'session-lost':
      table.synced.delete(input.session)
      if (table.synced.size === 0) table.others.keepStale(input.session)
      else for (const key of table.others.keysOf(input.session)) changeRoute(context, key, undefined)
      return
    case 'policy':
      onPolicy(context)
      return
    case 'restored':
      onRestored(context, input.hosts)
      return
    case 'hearing':
      onHearing(context, input.isHeard)
      return
    case 'clear': {
      const host = table.host(input.key)
      if (host?.phase === 'duplicate') release(context, host)
      else if (host?.isStatic === false) context.removeHost(host, 'cleared')
      return
    }
    case 'tick':
      for (const due of table.timers.due(context.now, MAX_DUE)) onDue(context, due)
  }
}

function onDue(context: StepContext, due: Due): void {
  const { deafness } = context.table
  switch (due.type) {
    case 'host':
      if (deafness === undefined || due.phase === 'duplicate') onHostDue(context, due)
      else deafness.waiting.add(due)
      return
    case 'address':
      if (deafness === undefined || due.timer === 'hold-down') onAddressDue(context, due)
      else deafness.waiting.add(due)
      return
    case 'vtep':
      if (deafness === undefined) onVtepDue(context, due)
      else deafness.waiting.add(due)
      return
    case 'contest':
      onContestDue(context, due)
      return
    case 'deafness':
      onDeafnessDue(context, due)
  }
}

function changeRoute(context: StepContext, key: string, route: OtherRoute | undefined): void {
  const { others } = context.table
  const former = others.get(key)
  const nextHops = [route?.nextHop, former?.nextHop].filter((it) => it !== undefined)
  const wereNative = new Map(nextHops.map((vtep) => [vtep, others.isNative(vtep)]))
  if (route === undefined) others.delete(key)
  else others.put(route)
  for (const [vtep, wasNative] of wereNative)
    if (others.isNative(vtep) !== wasNative) onNative(context, vtep, !wasNative)
  onRoute(context, route, former)
}
