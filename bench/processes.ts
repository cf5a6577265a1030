// What a process costs, as the kernel accounts for it.
import { readFileSync } from 'node:fs'

/** User and system time, /proc/PID/stat fields 14 and 15, in ticks of 10 ms. */
export function cpuSeconds(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const columns = fields.split(' ')
  return (Number(columns[11]) + Number(columns[12])) / 100
}

/** A line of /proc/PID/status, in MiB. */
export const memory = (pid: number, field: 'VmRSS' | 'VmHWM'): number => mebibytes(`/proc/${pid}/status`, field)

/** Resident memory, in MiB: `Rss` all of it, `Pss` with a share of what others have, too. */
export const resident = (pid: number, field: 'Rss' | 'Pss'): number => mebibytes(`/proc/${pid}/smaps_rollup`, field)

/** A line such as "Rss:    12345 kB". */
function mebibytes(file: string, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(file, 'utf8'))?.[1]
  if (kibibytes === undefined) throw new Error(`${file} has no ${field}`)
  return Number(kibibytes) / 1024
}
