// What a metric is: how it is named, and how its samples follow from a report.
import type { Counters } from '../counters.js'
import type { Family, Sample } from './exposition.js'

export type Metric<Report> = Omit<Family, 'samples'> & {
  readonly labels: readonly string[]
  readonly samples: (report: Report) => readonly Sample[]
}

export const one = (value: number): Sample[] => [{ labels: {}, value }]

export const yes = (is: boolean): Sample[] => one(is ? 1 : 0)

/** A sample for each name. Those of `always` are there even while nothing was counted: a rate needs a beginning. */
export function byLabel(label: string, counts: Counters, always: readonly string[] = []): Sample[] {
  const all = { ...Object.fromEntries(always.map((name) => [name, 0])), ...counts }
  return Object.entries(all).map(([name, value]) => ({ labels: { [label]: name }, value }))
}

/** How often each name occurs. */
export function tally(names: readonly string[]): Counters {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Object.fromEntries(counts)
}
