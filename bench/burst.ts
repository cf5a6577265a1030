// 5,000 hosts that announce themselves at once, until all are neighbours of the far node's kernel, against a fabric
// without macipd on which the same frames are sent and each host's neighbour is written to the near bridge at once:
// a tool that snoops at no cost.
//
// Every host has a MAC of its own that nobody has seen before: on both fabrics bridge, zebra and bgpd learn it from the
// very frame. Neighbours are permanent, because the kernel takes no more than gc_thresh3 (1024) others.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fabric } from '../test/lab/fabric.js'
import { type Host, arpAnnouncement } from '../test/lab/frames.js'
import { Lab } from '../test/lab/lab.js'
import type { Router } from '../test/lab/router.js'
import type { Vm } from '../test/lab/vm.js'
import { type Context, type Measurement, median } from './measurement.js'
import { hosts } from './hosts.js'
import { NeighbourState, NeighbourWatch, NeighbourWriter } from './neighbours.js'

const HOSTS = 5000
const ROUNDS = 7
const WARM_UP = 1
/** Hosts whose frames are sent before their neighbours are written with one system call. */
const CHUNK = 50
/** Until FRR has nothing left to do of the round before. */
const PAUSE_MS = 2000

export async function benchBurst({ frr, progress }: Context): Promise<Measurement[]> {
  progress('starting two fabrics, one with macipd and one without')
  await using macipd = await Fabric.start({ frr })
  await using plain = await Lab.start({ frr })
  await plain.startFrr()
  using writer = await NeighbourWriter.open(plain.nodes[0])
  const [plainNear, plainFar] = plain.nodes
  using snooped = new Side(macipd.near, macipd.far, macipd.vm)
  using written = new Side(plainNear, plainFar, plain.vms[0], writer)

  const times = { snooped: [] as number[], written: [] as number[] }
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const burst = hosts(round * HOSTS, HOSTS)
    const steps = [
      async () => times.snooped.push(await snooped.round(burst)),
      async () => times.written.push(await written.round(burst)),
    ]
    for (const step of round % 2 === 0 ? steps : steps.reverse()) await step()
    progress(`round ${round}: ${times.snooped.at(-1)?.toFixed(0)} ms, kernel ${times.written.at(-1)?.toFixed(0)} ms`)
  }
  const ours = median(times.snooped.slice(WARM_UP))
  const theirs = median(times.written.slice(WARM_UP))
  return [
    { name: '5,000 hosts → far neighbours', value: ours, unit: 'ms' },
    { name: '5,000 hosts, kernel neighbours → far neighbours', value: theirs, unit: 'ms' },
    { name: '5,000 hosts, macipd / kernel', value: ours / theirs, unit: 'ratio', target: '<= 0.8' },
  ]
}

/** One of the fabrics. */
class Side implements Disposable {
  private readonly watch: NeighbourWatch

  constructor(
    private readonly near: Router,
    far: Router,
    private readonly vm: Vm,
    private readonly writer?: NeighbourWriter,
  ) {
    this.watch = new NeighbourWatch(far)
  }

  /** Announces hosts and takes them away again; resolves with the milliseconds the former took. */
  async round(burst: readonly Host[]): Promise<number> {
    const addresses = burst.map(({ ipv4 }) => ipv4)
    const chunks = Array.from({ length: burst.length / CHUNK }, (_, index) => {
      const chunk = burst.slice(index * CHUNK, (index + 1) * CHUNK)
      return { chunk, frames: chunk.map(arpAnnouncement) }
    })
    const installed = this.watch.installed(addresses)
    const start = performance.now()
    for (const { chunk, frames } of chunks) {
      this.vm.sendFrames(frames)
      this.writer?.replace(chunk, NeighbourState.permanent)
    }
    const time = (await installed) - start
    const removed = this.watch.removed(addresses)
    for (const { chunk } of chunks) this.writer?.delete(chunk)
    await this.near.ip(`link set ${this.vm.port} down`)
    await removed
    await this.near.ip(`link set ${this.vm.port} up`)
    await sleep(PAUSE_MS)
    return time
  }

  [Symbol.dispose](): void {
    this.watch[Symbol.dispose]()
  }
}
