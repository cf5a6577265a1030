// The packages on whole Debian systems, installed, used, upgraded and removed as an operator does.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { DebianFabric, VM } from '../../lab/debian-fabric.js'
import { DebianMotion } from '../../lab/debian-motion.js'
import { laterInstalled, laterPackage, packageOf, PACKAGES } from '../../lab/debian-packages.js'
import { DEBIAN_RELEASES, type DebianRelease } from '../../lab/debian-system.js'
import { waitFor } from '../../lab/wait.js'
import { tempDir } from '../support.js'

const IPS = [VM.ipv4, VM.ipv6]

type Entry = { readonly MESSAGE?: string; readonly PRIORITY?: string; readonly MACIPD_BRIDGE?: string }

/** systemd starts it three times in three minutes, no matter how it ended. */
const RESTART_FRR = 'systemctl reset-failed frr.service; systemctl restart frr.service'

const DROP_IN = '/etc/systemd/system/macipd-relay.service.d'

const exposureOf = (text: string): number => Number(/exposure level for \S+: ([\d.]+)/.exec(text)?.[1] ?? NaN)

suite('whole systems', { concurrency: true }, () => {
  for (const release of DEBIAN_RELEASES) lifeOn(release)
})

function lifeOn(release: DebianRelease): void {
  suite(`Debian ${release}, ${PACKAGES[release]}`, () => {
    test('installed with one command, it lives with FRR, and leaves it whole', async (t) => {
      await using fabric = await DebianFabric.boot(release)
      const { system } = fabric
      const hookState = async (): Promise<unknown> =>
        ((await system.json('macipctl hook status --json || true')) as { state: string }).state
      const relayed = (): Promise<unknown> =>
        waitFor('bgpd to use the relay', hookState, (state) => state === 'relayed')
      const keeper = (): Promise<string> => system.run('systemctl show --value --property=MainPID macipd-relay.service')

      await t.test('before: the MAC of the VM, and nothing of its IPs', async () => {
        await fabric.peerRoutes([])
        assert.deepEqual(await fabric.peerIps(), [''])
      })

      await t.test('apt install && macipctl hook install --restart-bgpd: its IPs in the vtysh of a peer', async () => {
        const file = system.copy(packageOf(release))
        const said = await system.run(
          `apt-get install -y ${file} >> /root/apt.log 2>&1; macipctl hook install --restart-bgpd`,
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

      await t.test('zebra keeps its FPM lines over a reload that writes frr.conf anew, as on Proxmox VE', async () => {
        type Fpm = { phase: string; ensure: { state: string; times: number } | null }
        const config = '/etc/macipd/macipd.yaml'
        const fpm = async (): Promise<Fpm> =>
          ((await system.json('macipctl status --json || true')) as { snooper: { fpm: Fpm } }).snooper.fpm
        const keptAfter = async (times: number): Promise<void> => {
          const isKept = ({ phase, ensure }: Fpm): boolean =>
            phase !== 'disconnected' && ensure?.state === 'kept' && ensure.times === times
          await waitFor(`zebra to have been told ${times} times, and to be connected`, fpm, isKept, {
            timeoutMs: 60_000,
          })
          const lines = await system.run(`vtysh -c 'show running-config' | grep '^\\(no \\)\\?fpm '`)
          assert.equal(lines, 'fpm address 127.0.0.1\nno fpm use-next-hop-groups\n')
        }
        await system.run(`cp -p ${config} ${config}.kept; echo 'fpm: {ensure: true}' >> ${config}`)
        await system.run(`macipctl hook install --fpm; ${RESTART_FRR}; systemctl restart macipd-snoop.service`)
        await keptAfter(1)
        const file = await system.run('cat /etc/frr/frr.conf')
        assert.doesNotMatch(file, /fpm/)
        const said = await system.run(
          `echo 'ip prefix-list other seq 5 permit any' >> /etc/frr/frr.conf
           /usr/lib/frr/frr-reload.py --stdout --reload /etc/frr/frr.conf 2>&1`,
        )
        assert.match(said, /no fpm address 127\.0\.0\.1/)
        await keptAfter(2)
        await relayed()
        await fabric.peerRoutes(IPS)
        await system.run(`mv ${config}.kept ${config}; macipctl hook install; systemctl restart macipd-snoop.service`)
        await system.run(RESTART_FRR)
        await relayed()
      })

      await t.test('bgpd and zebra are killed, and watchfrr starts them again', async () => {
        for (const name of ['bgpd', 'zebra']) {
          const pid = (): Promise<string> => system.run(`cat /run/frr/${name}.pid || true`)
          const killed = await pid()
          await system.run(`kill -KILL ${killed}`)
          // watchfrr waits for up to a minute before it starts zebra, and with it all others, again
          await waitFor(`another ${name}`, pid, (now) => now !== '' && now !== killed, { timeoutMs: 120_000 })
          await relayed()
          await fabric.peerRoutes(IPS)
        }
      })

      await t.test('a restart, a SIGKILL and an upgrade of the relay pass unnoticed', async () => {
        const later = system.copy(laterPackage(packageOf(release), tempDir(t)))
        await fabric.settled()
        const before = await fabric.unnoticed()
        const steps = [
          'systemctl restart macipd-relay.service',
          'systemctl kill --signal=KILL macipd-relay.service',
          `apt-get install -y ${later} >> /root/apt.log 2>&1`,
        ]
        for (const step of steps) {
          const old = await keeper()
          await system.run(step)
          await waitFor('another keeper', keeper, (pid) => pid !== old && pid !== '0\n')
          await relayed()
        }
        const after = await fabric.unnoticed()
        assert.equal(after.updates, before.updates)
        assert.equal(after.clients.length, before.clients.length)
        assert.match(
          await system.run(`dpkg-query --show --showformat='\${Version}' ${PACKAGES[release]}`),
          /-1\+later$/,
        )
        await fabric.peerRoutes(IPS)
      })

      await t.test('50 hosts and 100 routes, half of them in motion, while the package is put back', async () => {
        await using motion = await DebianMotion.start(system)
        const before = { still: await motion.still(), seconds: await fabric.connectedSeconds() }
        const pid = await keeper()
        await system.run(
          `apt-get install -y --allow-downgrades ${system.copy(packageOf(release))} >> /root/apt.log 2>&1`,
        )
        await waitFor('another keeper', keeper, (now) => now !== pid && now !== '0\n')
        await relayed()
        await motion.rest()
        const still = await motion.still()
        assert.deepEqual([...still.keys()], [...before.still.keys()])
        for (const [ip, at] of still)
          assert.ok(
            at <= (before.still.get(ip) ?? 0) + 1000,
            `${ip} was announced again, at ${new Date(at).toISOString()}`,
          )
        const after = await fabric.connectedSeconds()
        assert.ok(after > before.seconds, `bgpd was connected for ${before.seconds} s, and ${after} s afterwards`)
      })

      await t.test('frr is upgraded while macipd stays', async () => {
        const files = ['frr', 'frr-pythontools'].map((name) => system.copy(laterInstalled(release, name, tempDir(t))))
        const pids = async (): Promise<string[]> =>
          (
            await system.run(
              'cat /run/frr/bgpd.pid /run/frr/zebra.pid; systemctl show --property=MainPID macipd-relay macipd-snoop',
            )
          ).split(/\s+/)
        const [bgpd, zebra, ...macipd] = await pids()
        // Debian's package leaves it to the operator to restart what it has replaced
        await system.run(`apt-get install -y ${files.join(' ')} >> /root/apt.log 2>&1; ${RESTART_FRR}`)
        assert.match(await system.run(`dpkg-query --show --showformat='\${Version}' frr`), /\+later$/)
        await relayed()
        await fabric.peerRoutes(IPS)
        const [newBgpd, newZebra, ...sameMacipd] = await pids()
        assert.notEqual(newBgpd, bgpd)
        assert.notEqual(newZebra, zebra)
        assert.deepEqual(sameMacipd, macipd)
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
        for (const command of ['/bin/false', '/bin/sleep infinity']) {
          await system.run(
            `mkdir -p ${DROP_IN}; printf '[Service]\\nExecStart=\\nExecStart=${command}\\nRestart=no\\n' > ${DROP_IN}/broken.conf`,
          )
          await system.reboot()
          await fabric.peerRoutes([])
        }
        await system.run(`rm -r ${DROP_IN}; systemctl daemon-reload; systemctl start macipd-relay.service`)
        await system.run('macipctl hook install --restart-bgpd')
        await fabric.peerRoutes(IPS)
      })

      await t.test('removed and purged: FRR goes on, and nothing is left', async () => {
        // whatever goes wrong at the end of the relay, no bgpd may be left with a path that is gone
        await system.run(
          `mkdir ${DROP_IN}; printf '[Service]\\nExecStopPost=\\n' > ${DROP_IN}/broken.conf; systemctl daemon-reload`,
        )
        await system.run(`apt-get remove -y ${PACKAGES[release]} >> /root/apt.log 2>&1`)
        await fabric.peerRoutes([])
        await system.run(`apt-get purge -y ${PACKAGES[release]} >> /root/apt.log 2>&1`)
        const left = await system.run(
          'ls -d /etc/macipd /run/macipd /var/lib/macipd /usr/lib/macipd /lib/systemd/system/macipd* 2> /dev/null || true',
        )
        assert.equal(left, '')
        await system.run(`rm -r ${DROP_IN}; systemctl daemon-reload`)
        await system.run(RESTART_FRR)
        await fabric.peerRoutes([])
      })
    })
  })
}
