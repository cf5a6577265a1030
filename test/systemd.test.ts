// The relay as a service of a real systemd: FRR does not notice what happens to it.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Fabric } from '../lab/fabric.js'
import { RELEASES } from '../lab/frr.js'
import { MACIPD } from '../lab/programs.js'
import { Systemd } from '../lab/systemd.js'
import { waitFor } from '../lab/wait.js'

const UNIT = 'macipd-relay'
/** With three connections of bgpd there is room for more. */
const SERVICE = [
  'Type=notify',
  'NotifyAccess=main',
  'FileDescriptorStoreMax=128',
  'WatchdogSec=3',
  'Restart=always',
  'RestartSec=100ms',
  'KillMode=mixed',
  'TimeoutStopSec=10',
]

const execStart = (command: readonly string[]): string => `ExecStart=${command.map((word) => `"${word}"`).join(' ')}`

suite('the relay as a service of systemd', () => {
  test('is restarted, killed and hangs: bgpd and zebra keep their connections, and nothing is announced anew', async () => {
    await using systemd = await Systemd.start()
    const startRelay = async (command: readonly string[]): Promise<void> => {
      await systemd.addService(UNIT, [...SERVICE, execStart(['/usr/bin/env', ...command])])
      await systemd.systemctl('start', UNIT)
    }
    await using fabric = await Fabric.start({ frr: RELEASES[0], near: { startRelay } })
    try {
      const { near, vm } = fabric
      await fabric.learn()
      const clients = await fabric.allConnected()
      const updates = await near.updatesSent()
      const [began, connected] = [Date.now(), await near.bgpdConnectedSeconds()]
      const kept = await systemd.show(UNIT, 'NFileDescriptorStore')
      assert.equal((Number(kept) - 2) % 7, 0, kept)

      let pid = Number(await systemd.show(UNIT, 'MainPID'))
      for (const blow of ['restart', 'kill', 'hang', 'restart', 'kill']) {
        if (blow === 'restart') await systemd.systemctl('restart', UNIT)
        else if (blow === 'kill') await systemd.systemctl('kill', '--signal=KILL', UNIT)
        else process.kill(pid, 'SIGSTOP')
        pid = await systemd.restarted(UNIT, pid)
        await waitFor(
          'a worker to serve',
          () => systemd.show(UNIT, 'StatusText'),
          (text) => text.endsWith(': serving'),
        )
      }

      const lasted = (await near.bgpdConnectedSeconds()) - connected
      assert.ok(lasted >= Math.floor((Date.now() - began) / 1000) - 2, `one of the connections is ${lasted} s older`)
      assert.deepEqual(await fabric.zebraClients(), clients)
      assert.equal(await near.updatesSent(), updates)
      assert.equal(await systemd.show(UNIT, 'NFileDescriptorStore'), kept)
      const another = await fabric.addVm()
      await fabric.learn(another)
      await fabric.farRoutes([vm.ipv4, vm.ipv6])
      assert.doesNotMatch(systemd.logOf(UNIT), /not certain|forwards the bytes itself/)
    } finally {
      // systemd would start it again in what is left of the lab
      await systemd.systemctl('stop', UNIT)
    }
  })

  const incomplete: [name: string, lines: readonly string[], warning: RegExp][] = [
    ['without Type=notify', [], /systemd keeps no descriptors/],
    ['without FileDescriptorStoreMax=', ['Type=notify'], /does not keep all descriptors/],
    ['with too little room', ['Type=notify', 'FileDescriptorStoreMax=1'], /does not keep all descriptors/],
  ]
  test('says at its start that the unit does not keep descriptors', async () => {
    await using systemd = await Systemd.start()
    for (const [index, [name, lines, warning]] of incomplete.entries()) {
      const service = `relay-${index}`
      const at = (file: string): string => systemd.path(`${service}.${file}`)
      const paths = ['--listen', at('bgpd'), '--zebra', at('zebra'), '--control', at('control'), '--run-dir', at('run')]
      const relay = [process.execPath, MACIPD, 'relay', ...paths]
      await systemd.addService(service, [...lines, execStart(relay)])
      await systemd.systemctl('start', service)
      await waitFor(
        name,
        () => systemd.logOf(service),
        (log) => warning.test(log) && log.includes('bgpd can connect'),
      )
      await systemd.systemctl('stop', service)
      assert.equal(await systemd.show(service, 'Result'), 'success')
    }
  })
})
