import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import { Backlog } from '../../src/fpm/backlog.js'
import { Awaited } from '../support.js'

function rig(limit?: number): { backlog: Backlog<number>; done: number[]; idle: Awaited } {
  const done: number[] = []
  const idle = new Awaited()
  const backlog = new Backlog<number>(
    () => 10,
    (item) => done.push(item),
    () => {
      idle.changed()
    },
    limit,
  )
  return { backlog, done, idle }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

test('all in order, in turns, between which others have theirs', async () => {
  const { backlog, done, idle } = rig()
  for (const item of numbers(100)) backlog.push(item)
  // nothing happens while it is pushed
  assert.deepEqual([done.length, backlog.waiting, backlog.empty], [0, 1000, false])
  await idle.until(() => backlog.empty)
  assert.deepEqual(done, numbers(100))
  assert.equal(backlog.waiting, 0)
})

test('an item that is slow does not keep the event loop from its turn', async () => {
  const { backlog, done, idle } = rig()
  const slow = new Backlog<number>(
    () => 1,
    (item) => {
      const end = performance.now() + 1
      while (performance.now() < end);
      done.push(item)
    },
    () => {
      idle.changed()
    },
  )
  for (const item of numbers(200)) slow.push(item)
  let turns = 0
  while (!slow.empty) {
    await nextTurn()
    turns++
  }
  assert.ok(turns > 3, `${turns} turns`)
  assert.deepEqual(done, numbers(200))
  assert.ok(backlog.empty)
})

test('never more than the limit waits', async () => {
  const { backlog, done, idle } = rig(50)
  for (const item of numbers(8)) {
    backlog.push(item)
    assert.ok(backlog.waiting <= 50)
  }
  assert.deepEqual(done, [0, 1, 2])
  await idle.until(() => backlog.empty)
  assert.deepEqual(done, numbers(8))
})

test('all at once when that is asked for', () => {
  const { backlog, done } = rig()
  for (const item of numbers(8)) backlog.push(item)
  backlog.flush()
  assert.deepEqual(done, numbers(8))
  assert.ok(backlog.empty)
})
