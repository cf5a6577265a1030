// From a frame of a VM to the neighbour in the far node's kernel, against a kernel neighbour on the near bridge, which is
// what every other tool makes of the frame. Both ways of writing one leave out that the tool has to snoop first:
//
//   ip      `ip neigh replace IP lladdr MAC dev br0 nud reachable`, the start of the command included
//   netlink the same message from this process, one system call: nothing can be faster
//
// All three take turns on one fabric and end with the far kernel's own report (RTM_NEWNEIGH), received here. What zebra
// makes of a kernel neighbour goes through the relay, too, which costs it some 0.1 ms.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fabric } from '../lab/fabric.js'
import { type Host, arpAnnouncement } from '../lab/frames.js'
import { hosts } from '../lab/hosts.js'
import { UNLIMITED } from './limits.js'
import { type Context, type Measurement, median } from './measurement.js'
import { NeighbourState, NeighbourWatch, NeighbourWriter } from './neighbours.js'

const ROUNDS = 120
const WARM_UP = 10
/** FRR's processes hold work back for up to 50 ms: the pause is longer, and random. */
const PAUSE_MS = { least: 60, most: 120 }

export async function benchFar({ frr, progress }: Context): Promise<Measurement[]> {
  progress('starting a fabric')
  await using fabric = await Fabric.start({ frr, near: { config: UNLIMITED } })
  const { near, far, vm } = fabric
  // from here on the VM's MAC is known everywhere
  await fabric.learn()
  using watch = new NeighbourWatch(far)
  using writer = await NeighbourWriter.open(near)
  const arms: { start: (host: Host) => void | Promise<void>; times: number[] }[] = [
    {
      start: (host) => {
        vm.send(arpAnnouncement(host))
      },
      times: [],
    },
    {
      start: ({ ipv4, mac }) => near.ip(`neigh replace ${ipv4} lladdr ${mac} dev br0 nud reachable`),
      times: [],
    },
    {
      start: (host) => {
        writer.replace([host], NeighbourState.reachable)
      },
      times: [],
    },
  ]

  progress(`${ROUNDS} rounds`)
  for (const [index, { ipv4, ipv6 }] of hosts(0, (WARM_UP + ROUNDS) * arms.length).entries()) {
    const arm = arms[index % arms.length]
    if (arm === undefined) continue
    const installed = watch.installed([ipv4])
    const begin = performance.now()
    const started = arm.start({ mac: vm.mac, ipv4, ipv6 })
    arm.times.push((await installed) - begin)
    await Promise.resolve(started)
    await sleep(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least))
  }
  const [snooped = NaN, ip = NaN, netlink = NaN] = arms.map(({ times }) => median(times.slice(WARM_UP)))
  return [
    { name: 'frame → far neighbour, p50', value: snooped, unit: 'ms' },
    { name: 'ip neigh replace → far neighbour, p50', value: ip, unit: 'ms' },
    { name: 'netlink neighbour → far neighbour, p50', value: netlink, unit: 'ms' },
    { name: 'far neighbour, macipd / ip', value: snooped / ip, unit: 'ratio', target: '<= 1' },
    { name: 'far neighbour, macipd / netlink', value: snooped / netlink, unit: 'ratio', target: '<= 1' },
  ]
}
