import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BoundedGroups } from '../../src/base/bounded-groups.js'

type Item = { readonly id: number; readonly groups: readonly string[] }

test('whatever is added and deleted: the last ones are there, in order, each in its groups', () => {
  const command = fc.record({ group: fc.constantFrom('a', 'b', 'c'), deletes: fc.boolean(), pick: fc.nat(20) })
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const bounded = new BoundedGroups<Item>(8, ({ groups }) => groups)
      let plain: Item[] = []
      for (const [id, { group, deletes, pick }] of commands.entries()) {
        const victim = deletes ? plain[pick % Math.max(1, plain.length)] : undefined
        if (victim !== undefined) {
          bounded.delete(victim)
          bounded.delete(victim)
          plain = plain.filter((it) => it !== victim)
        } else {
          const item = { id, groups: [group, `${group}${id % 3}`] }
          bounded.add(item)
          plain = [...plain, item].slice(-8)
        }
        assert.deepEqual([...bounded], plain)
        assert.equal(bounded.size, plain.length)
        assert.equal(bounded.oldest, plain[0])
        for (const name of ['a', 'b', 'c', 'a0', 'b1']) {
          assert.deepEqual(
            [...bounded.of(name)],
            plain.filter(({ groups }) => groups.includes(name)),
          )
        }
      }
    }),
  )
})
