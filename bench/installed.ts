// What macipd costs as it is installed: the packages on whole Debian systems, from power-on to the first route at a peer.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DebianFabric, VM } from '../lab/debian-fabric.js'
import { packageOf, PACKAGES } from '../lab/debian-packages.js'
import { DEBIAN_RELEASES, type DebianRelease, type DebianSystem } from '../lab/debian-system.js'
import { ROOT } from '../lab/frr.js'
import { waitFor } from '../lab/wait.js'
import { type Context, type Measurement, median } from './measurement.js'

/** After the start, before memory is looked at. */
const IDLE_MS = 20_000
const STARTS = 20
const BOOT_MS = 60_000

export async function benchInstalled({ progress }: Context): Promise<Measurement[]> {
  makePackages()
  const measurements: Measurement[] = []
  for (const release of DEBIAN_RELEASES) {
    for (const measurement of await onDebian(release, progress))
      measurements.push({ ...measurement, name: `Debian ${release}, ${measurement.name}` })
  }
  return measurements
}

function makePackages(): void {
  for (const words of [['tools/ready.mjs', 'test:boot'], ['tools/package.mjs']]) {
    const [script = '', ...args] = words
    const { status } = spawnSync(process.execPath, [join(ROOT, script), ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0) throw new Error(`${words.join(' ')} failed`)
  }
}

async function onDebian(release: DebianRelease, progress: Context['progress']): Promise<Measurement[]> {
  const deb = packageOf(release)
  progress(`Debian ${release}: installing ${PACKAGES[release]}`)
  await using fabric = await DebianFabric.boot(release)
  const { system } = fabric
  await system.run(
    `apt-get install -y ${system.copy(deb)} > /dev/null 2>&1; macipctl hook install --restart-bgpd > /dev/null`,
  )
  await fabric.peerRoutes([VM.ipv4, VM.ipv6])
  progress(`Debian ${release}: power-on`)
  const boot = await powerOn(fabric)
  progress(`Debian ${release}: leaving it alone for ${IDLE_MS / 1000} s`)
  await sleep(IDLE_MS)
  return [
    ...boot,
    ...(await startTimes(system)),
    ...(await privateMemory(system)),
    await startOfMacipctl(system),
    { name: 'package', value: statSync(deb).size / 1e6, unit: 'MB' },
  ]
}

/** The VM asks for an address as soon as it is there, and again until it is heard, as guests do. */
async function powerOn(fabric: DebianFabric): Promise<Measurement[]> {
  const started = await fabric.system.powerCycle()
  const seconds = async (what: string, isThere: (ips: readonly string[]) => boolean): Promise<number> => {
    const look = async (): Promise<string[]> => {
      await fabric.system.run('ip netns exec vm ping -c 1 -W 0.2 10.2.1.99 > /dev/null || true')
      return fabric.peerIps()
    }
    await waitFor(what, look, isThere, { timeoutMs: BOOT_MS })
    return (performance.now() - started) / 1000
  }
  const mac = await seconds('the MAC route', (ips) => ips.includes(''))
  const ip = await seconds('a MAC+IP route', (ips) => ips.some((it) => it !== ''))
  return [
    { name: 'power-on to the MAC route at the peer', value: mac, unit: 's' },
    { name: 'power-on to the first MAC+IP route at the peer', value: ip, unit: 's' },
  ]
}

/** From execve to the line of the log that says that it does its work. */
async function startTimes(system: DebianSystem): Promise<Measurement[]> {
  const READY = { 'macipd-relay': 'bgpd can connect', 'macipd-snoop': 'snooping' }
  const measurements: Measurement[] = []
  for (const [unit, message] of Object.entries(READY)) {
    const text = await system.run(
      `systemctl show --value --property=ExecMainStartTimestampMonotonic ${unit}
       journalctl --boot -u ${unit} -o json | grep '"MESSAGE":"${message}' | tail -1`,
    )
    const [began = '', ...entry] = text.split('\n')
    const { __MONOTONIC_TIMESTAMP: done } = JSON.parse(entry.join('')) as { __MONOTONIC_TIMESTAMP: string }
    measurements.push({ name: `${unit}, start`, value: (Number(done) - Number(began)) / 1000, unit: 'ms' })
  }
  return measurements
}

async function privateMemory(system: DebianSystem): Promise<Measurement[]> {
  const TARGETS = { keeper: '<= 12', worker: '<= 12', snooper: '<= 20' } as const
  const text = await system.run(
    `keeper=$(systemctl show --value --property=MainPID macipd-relay)
     snooper=$(systemctl show --value --property=MainPID macipd-snoop)
     for pid in $keeper $(pgrep --parent $keeper) $snooper; do
       awk '/^Private/ { sum += $2 } END { print sum * 1024 / 1e6 }' /proc/$pid/smaps_rollup
     done`,
  )
  const values = text.trim().split('\n').map(Number)
  return Object.entries(TARGETS).map(([name, target], index) => ({
    ...{ name: `${name}, private memory`, unit: 'MB', target },
    value: values[index] ?? NaN,
  }))
}

async function startOfMacipctl(system: DebianSystem): Promise<Measurement> {
  const text = await system.run(
    `for start in $(seq ${STARTS}); do
       before=$(date +%s%N); macipctl --version > /dev/null; echo $(($(date +%s%N) - before))
     done`,
  )
  const seconds = text
    .trim()
    .split('\n')
    .map((nanoseconds) => Number(nanoseconds) / 1e9)
  return { name: 'macipctl --version', value: median(seconds), unit: 's', target: '<= 0.25' }
}
