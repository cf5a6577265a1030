import type { Heard, Life } from './sync-state.js'

/** `confirmed`: it was stale, and zebra has said the same again. */
export type Update = 'added' | 'changed' | 'confirmed' | 'removed'

/** What it means that zebra says something again, the same or not; undefined for nothing. Ask before it is stored. */
export function update(before: Heard | undefined, same: boolean, life: Life): Exclude<Update, 'removed'> | undefined {
  if (before === undefined) return 'added'
  if (!same) return 'changed'
  return life.freshness(before) === 'stale' ? 'confirmed' : undefined
}
