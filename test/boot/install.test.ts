// The packages on whole Debian systems, installed, used, upgraded and removed as an operator does.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { DebianFabric, VM } from '../../lab/debian-fabric.js'
import { DEBIAN_RELEASES, type DebianRelease } from '../../lab/debian-system.js'
import { ROOT } from '../../lab/frr.js'
import { waitFor } from '../../lab/wait.js'

/** Debian 12's Node is too old for the package that needs it. */
const PACKAGES = { '12': 'macipd-bundled', '13': 'macipd' } as const satisfies Record<DebianRelease, string>
const IPS = [VM.ipv4, VM.ipv6]
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }

const packageOf = (release: DebianRelease): string => {
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()
  return join(ROOT, 'dist/packages', `${PACKAGES[release]}_${version}-1_${architecture}.deb`)
}

/** The same package under a later version. */
function laterPackage(path: string, directory: string): string {
  const tree = join(directory, 'tree')
  execFileSync('dpkg-deb', ['--raw-extract', path, tree])
  const control = join(tree, 'DEBIAN/control')
  writeFileSync(control, readFileSync(control, 'utf8').replace(`Version: ${version}-1`, `Version: ${version}-2`))
  const later = join(directory, 'later.deb')
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, later], { stdio: 'ignore' })
  return later
}

type Entry = { readonly MESSAGE?: string; readonly PRIORITY?: string; readonly MACIPD_BRIDGE?: string }

const exposureOf = (text: string): number => Number(/exposure level for \S+: ([\d.]+)/.exec(text)?.[1] ?? NaN)

for (const release of DEBIAN_RELEASES) {
  suite(`Debian ${release}, ${PACKAGES[release]}`, () => {
    test('installed with one command, it lives with FRR, and leaves it whole', async (t) => {
      await using fabric = await DebianFabric.boot(release)
      const { system } = fabric
      const hookState = async (): Promise<unknown> =>
        ((await system.json('macipctl hook status --json || true')) as { state: string }).state
      const relayed = (): Promise<unknown> =>
        waitFor('bgpd to use the relay', hookState, (state) => state === 'relayed')

      await t.test('before: the MAC of the VM, and nothing of its IPs', async () => {
        await fabric.peerRoutes([])
        assert.deepEqual(await fabric.peerIps(), [''])
      })

      await t.test('apt install && macipctl hook install --restart-bgpd: its IPs in the vtysh of a peer', async () => {
        const file = system.copy(packageOf(release))
        const said = await system.run(
          `apt-get install -y ${file} > /dev/null 2>&1; macipctl hook install --restart-bgpd`,
        )
        assert.match(
          said,
          /about 3 s without BGP routes\nbgpd \(process \d+\) is connected to zebra through the relay\n$/,
        )
        assert.equal(await hookState(), 'relayed')
        await fabric.peerRoutes(IPS)
        await system.run('macipctl status')
      })

      await t.test('the services have few privileges', async () => {
        const relay = await system.run('systemd-analyze security macipd-relay.service | tail -1')
        const snoop = await system.run('systemd-analyze security macipd-snoop.service | tail -1')
        assert.ok(exposureOf(relay) <= 1, relay)
        assert.ok(exposureOf(snoop) <= 2.7, snoop)
      })

      await t.test('the journal has readable lines, with a priority and fields', async () => {
        const entry = (match: string): Promise<unknown> => system.json(`journalctl -n 1 -o json ${match}`)
        const { MESSAGE, PRIORITY, MACIPD_BRIDGE } = (await entry('-t macipd-snoop MACIPD_MODE=tcx')) as Entry
        assert.match(MESSAGE ?? '', /^port snooped: \S+, bridge \S+, mode tcx$/)
        assert.deepEqual([PRIORITY, MACIPD_BRIDGE !== undefined], ['6', true])
        const relay = (await entry('-t macipd-relay MACIPD_LISTEN=/run/macipd/zserv.api')) as Entry
        assert.match(relay.MESSAGE ?? '', /^bgpd can connect: /)
        assert.equal(
          await system.run('journalctl -o cat -t macipd-snoop -t macipd-relay | grep -c "^{" || true'),
          '0\n',
        )
      })

      await t.test('Prometheus can read the snooper, and a file', async () => {
        const config = '/etc/macipd/macipd.yaml'
        const http = String.raw`exec 3<>/dev/tcp/127.0.0.1/9430; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3`
        await system.run(`cp -p ${config} ${config}.kept; echo 'metrics: {listen: 127.0.0.1:9430}' >> ${config}`)
        await system.run('systemctl restart macipd-snoop.service')
        await waitFor(
          'the snooper to announce what it has, and tell Prometheus',
          () => system.run(`bash -c '${http}' 2> /dev/null || true`),
          (text) => text.includes(`\nmacipd_overlay_entries{status="announced"} ${IPS.length}\n`),
          { timeoutMs: 60_000 },
        )
        await system.run('macipctl metrics --output /run/macipd.prom && grep -q "^macipd_relay_up 1$" /run/macipd.prom')
        await system.run(`rm /run/macipd.prom; mv ${config}.kept ${config}; systemctl restart macipd-snoop.service`)
      })

      await t.test('systemctl restart frr', async () => {
        await system.run('systemctl restart frr.service')
        await relayed()
        await fabric.peerRoutes(IPS)
      })

      await t.test('bgpd and zebra are killed, and watchfrr starts them again', async () => {
        for (const name of ['bgpd', 'zebra']) {
          await system.run(`kill -KILL $(cat /run/frr/${name}.pid)`)
          await waitFor(
            `${name} to be back`,
            () => system.run(`kill -0 $(cat /run/frr/${name}.pid) && echo there`),
            (text) => text.includes('there'),
            { timeoutMs: 120_000 },
          )
          await relayed()
          await fabric.peerRoutes(IPS)
        }
      })

      await t.test('a restart, a SIGKILL and an upgrade of the relay pass unnoticed', async () => {
        const directory = mkdtempSync(join(tmpdir(), 'macipd-later-'))
        t.after(() => {
          rmSync(directory, { recursive: true, force: true })
        })
        const later = system.copy(laterPackage(packageOf(release), directory))
        await fabric.settled()
        const before = await fabric.unnoticed()
        const steps = [
          'systemctl restart macipd-relay.service',
          'systemctl kill --signal=KILL macipd-relay.service',
          `apt-get install -y ${later} > /dev/null 2>&1`,
        ]
        for (const step of steps) {
          await system.run(step)
          await relayed()
        }
        const after = await fabric.unnoticed()
        assert.equal(after.updates, before.updates)
        assert.equal(after.clients.length, before.clients.length)
        assert.match(await system.run(`dpkg-query --show --showformat='\${Version}' ${PACKAGES[release]}`), /-2$/)
        await fabric.peerRoutes(IPS)
      })

      await t.test('reboot', async () => {
        await system.reboot()
        await relayed()
        await fabric.peerRoutes(IPS)
      })

      await t.test('the relay is stopped: bgpd goes to zebra directly, and FRR is whole', async () => {
        await system.run('systemctl stop macipd-relay.service')
        await fabric.peerRoutes([])
        assert.equal(await hookState(), 'direct')
        const link = await system.run('readlink /run/macipd/zserv.api')
        assert.equal(link.trim(), '/run/frr/zserv.api')
        await system.run('systemctl start macipd-relay.service && macipctl hook install --restart-bgpd')
        await fabric.peerRoutes(IPS)
      })

      await t.test('a relay that cannot start does not keep FRR from starting', async () => {
        const dropIn = '/etc/systemd/system/macipd-relay.service.d'
        for (const command of ['/bin/false', '/bin/sleep infinity']) {
          await system.run(
            `mkdir -p ${dropIn}; printf '[Service]\\nExecStart=\\nExecStart=${command}\\nRestart=no\\n' > ${dropIn}/broken.conf`,
          )
          await system.reboot()
          await fabric.peerRoutes([])
        }
        await system.run(`rm -r ${dropIn}; systemctl daemon-reload; systemctl start macipd-relay.service`)
        await system.run('macipctl hook install --restart-bgpd')
        await fabric.peerRoutes(IPS)
      })

      await t.test('removed and purged: FRR goes on, and nothing is left', async () => {
        await system.run(`apt-get remove -y ${PACKAGES[release]} > /dev/null 2>&1`)
        await fabric.peerRoutes([])
        await system.run(`apt-get purge -y ${PACKAGES[release]} > /dev/null 2>&1`)
        const left = await system.run(
          'ls -d /etc/macipd /run/macipd /var/lib/macipd /usr/lib/macipd /lib/systemd/system/macipd* 2> /dev/null || true',
        )
        assert.equal(left, '')
        await system.run('systemctl restart frr.service')
        await fabric.peerRoutes([])
      })
    })
  })
}
