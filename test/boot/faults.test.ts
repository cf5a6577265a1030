// `macipctl doctor` on whole Debian systems: the three commands end with it, and what only a system with services can have
// wrong is found by its check alone. What it tells to type is typed.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { DebianFabric, VM } from '../../lab/debian-fabric.js'
import { packageOf } from '../../lab/debian-packages.js'
import { DEBIAN_RELEASES } from '../../lab/debian-system.js'
import { waitFor } from '../../lab/wait.js'
import { ExitCode } from '../../src/base/exit.js'
import type { Result } from '../../src/cli/doctor/result.js'

const IPS = [VM.ipv4, VM.ipv6]
const RELAY = 'macipd-relay.service'
const SNOOP = 'macipd-snoop.service'

type Report = { fail: number; checks: Result[] }

const isWrong = ({ status }: Result): boolean => status === 'fail' || status === 'warn'

/** A drop-in of a unit, which systemd reads, and one that takes it away again. */
const dropIn = (unit: string, section: string, ...lines: readonly string[]): string =>
  `mkdir -p /etc/systemd/system/${unit}.d
   printf '%s\\n' '[${section}]' ${lines.map((line) => `'${line}'`).join(' ')} > /etc/systemd/system/${unit}.d/fault.conf
   systemctl daemon-reload`
const noDropIn = (unit: string): string => `rm -r /etc/systemd/system/${unit}.d; systemctl daemon-reload`

/** `cure`: instead of what the doctor tells to type. */
type Fault = { name: string; id: string; plant: string; cure?: string }

const FAULTS: readonly Fault[] = [
  { name: 'the relay does not start at boot', id: 'units-enabled', plant: `systemctl disable --quiet ${RELAY}` },
  { name: 'the snooper is masked', id: 'units', plant: `systemctl mask --quiet ${SNOOP}` },
  {
    ...{ name: 'a unit has changed', id: 'units' },
    plant: `${dropIn(SNOOP, 'Service', 'Nice=1')}; touch -d '+1 hour' /etc/systemd/system/${SNOOP}.d/fault.conf`,
    cure: noDropIn(SNOOP),
  },
  {
    ...{ name: 'the relay does not start before FRR', id: 'units-order' },
    plant: `sed /^Before=/d $(systemctl show --property=FragmentPath --value ${RELAY}) > /etc/systemd/system/${RELAY}
            systemctl daemon-reload`,
    cure: `rm /etc/systemd/system/${RELAY}; systemctl daemon-reload`,
  },
  {
    ...{ name: 'systemd does not keep the relay’s connections', id: 'descriptor-store' },
    plant: `${dropIn(RELAY, 'Service', 'FileDescriptorStoreMax=1')}
            systemctl restart ${RELAY}; macipctl hook install --restart-bgpd`,
    cure: `${noDropIn(RELAY)}; systemctl restart ${RELAY}; macipctl hook install --restart-bgpd`,
  },
  {
    ...{ name: 'the snooper may not send probes', id: 'capabilities' },
    plant: `${dropIn(
      SNOOP,
      'Service',
      'CapabilityBoundingSet=~CAP_NET_RAW',
      'AmbientCapabilities=',
      'AmbientCapabilities=CAP_BPF CAP_NET_ADMIN',
    )}
            systemctl restart ${SNOOP}`,
    cure: `${noDropIn(SNOOP)}; systemctl restart ${SNOOP}`,
  },
  {
    ...{ name: 'an upgrade has not been finished', id: 'versions' },
    plant: `sed -i.kept 's/"version": "[^"]*"/"version": "9.9.9"/' /usr/lib/macipd/package.json`,
  },
  { name: 'the relay is stopped', id: 'relay-not-running', plant: `systemctl stop ${RELAY}` },
  { name: 'the snooper is stopped', id: 'snooper-not-running', plant: `systemctl stop ${SNOOP}` },
  { name: 'the hook has been removed', id: 'hook', plant: 'macipctl hook remove --restart-bgpd' },
  { name: 'FRR is stopped', id: 'frr-running', plant: 'systemctl stop frr.service' },
  { name: 'the VXLAN device is down', id: 'vxlan', plant: 'ip link set vx100 down' },
  { name: 'ND is flooded', id: 'bridge-ipv6', plant: 'sysctl -qw net.ipv6.conf.br0.disable_ipv6=1' },
]

for (const release of DEBIAN_RELEASES) {
  suite(`Debian ${release}: macipctl doctor`, () => {
    test('ends the installation, and finds what is wrong with a system', async (t) => {
      await using fabric = await DebianFabric.boot(release)
      const { system } = fabric
      const look = async (): Promise<Report & { code: number }> => {
        const text = await system.run('code=0; macipctl doctor --json 2> /dev/null || code=$?; echo " $code"')
        const end = text.lastIndexOf(' ')
        return { ...(JSON.parse(text.slice(0, end)) as Report), code: Number(text.slice(end)) }
      }
      const finds = (...ids: readonly string[]): Promise<Report & { code: number }> =>
        waitFor(
          `the doctor to find ${ids.join(', ') || 'nothing'}`,
          look,
          ({ checks }) =>
            isDeepStrictEqual(
              checks.filter(isWrong).map(({ id }) => id),
              ids,
            ),
          { timeoutMs: 60_000 },
        )

      await t.test('before the hook is installed, that is what is missing', async () => {
        const file = system.copy(packageOf(release))
        await system.run(`apt-get install -y ${file} > /dev/null 2>&1`)
        const { code, checks } = await finds('hook')
        assert.equal(code, ExitCode.unhealthy)
        assert.deepEqual(checks.filter(isWrong)[0]?.todo, ['macipctl hook install --restart-bgpd'])
      })

      await t.test('after the three commands nothing is wrong, and everything is known', async () => {
        await system.run('macipctl hook install --restart-bgpd && macipctl doctor')
        await fabric.peerRoutes(IPS)
        const { code, checks } = await finds()
        assert.equal(code, ExitCode.ok)
        assert.deepEqual(
          checks.filter(({ status }) => status === 'unknown').map(({ id }) => id),
          // the container has a network namespace of its own
          ['neighbour-limits'],
        )
        assert.match(checks.find(({ id }) => id === 'macip-in-bgpd')?.what ?? '', /^bgpd has /)
      })

      await t.test('who is not root sees less, and is told why', async () => {
        const text = await system.run('setpriv --reuid=65534 --regid=65534 --clear-groups macipctl doctor || true')
        assert.match(text, /^OK: \d+ fine, \d+ not known\n/)
        assert.match(text, /^\? {5}hook +\/etc\/frr\/daemons: no permission; run as root$/m)
        assert.match(text, /^ok {4}network +vxlan vxlan-learning neigh-suppress bridge-ipv6$/m)
      })

      for (const { name, id, plant, cure } of FAULTS) {
        await t.test(`${id}: ${name}`, async () => {
          await system.run(plant)
          const { code, checks } = await finds(id)
          const [found] = checks.filter(isWrong)
          assert.equal(code, found?.status === 'fail' ? ExitCode.unhealthy : ExitCode.warnings)
          await system.run(cure ?? found?.todo.join('\n') ?? '')
          await finds()
        })
      }
    })
  })
}
