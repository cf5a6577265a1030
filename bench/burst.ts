// 5,000 hosts that announce themselves at once, until all are neighbours of the far node's kernel. Against a fabric
// without anything of macipd, on which the same frames are sent and the same hosts become kernel neighbours of the near
// bridge. Both ways of writing them leave out that a tool has to snoop first:
//
//   ip      `ip -batch` with 5,000 lines of `neigh replace`, started together with the first frame
//   netlink from this process, 50 with one system call as soon as their frames are sent: faster than any tool
//
// Every host has a MAC of its own that nobody has seen before: bridge, zebra and bgpd learn it from the very frame, on
// either fabric. Kernel neighbours are permanent, because of others the kernel takes no more than gc_thresh3 (1024).
import { setTimeout as sleep } from 'node:timers/promises'
import { reason } from '../src/base/exit.js'
import { Fabric } from '../lab/fabric.js'
import { type Host, arpAnnouncement } from '../lab/frames.js'
import { Lab } from '../lab/lab.js'
import type { Vm } from '../lab/vm.js'
import { hosts } from '../lab/hosts.js'
import { UNLIMITED } from './limits.js'
import { type Context, type Measurement, median } from './measurement.js'
import { NeighbourState, NeighbourWatch, NeighbourWriter } from './neighbours.js'

/** The hosts of former rounds are gone; in the next one they would still be asked, 2,000 a second. */
const CONFIG = `${UNLIMITED}  probes: "off"\n`
const HOSTS = 5000
const ROUNDS = 7
/** The first rounds find code that has hardly run; they are shown, and not counted. */
const WARM_UP = 1
const CHUNK = 50
/** Until FRR has nothing left to do of the round before. */
const PAUSE_MS = 2000

/** Starts what a round measures; resolves when nothing of it is left to do here. */
type Start = (burst: readonly Host[]) => void | Promise<void>

export async function benchBurst({ frr, progress }: Context): Promise<Measurement[]> {
  progress('starting two fabrics, one with macipd and one without')
  await using macipd = await Fabric.start({ frr, near: { config: CONFIG } })
  await using plain = await Lab.start({ frr })
  await plain.startFrr()
  const [near] = plain.nodes
  using writer = await NeighbourWriter.open(near)
  using ours = new NeighbourWatch(macipd.far)
  using theirs = new NeighbourWatch(plain.nodes[1])
  const send = (vm: Vm, burst: readonly Host[]): void => {
    vm.sendFrames(burst.map(arpAnnouncement))
  }
  const arms: { name: string; lab: Lab; watch: NeighbourWatch; start: Start; times: number[] }[] = [
    {
      name: 'macipd',
      lab: macipd.lab,
      watch: ours,
      start: (burst) => {
        send(macipd.vm, burst)
      },
      times: [],
    },
    {
      name: 'ip -batch',
      lab: plain,
      watch: theirs,
      start: (burst) => {
        const lines = burst.map(({ ipv4, mac }) => `neigh replace ${ipv4} lladdr ${mac} dev br0 nud permanent`)
        const written = near.ip(...lines)
        send(plain.vms[0], burst)
        return written
      },
      times: [],
    },
    {
      name: 'netlink',
      lab: plain,
      watch: theirs,
      start: (burst) => {
        for (const chunk of chunks(burst)) {
          send(plain.vms[0], chunk)
          writer.replace(chunk, NeighbourState.permanent)
        }
      },
      times: [],
    },
  ]

  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const [index, { name, lab, watch, start, times }] of arms.entries()) {
      const burst = hosts((round * arms.length + index) * HOSTS, HOSTS)
      times.push(await timeOf(watch, burst, start))
      if (lab === plain) for (const chunk of chunks(burst)) writer.delete(chunk)
      await withdraw(lab, watch, burst).catch(async (error: unknown) => {
        throw new Error(`${name}: ${reason(error)}\n${await lab.evpnState()}`, { cause: error })
      })
    }
    const values = arms.map(({ name, times }) => `${name} ${times.at(-1)?.toFixed(0)} ms`)
    progress(`round ${round + 1} of ${WARM_UP + ROUNDS}: ${values.join(', ')}`)
  }
  const [snooped = NaN, ip = NaN, netlink = NaN] = arms.map(({ times }) => median(times.slice(WARM_UP)))
  return [
    { name: '5,000 hosts → far neighbours', value: snooped, unit: 'ms' },
    { name: '5,000 hosts in ip -batch → far neighbours', value: ip, unit: 'ms' },
    { name: '5,000 hosts by netlink → far neighbours', value: netlink, unit: 'ms' },
    { name: '5,000 hosts, macipd / ip -batch', value: snooped / ip, unit: 'ratio', target: '<= 0.8' },
    { name: '5,000 hosts, macipd / netlink', value: snooped / netlink, unit: 'ratio' },
  ]
}

async function timeOf(watch: NeighbourWatch, burst: readonly Host[], start: Start): Promise<number> {
  const installed = watch.installed(burst.map(({ ipv4 }) => ipv4))
  const begin = performance.now()
  const started = start(burst)
  const time = (await installed) - begin
  await started
  return time
}

/** The port goes down, and comes back when the far node has forgotten all. */
async function withdraw(
  { nodes: [near], vms: [vm] }: Lab,
  watch: NeighbourWatch,
  burst: readonly Host[],
): Promise<void> {
  const removed = watch.removed(burst.map(({ ipv4 }) => ipv4))
  await near.ip(`link set ${vm.port} down`)
  await removed
  await near.ip(`link set ${vm.port} up`)
  await sleep(PAUSE_MS)
}

function* chunks(burst: readonly Host[]): Generator<readonly Host[]> {
  for (let start = 0; start < burst.length; start += CHUNK) yield burst.slice(start, start + CHUNK)
}
