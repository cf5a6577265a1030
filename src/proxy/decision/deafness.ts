// While no frames are heard, silence means nothing: hosts are neither asked nor forgotten before the stale time is over.
import { endContest } from './contest.js'
import type { Deafness } from './model.js'
import type { StepContext } from './step-context.js'

export function onHearing(context: StepContext, isHeard: boolean): void {
  const { table, policy, now } = context
  const { deafness } = table
  if (isHeard === (deafness === undefined)) return
  if (deafness === undefined) {
    table.deafness = { type: 'deafness', waiting: new Set() }
    table.timers.set(table.deafness, now + policy.staleMs)
    // an owner would not be heard to object
    for (const contest of [...table.contests.values()]) {
      endContest(context, contest)
      context.refuse('deaf', contest.claimant, contest.ip)
    }
    return
  }
  table.timers.delete(deafness)
  table.deafness = undefined
  for (const due of deafness.waiting) {
    // what happened since has given it another deadline
    if (table.timers.at(due) !== undefined) continue
    if (due.type === 'address') Object.assign(due, { tries: 0, timer: 'ask' })
    table.timers.set(due, now)
  }
}

/** The stale time is over. */
export function onDeafnessDue(context: StepContext, { waiting }: Deafness): void {
  const { table } = context
  waiting.clear()
  for (const host of [...table.allHosts()]) if (!host.isStatic) context.removeHost(host, 'unheard')
  for (const vni of table.foundVnis())
    for (const vtep of [...table.foundIn(vni).values()]) {
      table.removeFound(vtep)
      context.changes.vtep(vtep)
    }
}
