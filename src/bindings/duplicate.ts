// Every change of an IP's owner is counted. One that changes too often is a duplicate: it is frozen, and withdrawn for the
// hold-down time (RFC 9161 3.7).
import type { Binding } from './model.js'
import type { StepContext } from './step-context.js'

/** Counts a change of the owner, which may not freeze the IP yet. */
export function addMove({ policy, now }: StepContext, binding: Binding): void {
  const { moves, windowMs } = policy.duplicates
  // more than count are not kept
  binding.moves = [...binding.moves.filter((at) => at > now - windowMs), now].slice(-moves)
}

/** The IP has another owner, or the same one elsewhere. Returns whether that was once too often: then it is frozen. */
export function countMove(context: StepContext, binding: Binding): boolean {
  const { policy, now, table } = context
  const { moves, holdDownMs } = policy.duplicates
  addMove(context, binding)
  if (binding.moves.length < moves || binding.isStatic) return false
  binding.phase = 'duplicate'
  table.duplicates.add(binding)
  table.setTimer(binding, 'hold-down', now + holdDownMs)
  context.remove(binding)
  const also = binding.claim?.mac ?? table.views.competingRemote(binding)?.mac ?? ''
  context.emit('duplicate', binding, binding.anchor.port, also)
  return true
}

/** `why`: the hold-down time is over, or an operator says so. */
export function release(context: StepContext, binding: Binding, why: 'hold-down' | 'cleared'): void {
  context.emit('released', binding, binding.anchor.port, why)
  context.withdraw(binding, why)
}
