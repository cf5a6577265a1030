import type { Heard, SyncState } from './sync-state.js'

/** `confirmed` means that the item was stale, and zebra has sent the same again. */
export type Update = 'added' | 'changed' | 'confirmed' | 'removed'

/** Classifies an item that zebra sends (again); undefined if nothing changes. Must be called before it is stored. */
export function update(
  before: Heard | undefined,
  same: boolean,
  syncState: SyncState,
): Exclude<Update, 'removed'> | undefined {
  if (before === undefined) return 'added'
  if (!same) return 'changed'
  return syncState.freshness(before) === 'stale' ? 'confirmed' : undefined
}
