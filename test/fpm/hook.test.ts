// `macipctl hook install --fpm` and real zebras, each through the vtysh of its node.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { RELEASES } from '../../lab/frr.js'
import { Lab } from '../../lab/lab.js'
import type { Router } from '../../lab/router.js'
import { macipctl } from '../../lab/in-process.js'
import { tempDir } from '../support.js'

const LINES = ['fpm address 127.0.0.1', 'no fpm use-next-hop-groups']

const fpmLinesOf = (text: string): string[] => text.split('\n').filter((line) => /^(no )?fpm /.test(line))

/** Lets the command find the node's vtysh as that of its machine. */
function useVtysh(t: TestContext, node: Router): void {
  const directory = tempDir(t)
  const words = node.inRoot(['vtysh']).map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
  writeFileSync(join(directory, 'vtysh'), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 })
  const { PATH: before } = process.env
  process.env['PATH'] = `${directory}:${before}`
  t.after(() => {
    process.env['PATH'] = before
  })
}

suite('macipctl hook install --fpm', () => {
  for (const frr of RELEASES) {
    test(`FRR ${frr}: gives zebra the lines that it lacks, and its file all of them`, async (t) => {
      await using lab = await Lab.start({ frr })
      const [node] = lab.nodes
      const { pid } = await node.startZebra()
      // it has written its number in the PID namespace of the lab
      writeFileSync(node.path('/run/frr/zebra.pid'), `${pid}\n`)
      useVtysh(t, node)
      const file = node.path('/etc/frr/frr.conf')
      // as Debian has it: one file for all daemons
      writeFileSync(file, '')
      const daemons = join(tempDir(t), 'daemons')
      writeFileSync(daemons, '')
      const config = node.writeConfig(`relay: {zebra: ${node.path('/run/frr/zserv.api')}}\n`)

      for (const before of [[], ['fpm address 127.0.0.1'], LINES]) {
        const shown = async (): Promise<string[]> => fpmLinesOf(await node.vtysh('show running-config'))
        if ((await shown()).length > 0) {
          await node.configure('no fpm address', 'fpm use-next-hop-groups')
          // a thread of zebra's does it later
          await lab.waitFor('zebra to have no FPM server', shown, (lines) => lines.length === 0)
        }
        if (before.length > 0) await node.configure(...before)
        const { code, stdout, stderr } = await macipctl(
          ...['hook', 'install', '--fpm', '--daemons', daemons, '--config', config],
        )
        assert.deepEqual([code, stderr], [0, ''])
        assert.match(stdout, /\nzebra sends to FPM now, and after its next start\n/)
        assert.deepEqual(await shown(), LINES)
        assert.deepEqual(fpmLinesOf(readFileSync(file, 'utf8')), LINES)
      }
      // another server is the operator's
      await node.configure('fpm address 127.0.0.1 port 7')
      const { stdout } = await macipctl(...['hook', 'install', '--fpm', '--daemons', daemons, '--config', config])
      assert.match(
        stdout,
        /FPM is not configured: zebra is configured for another FPM server, 127\.0\.0\.1:7; .*fpm\.forward/,
      )
      assert.match(await node.vtysh('show running-config'), /^fpm address 127\.0\.0\.1 port 7$/m)
    })
  }
})
