// From a frame of a VM to the neighbour in the far node's kernel, against the best a tool that writes kernel neighbours
// could do: the neighbour is written to the near bridge at the moment the frame would have been sent, by one system call,
// without anything having been snooped.
//
// Both are of one fabric and alternate. Both end with the far kernel's own report (RTM_NEWNEIGH), received here.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fabric } from '../test/lab/fabric.js'
import { arpAnnouncement } from '../test/lab/frames.js'
import { type Context, type Measurement, median } from './measurement.js'
import { hosts } from './hosts.js'
import { NeighbourState, NeighbourWatch, NeighbourWriter } from './neighbours.js'

const PAIRS = 150
const WARM_UP = 10
/** FRR's processes hold work back for up to 50 ms: the pause is longer, and random. */
const PAUSE_MS = { least: 60, most: 120 }

export async function benchFar({ frr, progress }: Context): Promise<Measurement[]> {
  progress('starting a fabric')
  await using fabric = await Fabric.start({ frr })
  const { near, far, vm } = fabric
  // from here on the VM's MAC is known everywhere
  await fabric.learn()
  using watch = new NeighbourWatch(far)
  using writer = await NeighbourWriter.open(near)
  const measure = async (ip: string, act: () => void): Promise<number> => {
    const installed = watch.installed([ip])
    const start = performance.now()
    act()
    const time = (await installed) - start
    await sleep(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least))
    return time
  }

  progress(`${PAIRS} pairs`)
  const times = { snooped: [] as number[], written: [] as number[] }
  for (let pair = 0; pair < WARM_UP + PAIRS; pair++) {
    const [snooped, written] = hosts(2 * pair, 2).map(({ ipv4, ipv6 }) => ({ mac: vm.mac, ipv4, ipv6 }))
    if (snooped === undefined || written === undefined) continue
    const frame = arpAnnouncement(snooped)
    const steps = [
      async () => {
        times.snooped.push(
          await measure(snooped.ipv4, () => {
            vm.send(frame)
          }),
        )
      },
      async () => {
        times.written.push(
          await measure(written.ipv4, () => {
            writer.replace([written], NeighbourState.reachable)
          }),
        )
      },
    ]
    // neither always comes first
    for (const step of pair % 2 === 0 ? steps : steps.reverse()) await step()
  }
  const snooped = median(times.snooped.slice(WARM_UP))
  const written = median(times.written.slice(WARM_UP))
  return [
    { name: 'frame → far neighbour, p50', value: snooped, unit: 'ms' },
    { name: 'near kernel neighbour → far neighbour, p50', value: written, unit: 'ms' },
    { name: 'far neighbour, macipd / kernel', value: snooped / written, unit: 'ratio', target: '<= 1' },
  ]
}
