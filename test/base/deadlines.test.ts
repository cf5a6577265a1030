import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Deadlines } from '../../src/base/deadlines.js'

const operation = fc.oneof(
  fc.record({ do: fc.constant('set' as const), item: fc.nat(20), at: fc.nat(100) }),
  fc.record({ do: fc.constant('delete' as const), item: fc.nat(20) }),
  fc.record({ do: fc.constant('due' as const), at: fc.nat(100), limit: fc.integer({ min: 1, max: 30 }) }),
)

test('any order of putting off, bringing forward, deleting and waiting agrees with a sorted list', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const deadlines = new Deadlines<number>()
      const model = new Map<number, number>()
      for (const operation of operations) {
        switch (operation.do) {
          case 'set':
            deadlines.set(operation.item, operation.at)
            model.set(operation.item, operation.at)
            break
          case 'delete':
            deadlines.delete(operation.item)
            model.delete(operation.item)
            break
          case 'due': {
            const due = deadlines.due(operation.at, operation.limit)
            const all = [...model].filter(([, at]) => at <= operation.at)
            const times = all.map(([, at]) => at).sort((a, b) => a - b)
            assert.deepEqual(
              due.map((item) => model.get(item)),
              times.slice(0, operation.limit),
            )
            for (const item of due) model.delete(item)
          }
        }
        const next = deadlines.next()
        if (model.size > 0) assert.ok(next !== undefined && next <= Math.min(...model.values()))
      }
    }),
  )
})

test('items that come and go leave nothing behind', () => {
  const deadlines = new Deadlines<number>()
  for (let item = 0; item < 10_000; item++) {
    deadlines.set(item, 1e9)
    deadlines.delete(item)
  }
  assert.deepEqual(deadlines.due(1e9, 1), [])
  assert.equal(deadlines.next(), undefined)
})
