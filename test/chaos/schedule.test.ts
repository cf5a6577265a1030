// Which fault comes when follows from the seed alone.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { FAULTS, KILLS } from '../../chaos/faults/table.js'
import { type Kind, kills, type Phase, schedule } from '../../chaos/schedule.js'

function take(phases: Iterable<Phase>, count: number): Phase[] {
  const taken: Phase[] = []
  for (const phase of phases) {
    taken.push(phase)
    if (taken.length === count) break
  }
  return taken
}

const stepsOf = (seed: number, kinds: ReadonlyMap<string, Kind> = FAULTS): Phase['steps'] =>
  take(schedule({ seed, kinds }), 200).flatMap(({ steps }) => steps)

suite('the schedule', () => {
  test('is the same for the same seed, and another one for another', () => {
    assert.deepEqual(stepsOf(7), stepsOf(7))
    assert.notDeepEqual(stepsOf(7), stepsOf(8))
  })

  test('has every fault sooner or later, on both nodes, and once what may come once', () => {
    const steps = stepsOf(1)
    for (const [name, { weight, once }] of FAULTS) {
      const nodes = new Set(steps.filter(({ fault }) => fault === name).map(({ node }) => node))
      if (once) assert.equal(steps.filter(({ fault }) => fault === name).length, 1, name)
      else if (weight > 0) assert.deepEqual(nodes, new Set([1, 2]), name)
    }
  })

  test('never lets two faults act on the same thing of a node at once', () => {
    for (const { steps } of take(schedule({ seed: 3, kinds: FAULTS }), 200)) {
      const free = new Map<string, number>()
      for (const { node, fault, at, hold } of steps)
        for (const target of FAULTS.get(fault)?.targets ?? assert.fail(fault)) {
          assert.ok(at > (free.get(`${node} ${target}`) ?? -1), fault)
          free.set(`${node} ${target}`, at + hold)
        }
    }
  })

  test('of kills has so many of each', () => {
    const steps = [...kills({ seed: 1, kinds: FAULTS, faults: KILLS, count: 7 })].flatMap((phase) => phase.steps)
    for (const name of KILLS) assert.equal(steps.filter(({ fault }) => fault === name).length, 7)
    assert.equal(steps.length, 7 * KILLS.length)
  })
})
