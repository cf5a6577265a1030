// What macipd's processes keep in memory when nothing happens.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fabric } from '../lab/fabric.js'
import type { Context, Measurement } from './measurement.js'
import { resident } from './processes.js'

/** After the start. */
const IDLE_MS = 10_000

export async function benchMemory({ frr, progress }: Context): Promise<Measurement[]> {
  progress('starting a fabric')
  await using fabric = await Fabric.start({ frr })
  progress(`leaving it alone for ${IDLE_MS / 1000} s`)
  await sleep(IDLE_MS)
  const pids = {
    'relay keeper': fabric.near.daemon('relay').pid,
    'relay worker': fabric.workerPid(),
    snooper: fabric.near.daemon('snoop').pid,
  }
  return Object.entries(pids).flatMap(([process, pid]) => [
    { name: `${process}, resident`, value: resident(pid, 'Rss'), unit: 'MiB' },
    { name: `${process}, proportional share`, value: resident(pid, 'Pss'), unit: 'MiB' },
  ])
}
