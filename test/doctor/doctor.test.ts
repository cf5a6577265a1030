// `macipctl doctor` on a node of real FRR daemons: silent while all is well, and each fault that is planted is found by its
// check and by no other. Where what it tells to type can be typed here, that is what cures the fault.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ExitCode } from '../../src/base/exit.js'
import { DoctoredNode, isWrong } from './doctored-node.js'
import { FAULTS } from './faults.js'
import { RELEASES } from '../../lab/frr.js'

/** What FRR shows differs by release; what is done about it does not. */
const [OLDEST, FRR, NEWEST] = RELEASES

for (const frr of [OLDEST, NEWEST]) {
  test(`FRR ${frr}: nothing is wrong, and what zebra, bgpd and watchfrr show is understood`, async () => {
    await using node = await DoctoredNode.start(frr)
    const { checks } = await node.finds()
    for (const id of ['watchfrr', 'advertise-all-vni', 'duplicate-macs', 'macip-in-bgpd', 'vni'])
      assert.equal(checks.find((check) => check.id === id)?.status, 'ok', id)
    assert.match(checks.find(({ id }) => id === 'macip-in-bgpd')?.what ?? '', /^bgpd has /)
  })
}

suite(`macipctl doctor, FRR ${FRR}`, () => {
  test('finds each fault that is planted, and nothing where there is none', async (t) => {
    await using node = await DoctoredNode.start(FRR)

    await t.test('nothing is wrong', async () => {
      const { code, healthy, fail, warn, checks } = await node.finds()
      assert.deepEqual([code, healthy, fail, warn], [ExitCode.ok, true, 0, 0])
      // what only a whole system has, see test/boot
      assert.deepEqual(
        checks.filter(({ status }) => status === 'unknown').map(({ id }) => id),
        ['units', 'units-enabled', 'units-order', 'neighbour-limits', 'descriptor-store'],
      )
      const announced = checks.find(({ id }) => id === 'macip-in-bgpd')
      assert.match(announced?.what ?? '', /^bgpd has \S+ of bc:24:11:00:00:01 in VNI 100/)
      assert.match(await node.text(), /^OK: \d+ fine, 5 not known\n/)
    })

    for (const { name, id, status, plant, cure, isHeardAfterwards } of FAULTS) {
      await t.test(`${id}: ${name}`, async () => {
        await plant(node)
        try {
          const { checks, code, healthy } = await node.finds(id)
          const [found] = checks.filter(isWrong)
          const expected = status === 'fail' ? ExitCode.unhealthy : ExitCode.warnings
          assert.deepEqual([found?.status, code, healthy], [status, expected, status !== 'fail'])
          assert.ok(found !== undefined && found.todo.length > 0)
          if (cure === 'typed') await node.type(found.todo)
        } finally {
          if (cure !== 'typed') await cure(node)
        }
        if (isHeardAfterwards) await node.fabric.learn()
        await node.finds()
      })
    }
  })
})
