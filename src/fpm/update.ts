import type { Heard, SyncState } from './sync-state.js'

/** `confirmed`: it was stale, and zebra has said the same again. */
export type Update = 'added' | 'changed' | 'confirmed' | 'removed'

/** What it means that zebra says something again, the same or not; undefined for nothing. Ask before it is stored. */
export function update(
  before: Heard | undefined,
  same: boolean,
  syncState: SyncState,
): Exclude<Update, 'removed'> | undefined {
  if (before === undefined) return 'added'
  if (!same) return 'changed'
  return syncState.freshness(before) === 'stale' ? 'confirmed' : undefined
}
