// zebra ends while 5,000 hosts are announced, they leave, and zebra comes back: how long the far node keeps them. Against a
// fabric without anything of macipd, whose hosts are kernel neighbours of the near bridge.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fabric } from '../lab/fabric.js'
import { arpAnnouncement } from '../lab/frames.js'
import { hosts } from '../lab/hosts.js'
import { Lab } from '../lab/lab.js'
import type { Router } from '../lab/router.js'
import { UNLIMITED } from './limits.js'
import type { Context, Measurement } from './measurement.js'
import { NeighbourState, NeighbourWriter } from './neighbours.js'

const HOSTS = hosts(0, 5000)
const CHUNK = 50
/** What is still there then stays. */
const PATIENCE_MS = 120_000
const POLL_MS = 250

type Outcome = { seconds: number; remaining: number }

export async function benchStale({ frr, progress }: Context): Promise<Measurement[]> {
  progress('with macipd')
  const ours = await withMacipd(frr)
  progress('without, and with kernel neighbours')
  const theirs = await withoutMacipd(frr)
  return [
    { name: 'macipd: far node has them after zebra is back', value: ours.seconds, unit: 's' },
    { name: 'macipd: hosts that stay', value: ours.remaining, unit: 'hosts', target: '<= 0' },
    { name: 'FRR alone: far node has them after zebra is back', value: theirs.seconds, unit: 's' },
    { name: 'FRR alone: hosts that stay', value: theirs.remaining, unit: 'hosts' },
  ]
}

async function withMacipd(frr: Context['frr']): Promise<Outcome> {
  await using fabric = await Fabric.start({ frr, near: { config: UNLIMITED } })
  fabric.vm.sendFrames(HOSTS.map(arpAnnouncement))
  return await staleness(fabric.lab, () => undefined)
}

async function withoutMacipd(frr: Context['frr']): Promise<Outcome> {
  await using lab = await Lab.start({ frr })
  await lab.startFrr()
  using writer = await NeighbourWriter.open(lab.nodes[0])
  const inChunks = (write: (chunk: typeof HOSTS) => void): void => {
    for (let start = 0; start < HOSTS.length; start += CHUNK) write(HOSTS.slice(start, start + CHUNK))
  }
  lab.vms[0].sendFrames(HOSTS.map(arpAnnouncement))
  inChunks((chunk) => {
    writer.replace(chunk, NeighbourState.permanent)
  })
  return await staleness(lab, () => {
    inChunks((chunk) => {
      writer.delete(chunk)
    })
  })
}

/** @param leave what whoever wrote neighbours does when a port goes down */
async function staleness({ nodes: [near, far], vms: [vm] }: Lab, leave: () => void): Promise<Outcome> {
  const known = await until(far, (count) => count === HOSTS.length)
  if (known < HOSTS.length) throw new Error(`the far node has ${known} of ${HOSTS.length} hosts`)
  await near.kill('zebra', 'SIGKILL')
  await near.ip(`link set ${vm.port} down`)
  leave()
  await near.startZebra()
  const back = performance.now()
  const remaining = await until(far, (count) => count === 0)
  return { seconds: (performance.now() - back) / 1000, remaining }
}

/** Resolves with the number of hosts that are neighbours of the node when it is accepted, or nothing changes it any more. */
async function until(node: Router, accept: (count: number) => boolean): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const shown = await node.exec(['ip', '-4', 'neigh', 'show', 'dev', 'br0'])
    const known = new Set(shown.split('\n').map((line) => line.split(' ', 1)[0]))
    const count = HOSTS.filter(({ ipv4 }) => known.has(ipv4)).length
    if (accept(count) || performance.now() > deadline) return count
    await sleep(POLL_MS)
  }
}
