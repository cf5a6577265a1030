// What the doctor says of one thing. The names are an interface: scripts look for them.
import type { Observation } from './observation.js'
import type { Seen } from './seen.js'

export const GROUPS = ['system', 'kernel', 'frr', 'relay', 'snooper', 'network'] as const
export type Group = (typeof GROUPS)[number]

/**
 * `fail`: it does not work, or will not after the next start of something. `warn`: it works, and somebody should look.
 * `unknown`: it could not be seen, or follows from something else that fails.
 */
export type Status = 'ok' | 'warn' | 'fail' | 'unknown'

/** `means` and `todo` are empty if there is nothing to do. Lines of `todo` can be typed as they are; `#` begins a comment. */
export type Verdict = { status: Status; what: string; means: string; todo: readonly string[] }
export type Result = Verdict & { id: string; group: Group }

/** Pure: it decides from what was observed. */
export type Check = { id: string; group: Group; look: (seen: Observation) => Verdict }

export const ok = (what: string): Verdict => ({ status: 'ok', what, means: '', todo: [] })
export const unknown = (why: string): Verdict => ({ status: 'unknown', what: why, means: '', todo: [] })
export const warn = (what: string, means: string, ...todo: readonly string[]): Verdict => ({
  status: 'warn',
  what,
  means,
  todo,
})
export const fail = (what: string, means: string, ...todo: readonly string[]): Verdict => ({
  status: 'fail',
  what,
  means,
  todo,
})

/** Looks at what was observed; what was not is unknown. */
export const given = <T>(seen: Seen<T>, look: (value: T) => Verdict): Verdict =>
  'unknown' in seen ? unknown(seen.unknown) : look(seen.value)
