// Every change of an IP's owner is counted. One that changes too often is a duplicate: it is frozen, and withdrawn for the
// hold-down time (RFC 9161 3.7).
import { withMove } from '../base/duplicate-detection.js'
import type { Binding } from './model.js'
import type { StepContext } from './step-context.js'

/** Counts a change of owner, but does not freeze the IP. */
export function addMove({ policy, now }: StepContext, binding: Binding): void {
  binding.moves = withMove(binding.moves, now, policy.duplicates)
}

/** Counts a change of owner or of location. Returns whether that was one too many, so that the IP is frozen now. */
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

/** Ends a freeze. `why`: the hold-down time is over, or an operator cleared it. */
export function release(context: StepContext, binding: Binding, why: 'hold-down' | 'cleared'): void {
  context.emit('released', binding, binding.anchor.port, why)
  context.withdraw(binding, why)
}
