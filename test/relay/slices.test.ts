// A long walk leaves the event loop to others.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inSlices, SLICE_STEPS } from '../../src/relay/slices.js'

test('what else is to be done is done between the slices', async () => {
  let steps = 0
  function* walk(): Generator<void, string> {
    for (; steps < 10 * SLICE_STEPS; steps++) yield
    return 'done'
  }
  const seen: number[] = []
  const look = (): void => {
    seen.push(steps)
    if (steps < 10 * SLICE_STEPS) setImmediate(look)
  }
  setImmediate(look)
  assert.equal(await inSlices(walk()), 'done')
  const longest = Math.max(...seen.map((at, index) => at - (seen[index - 1] ?? 0)))
  assert.ok(longest <= SLICE_STEPS, `${longest} steps in one turn`)
})
