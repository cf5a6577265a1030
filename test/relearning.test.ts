// What the relay believes of bgpd is lost or wrong: it reads the truth from FRR, and nothing stale stays behind.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import { suite, test } from 'node:test'
import { Fabric } from '../lab/fabric.js'
import { RELEASES } from '../lab/frr.js'
import type { Monitor } from '../lab/monitor.js'
import type { Vm } from '../lab/vm.js'
import type { Answer, RelayReport } from '../src/cli/report.js'

const withdrawals = (monitor: Monitor, vm: Vm): string[] =>
  monitor.lines.filter((line) => line.includes('Deleted') && line.includes(vm.mac))

/** Somewhere in the journal's first frame. */
const DAMAGED = 80

/** Kills worker after worker, until the keeper does without. */
async function forwardPlainly(fabric: Fabric): Promise<void> {
  await fabric.lab.waitFor(
    'the keeper to forward the bytes itself',
    async () => {
      // the keeper tells its state to whoever connects
      const { plain } = (await json(connect(fabric.near.path('/run/macipd/keeper.sock')))) as { plain: string | null }
      if (plain === null) process.kill(fabric.workerPid(), 'SIGKILL')
      return plain
    },
    (plain) => plain !== null,
  )
}

const relayOf = async ({ near }: Fabric): Promise<Answer<RelayReport>> =>
  ((await near.macipctl('status')) as { relay: Answer<RelayReport> }).relay

/** Waits until the relay announces, as it does when it is certain of what bgpd has. */
const certain = (fabric: Fabric): Promise<Answer<RelayReport>> =>
  fabric.lab.waitFor(
    'the relay to know what bgpd has',
    () => relayOf(fabric),
    (relay) => relay.running && relay.injecting,
    { timeoutMs: 60_000 },
  )

suite('what bgpd has is read from FRR', { concurrency: true }, () => {
  for (const frr of RELEASES)
    test(`FRR ${frr}: after the journal was damaged, and after frames have passed unseen`, async () => {
      await using fabric = await Fabric.start({ frr })
      const { near, far, vm } = fabric
      const clients = await fabric.allConnected()
      await fabric.learn()
      const [first, second, owner] = [await fabric.addVm(), await fabric.addVm(), await fabric.addVm()]
      for (const other of [first, second, owner]) await fabric.learn(other)
      // zebra's own: a neighbour of the bridge, of which no frame tells
      const zebras = '10.2.1.99'
      await near.ip(`neigh replace ${zebras} lladdr ${owner.mac} dev br0 nud permanent`)
      await fabric.farRoutes([owner.ipv4, owner.ipv6, zebras], owner)
      await using monitor = await far.monitor('neigh')

      process.kill(fabric.workerPid(), 'SIGSTOP')
      const journal = near.path('/run/macipd/journal')
      const bytes = readFileSync(journal)
      bytes.writeUInt8(bytes.readUInt8(DAMAGED) ^ 1, DAMAGED)
      writeFileSync(journal, bytes)
      // while nothing passes, a host goes away
      await near.ip(`link set ${first.port} down`)
      const uncertain = await fabric.lab.waitFor(
        'the relay to say that it is not certain',
        () => relayOf(fabric),
        (relay) => relay.running && !relay.injecting,
      )
      assert.match(JSON.stringify(uncertain), /"uncertain":"the journal cannot be trusted: the checksum [^"]*"/)
      await certain(fabric)
      await fabric.farRoutes([], first)

      await forwardPlainly(fabric)
      await near.ip(`link set ${second.port} down`, `neigh del ${zebras} dev br0`)
      await certain(fabric)
      await fabric.farRoutes([], second)
      await fabric.farRoutes([owner.ipv4, owner.ipv6], owner)

      await fabric.learn(await fabric.addVm())
      await fabric.farRoutes([vm.ipv4, vm.ipv6])
      assert.deepEqual(withdrawals(monitor, vm), [])
      assert.deepEqual(await fabric.zebraClients(), clients)
      await near.ip(`link set ${vm.port} down`)
      await fabric.farRoutes([])
    })
})
