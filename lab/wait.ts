import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { ExitCode, FatalError, reason } from '../src/base/exit.js'

const INTERVAL_MS = 20
/**
 * How many times slower than usual this machine is: MACIPD_LAB_PATIENCE, 1 without it. Every limit of the lab, the tests
 * and the benchmarks is multiplied by it; what waits less long than its limit takes no longer.
 */
export const PATIENCE = patienceOf(process.env['MACIPD_LAB_PATIENCE'])

function patienceOf(text = '1'): number {
  const patience = Number(text)
  // a limit that is no number would never be reached
  if (Number.isFinite(patience) && patience > 0) return patience
  throw new FatalError(ExitCode.usage, `MACIPD_LAB_PATIENCE: expected a number above 0, found "${text}"`)
}

/** A wait fails in the end however busy the machine is. */
const MOST_PER_CORE = 10

/** How many processes share a core, which is how many times longer each of them takes; 1 to MOST_PER_CORE. */
export const crowding = (): number => Math.min(Math.max(1, (loadavg()[0] ?? 0) / availableParallelism()), MOST_PER_CORE)

export interface WaitOptions {
  /**
   * Milliseconds after which waiting fails, times PATIENCE, and times the processes that share a core. 15 s suffice for
   * anything FRR does in a lab.
   */
  timeoutMs?: number
  /** Appended to the failure: logs, usually. */
  context?: () => string | Promise<string>
}

/**
 * Polls `probe` until `accept` takes its value, which is returned. A probe that throws counts as "not yet".
 * Fails with `description` and the last value or error seen.
 */
export async function waitFor<T>(
  description: string,
  probe: () => T | Promise<T>,
  accept: (value: T) => boolean,
  { timeoutMs = 15_000, context }: WaitOptions = {},
): Promise<T> {
  const start = Date.now()
  for (;;) {
    let last: string
    try {
      const value = await probe()
      if (accept(value)) return value
      last = typeof value === 'string' ? value : inspect(value, { depth: 8, breakLength: 120 })
    } catch (error) {
      last = reason(error)
    }
    const waited = Date.now() - start
    if (waited > timeoutMs * PATIENCE * crowding()) {
      const appendix = context === undefined ? '' : `\n${await context()}`
      throw new Error(`waited ${waited} ms for: ${description}\nlast seen: ${last}${appendix}`)
    }
    await delay(INTERVAL_MS)
  }
}

/** Far above what anything takes that a test is told of, rather than asks for, on a busy machine. */
const SILENCE_MS = 120_000

/** Resolves when whoever is told of something wakes those waiting; fails after SILENCE_MS without that. */
export function woken(waiting: (() => void)[], what: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`nothing came for ${SILENCE_MS * PATIENCE} ms: ${what()}`))
    }, SILENCE_MS * PATIENCE)
    waiting.push(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
