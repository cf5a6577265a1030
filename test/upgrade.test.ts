// FRR is upgraded on a node whose relay and snooper run on.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Fabric } from '../lab/fabric.js'
import type { Release } from '../lab/frr.js'
import type { Answer, RelayReport } from '../src/cli/report.js'

const UPGRADES: readonly (readonly [Release, Release])[] = [
  ['8.4', '10.7'],
  ['10.3', '10.7'],
  ['8.4', '10.3'],
]

async function relayOf({ near }: Fabric): Promise<RelayReport> {
  const { relay } = (await near.macipctl('status')) as { relay: Answer<RelayReport> }
  assert.ok(relay.running)
  return relay
}

/** The relay injects into bgpd's session, whose release it knows. */
const injecting = (fabric: Fabric): Promise<RelayReport> =>
  fabric.lab.waitFor(
    'the relay to announce',
    () => relayOf(fabric),
    (relay) => relay.injecting && relay.release !== '',
  )

suite('FRR is replaced by another release', { concurrency: true }, () => {
  for (const [from, to] of UPGRADES)
    test(`${from} by ${to}`, async () => {
      await using fabric = await Fabric.start({ frr: from })
      const { near, vm } = fabric
      await fabric.learn()
      const leaving = await fabric.addVm()
      await fabric.learn(leaving)
      const before = await injecting(fabric)
      assert.equal(before.release, from)

      await near.replaceFrr(to)
      await fabric.farRoutes([])
      // while there is no FRR, a host goes away
      await near.ip(`link set ${leaving.port} down`)
      await near.startZebra()
      await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
      assert.match(await near.vtysh('show version'), new RegExp(`^FRRouting ${to.replace('.', String.raw`\.`)}`, 'm'))

      await fabric.farRoutes([vm.ipv4, vm.ipv6])
      const after = await injecting(fabric)
      assert.equal(after.release, to)
      assert.deepEqual([after.keeperPid, after.workerPid], [before.keeperPid, before.workerPid])
      assert.deepEqual(
        after.sessions.filter(({ id }) => before.sessions.some((other) => other.id === id)),
        [],
      )
      await fabric.farRoutes([], leaving)

      // what comes and goes is understood
      await fabric.learn(await fabric.addVm())
      await near.ip(`link set ${vm.port} down`)
      await fabric.farRoutes([])
      const { counters } = await relayOf(fabric)
      assert.equal(counters['protocolErrors'] ?? 0, 0)
    })
})
