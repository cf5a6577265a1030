// What macipd's processes keep in memory when nothing happens.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fabric } from '../test/lab/fabric.js'
import type { Context, Measurement } from './measurement.js'

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
  return Object.entries(pids).flatMap(([process, pid]) => {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return [
      { name: `${process}, resident`, value: mebibytes(rollup, 'Rss'), unit: 'MiB' },
      { name: `${process}, proportional share`, value: mebibytes(rollup, 'Pss'), unit: 'MiB' },
    ]
  })
}

/** A line of /proc/PID/smaps_rollup: "Rss:    12345 kB". */
function mebibytes(rollup: string, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1]
  if (kibibytes === undefined) throw new Error(`smaps_rollup has no ${field}`)
  return Number(kibibytes) / 1024
}
