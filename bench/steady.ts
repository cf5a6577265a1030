// Hosts that are known already and speak all the time: what that costs the snooper.
import { setTimeout as sleep } from 'node:timers/promises'
import { PortOccupancy } from './crowd.js'
import { UNLIMITED } from './limits.js'
import { steady } from '../lab/load.js'
import type { Context, Measurement } from './measurement.js'
import { cpuSeconds } from './processes.js'

const RATE = 20_000
/** Longer than the interval within which the eBPF program keeps repetitions to itself. */
const SECONDS = 35
const HOSTS = [5000, 50_000]
/** Until everyone has done what learning brings. */
const PAUSE_MS = 5000

export async function benchSteady({ frr, progress }: Context): Promise<Measurement[]> {
  progress('starting a node')
  await using crowd = await PortOccupancy.start(frr, UNLIMITED)
  const rows: Measurement[] = []
  let known = 0
  for (const hosts of HOSTS) {
    progress(`${hosts} hosts are learned`)
    await crowd.learn(known, hosts - known)
    known = hosts
    await sleep(PAUSE_MS)
    progress(`${RATE} ARP/s for ${SECONDS} s`)
    rows.push(...(await measure(crowd, hosts)))
  }
  return rows
}

async function measure(crowd: PortOccupancy, hosts: number): Promise<Measurement[]> {
  const { pid } = crowd.near.daemon('snoop')
  const before = await crowd.status()
  const cpu = cpuSeconds(pid)
  const { rate, seconds } = await steady(crowd.vms, { rate: RATE, seconds: SECONDS, hosts })
  const used = cpuSeconds(pid) - cpu
  const after = await crowd.status()
  const counted = (name: string): number => (after.frames[name] ?? 0) - (before.frames[name] ?? 0)
  const of = `${hosts.toLocaleString('en')} hosts`
  return [
    { name: `${of}: frames sent`, value: rate, unit: 'frames/s', target: '>= 19900' },
    { name: `${of}: of which the snooper saw`, value: counted('passed') / seconds, unit: 'frames/s' },
    { name: `${of}: CPU of the snooper`, value: (used / seconds) * 100, unit: '% of a core', target: '<= 10' },
    { name: `${of}: ring drops`, value: counted('ring-full'), unit: 'frames', target: '<= 0' },
    { name: `${of}: limited`, value: counted('rate-limited'), unit: 'frames', target: '<= 0' },
  ]
}
