// An address changes hands: between two ports of a node, between two nodes, and with a VM of which only RARP is heard.
// From the first frame at the new place to the neighbour in the kernel of the node that is left, or looks on.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fabric } from '../lab/fabric.js'
import { arpAnnouncement, rarpAnnouncement } from '../lab/frames.js'
import type { Vm } from '../lab/vm.js'
import { type Context, type Measurement, percentile } from './measurement.js'
import { NeighbourWatch } from './neighbours.js'

const ROUNDS = 20
const SHARED = '10.2.1.200'
/** Longer than FRR holds work back, and than a claim is decided; shorter than a window of many moves would need. */
const PAUSE_MS = 1500
/** Nobody has moved too often here. */
const CONFIG = 'snoop: {age: 10m, vrrp: learn, duplicates: {moves: 1000}}\n'
/** An owner that gives the address up so much later than the next one has announced it, milliseconds. */
const LATE = 100
/** From one announcement to the next, milliseconds: one alone may come before the owner has given the address up. */
const REPEAT = 200
/** RFC 5798 7.3 */
const VIRTUAL = { mac: '00:00:5e:00:01:09', ipv4: '10.2.1.209', ipv6: '2001:db8::209' }

export async function benchFailover({ frr, progress }: Context): Promise<Measurement[]> {
  await using fabric = await Fabric.start({ frr, both: true, near: { config: CONFIG }, far: { config: CONFIG } })
  const { vm, farVm } = fabric
  const other = await fabric.addVm()
  await fabric.learn()
  progress(`${ROUNDS} times between two ports`)
  const ports = await handOver(fabric, [vm, other])
  progress(`${ROUNDS} times between two nodes`)
  const nodes = await handOver(fabric, [vm, farVm])
  progress(`${ROUNDS} times between two ports, given up late`)
  const late = await handOver(fabric, [vm, other], LATE)
  progress(`${ROUNDS} times between two nodes, given up late`)
  const lateNodes = await handOver(fabric, [vm, farVm], LATE)
  progress(`${ROUNDS} times a virtual MAC between two nodes`)
  const virtual = await handOverMac(fabric)
  progress(`${ROUNDS / 2} migrations`)
  const migrations = await migrate(fabric)
  return [
    ...report('between two ports', ports),
    ...report('between two nodes', nodes),
    ...report('between two ports, given up 100 ms later', late),
    ...report('between two nodes, given up 100 ms later', lateNodes),
    ...report('a virtual MAC between two nodes', virtual),
    ...report('RARP → MAC+IP at the node that is left', migrations),
  ]
}

const report = (name: string, times: readonly number[]): Measurement[] => [
  { name: `${name}, p50`, value: percentile(times, 50), unit: 'ms', target: '<= 1000' },
  { name: `${name}, p99`, value: percentile(times, 99), unit: 'ms', target: '<= 1000' },
]

/** The VMs have the address by turns; the one that had it does not answer for it any more. */
async function handOver(fabric: Fabric, vms: readonly [Vm, Vm], lateMs = 0): Promise<number[]> {
  const times: number[] = []
  await vms[1].take(SHARED)
  vms[1].claim(SHARED)
  await fabric.lab.advertisedBy(vms[1].router, vms[1].mac, SHARED)
  for (let round = 0; round < ROUNDS; round++) {
    const [next, last] = round % 2 === 0 ? vms : ([vms[1], vms[0]] as const)
    using watch = new NeighbourWatch(next.router === fabric.near ? fabric.far : fabric.near)
    if (lateMs === 0) await last.giveUp(SHARED)
    await next.take(SHARED)
    const installed = watch.installed([SHARED])
    const begin = performance.now()
    next.claim(SHARED)
    const repeated = setInterval(() => {
      next.claim(SHARED)
    }, REPEAT)
    if (lateMs > 0) {
      await sleep(lateMs)
      await last.giveUp(SHARED)
    }
    times.push(
      (await installed.finally(() => {
        clearInterval(repeated)
      })) - begin,
    )
    await fabric.lab.advertisedBy(next.router, next.mac, SHARED)
    await sleep(PAUSE_MS)
  }
  await vms[1].giveUp(SHARED)
  return times
}

/** As VRRP does with a virtual MAC: MAC and address are on the other node at once. */
async function handOverMac({ lab, near, far, vm, farVm }: Fabric): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const [next, from] = round % 2 === 0 ? [vm, far] : [farVm, near]
    using watch = new NeighbourWatch(from)
    const installed = watch.installed([VIRTUAL.ipv4])
    const begin = performance.now()
    next.send(arpAnnouncement(VIRTUAL))
    times.push((await installed) - begin)
    await lab.advertisedBy(next.router, VIRTUAL.mac, VIRTUAL.ipv4)
    await sleep(PAUSE_MS)
  }
  return times
}

async function migrate(fabric: Fabric): Promise<number[]> {
  const { lab, vm, near, far } = fabric
  const times: number[] = []
  for (let round = 0; round < ROUNDS / 2; round++) {
    const [from, to] = vm.router === near ? [near, far] : [far, near]
    using watch = new NeighbourWatch(from)
    await fabric.move(vm, to, {
      announce: false,
      until: async () => {
        const installed = watch.installed([vm.ipv4])
        const begin = performance.now()
        vm.send(rarpAnnouncement(vm.mac))
        times.push((await installed) - begin)
      },
    })
    await lab.advertisedBy(to, vm.mac, vm.ipv4)
    await sleep(PAUSE_MS)
  }
  return times
}
