// `macipctl status` with real FRR and a real snooper: what only they can show.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../lab/fabric.js'
import { RELEASES } from '../lab/frr.js'
import type { Finding } from '../src/cli/status/finding.js'
import type { RelayReport } from '../src/cli/report.js'

type Status = { findings: Finding[]; relay: RelayReport }

for (const frr of RELEASES) {
  test(`FRR ${frr}: bgpd is connected to zebra directly; a snooper hangs and continues`, async () => {
    await using fabric = await Fabric.start({ frr })
    const { near, far, lab, vm } = fabric
    await fabric.learn()
    const ask = async (): Promise<Status> => (await near.macipctl('status')) as Status
    const problems = async (): Promise<Finding[]> =>
      (await ask()).findings.filter(({ severity }) => severity === 'problem')
    const until = (id: string | undefined): Promise<Finding[]> =>
      lab.waitFor(`status to say ${id ?? 'OK'}`, problems, (found) => found[0]?.id === id, { timeoutMs: 30_000 })
    await until(undefined)

    await using monitor = await far.monitor('neigh')
    const { pid } = near.daemon('snoop')
    process.kill(pid, 'SIGSTOP')
    try {
      // its own socket shows it at once, the relay after some seconds
      assert.match((await until('snooper-hung'))[0]?.todo ?? '', /kill -CONT \d+; .*kill -KILL \d+, .*macipd snoop/)
      await lab.waitFor('the relay to miss it', ask, ({ relay }) => relay.snooperSilent, { timeoutMs: 30_000 })
      const [hung, ...others] = await problems()
      assert.deepEqual([hung?.id, others], ['snooper-hung', []])
      assert.match(hung?.todo ?? '', /the relay withdraws \d+ MAC-IPs? in \d min$/)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await until(undefined)
    const another = await fabric.addVm()
    await fabric.learn(another)
    await fabric.farRoutes([vm.ipv4, vm.ipv6])
    assert.deepEqual(
      monitor.lines.filter((line) => line.includes('Deleted') && line.includes(vm.mac)),
      [],
    )

    await near.kill('bgpd', 'SIGKILL')
    await until('bgpd-not-connected')
    await near.startBgpd()
    const [direct] = await until('bgpd-direct')
    assert.match(direct?.todo ?? '', /-z \S+\/zserv\.api: macipctl hook install (-N \S+ )?--restart-bgpd$/)
    await near.kill('bgpd', 'SIGKILL')
    await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
    await until(undefined)
  })
}
