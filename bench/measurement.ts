// What a benchmark hands back.
import type { Release } from '../lab/frr.js'

/** What the value shall be, in its unit. */
export type Target = `${'<' | '<=' | '>='} ${number}`

export type Measurement = {
  /** Unique within its benchmark, and the same in every run. */
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly target?: Target
}

export type Context = {
  /** The release that every node runs. */
  readonly frr: Release
  /** Says on standard error what is being done. */
  readonly progress: (what: string) => void
}

/** Undefined where there is no target. */
export function meetsTarget({ value, target }: Measurement): boolean | undefined {
  if (target === undefined) return undefined
  const [operator, text] = target.split(' ')
  const limit = Number(text)
  if (operator === '>=') return value >= limit
  return operator === '<' ? value < limit : value <= limit
}

/** The value that `percent` of all do not exceed; NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? NaN
}

export const median = (values: readonly number[]): number => percentile(values, 50)
