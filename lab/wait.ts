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

export interface WaitOptions {
  /** Milliseconds after which waiting fails; 15 s suffice for anything FRR does in a lab on a busy machine. */
  timeoutMs?: number
  /** Appended to the failure: logs, usually. */
  context?: () => string
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
  const patience = timeoutMs * PATIENCE
  const deadline = Date.now() + patience
  for (;;) {
    let last: string
    try {
      const value = await probe()
      if (accept(value)) return value
      last = typeof value === 'string' ? value : inspect(value, { depth: 8, breakLength: 120 })
    } catch (error) {
      last = reason(error)
    }
    if (Date.now() > deadline) {
      const appendix = context === undefined ? '' : `\n${context()}`
      throw new Error(`waited ${patience} ms for: ${description}\nlast seen: ${last}${appendix}`)
    }
    await delay(INTERVAL_MS)
  }
}
