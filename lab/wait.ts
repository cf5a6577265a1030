import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { reason } from '../src/base/exit.js'

const INTERVAL_MS = 20
/** How much slower than others this machine is, in a virtual machine for example. */
export const PATIENCE = Number(process.env['MACIPD_LAB_PATIENCE'] ?? 1)

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
