// fpm.ensure and real zebras: their FPM lines are taken away as frr-reload.py does it, by one vtysh command for each.
// (frr-reload.py itself: test/boot.)
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { RELEASES } from '../../lab/frr.js'
import { Lab } from '../../lab/lab.js'
import { zebraConnected } from './looks.js'

const LINES = ['fpm address 127.0.0.1', 'no fpm use-next-hop-groups']

suite('fpm.ensure', { concurrency: true }, () => {
  for (const frr of RELEASES) {
    test(`FRR ${frr}: zebra gets its lines, gets them again, and keeps what an operator gave it`, async () => {
      await using lab = await Lab.start({ frr })
      const [near] = lab.nodes
      const lines = async (): Promise<string[]> =>
        (await near.vtysh('show running-config')).split('\n').filter((line) => /^(no )?fpm /.test(line))
      const has = async (...expected: string[]): Promise<unknown> =>
        lab.waitFor('zebra to have its lines', lines, (found) => found.join() === expected.join())
      const ensured = async (): Promise<unknown> => (await near.snoopStatus()).fpm.ensure?.state
      const zebra = near.path('/run/frr/zserv.api')
      await near.startSnoop('--config', near.writeConfig(`relay: {zebra: ${zebra}}\nfpm: {ensure: true}\n`))

      // the snooper was there first
      await near.startZebra()
      await has(...LINES)
      await zebraConnected(lab, near)

      await near.configure('no fpm address', 'fpm use-next-hop-groups')
      await has(...LINES)
      await zebraConnected(lab, near)
      await near.configure('fpm use-next-hop-groups')
      await has(...LINES)
      await zebraConnected(lab, near)
      assert.equal((await near.snoopStatus()).fpm.ensure?.times, 3)

      // a zebra that starts anew has nothing of it
      await near.kill('zebra')
      await near.startZebra()
      await has(...LINES)
      await zebraConnected(lab, near)

      await near.configure('fpm address 127.0.0.1 port 2621')
      await lab.waitFor('the snooper to see it', ensured, (state) => state === 'other-server')
      await has('fpm address 127.0.0.1 port 2621', 'no fpm use-next-hop-groups')
      assert.match(near.daemon('snoop').log(), /another FPM server, 127\.0\.0\.1:2621/)
      const { findings } = (await near.macipctl('status')) as { findings: { id: string }[] }
      assert.ok(findings.some(({ id }) => id === 'fpm-not-ensured'))

      await near.configure('fpm address 127.0.0.1')
      await lab.waitFor('the snooper to see it', ensured, (state) => state === 'kept')
      await near.kill('snoop')
    })
  }
})
