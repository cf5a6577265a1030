// What macipd's processes hold: memory and descriptors, which must not become more with time.
import { readdirSync, readFileSync } from 'node:fs'

export const PROCESSES = ['keeper', 'worker', 'snooper'] as const
export type ProcessName = (typeof PROCESSES)[number]

export interface Usage {
  readonly node: number
  readonly pid: number
  /** Bytes that are in memory. */
  readonly rss: number
  /** The same, of pages shared with others only this process's part. */
  readonly pss: number
  readonly descriptors: number
}

/** `n1 keeper` → what it holds. One that is not there is left out. */
export type Usages = ReadonlyMap<string, Usage>

/** What comes and goes: a request that has just ended, a file that is being written anew. */
const DESCRIPTORS_IN_FLIGHT = 4

/** A node, as far as it is of interest here. */
export interface WithProcesses {
  readonly number: number
  /** Undefined while there is none. */
  pidOf(name: ProcessName): number | undefined
}

export function usagesOf(nodes: readonly WithProcesses[]): Usages {
  const usages = nodes.flatMap((node) =>
    PROCESSES.flatMap((name) => {
      const pid = node.pidOf(name)
      const usage = pid === undefined ? undefined : usageOf(node.number, pid)
      return usage === undefined ? [] : [[`n${node.number} ${name}`, usage] as const]
    }),
  )
  return new Map(usages)
}

/** Undefined if the process has ended. */
function usageOf(node: number, pid: number): Usage | undefined {
  try {
    // proc(5)
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const bytes = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? Number.NaN) * 1024
    return { node, pid, rss: bytes('Rss'), pss: bytes('Pss'), descriptors: readdirSync(`/proc/${pid}/fd`).length }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}

/** bgpd's socket, zebra's, a pipe for each direction, and a note. */
const DESCRIPTORS_OF_CONNECTION = 7

/**
 * Who has more descriptors than in the beginning, in words.
 * @param connections how many more connections bgpd has than in the beginning, by number of the node
 */
export const grown = (first: Usages, now: Usages, connections: ReadonlyMap<number, number>): string[] =>
  [...now].flatMap(([name, { node, descriptors }]) => {
    const before = first.get(name)?.descriptors
    const needed = DESCRIPTORS_OF_CONNECTION * Math.max(0, connections.get(node) ?? 0)
    if (before === undefined || descriptors <= before + needed + DESCRIPTORS_IN_FLIGHT) return []
    return [`${name} has ${descriptors} descriptors, and had ${before} in the beginning`]
  })

const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

/** A line for each process. */
export const usageLines = (usages: Usages): string[] =>
  [...usages].map(
    ([name, { pid, rss, pss, descriptors }]) =>
      `${name.padEnd(10)} ${megabytes(rss).padStart(6)} MB RSS, ${megabytes(pss).padStart(6)} MB PSS, ${descriptors} descriptors, PID ${pid}`,
  )
