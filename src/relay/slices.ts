// Long walks beside bytes that must not wait.
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Steps of a slice, which take some 100 µs. */
export const SLICE_STEPS = 1000

/** Runs a walk that yields at each step, a slice in each turn of the event loop. Resolves to what it returns. */
export async function inSlices<Result>(walk: Generator<void, Result>): Promise<Result> {
  for (let steps = 1; ; steps++) {
    const { done, value } = walk.next()
    if (done === true) return value
    if (steps % SLICE_STEPS === 0) await nextTurn()
  }
}
