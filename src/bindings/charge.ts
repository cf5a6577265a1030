// A claim that its owner has answered is charged to whoever made it.
import type { Anchor, Key } from './model.js'
import type { StepContext } from './step-context.js'

/** `claimed`: what the challenger at `anchor` said; `owner`: the owner's MAC, and its port if it is here. */
export function charge(context: StepContext, claimed: Key, anchor: Anchor, owner: string): void {
  const { table, policy, now } = context
  if (table.challengers.charge(claimed, anchor, now, policy.duplicates))
    context.emit('held-down', claimed, anchor.port, owner)
}
