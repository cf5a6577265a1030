// How short the age of what is learned may be.

/** Three probes must fit into an age; without probes, silence alone decides. */
const MIN_PROBED_AGE_MS = 3000

export type Ageing = {
  readonly ageMs: number
  readonly probes: 'send' | 'off'
  /** The eBPF program passes the same claim only once in this time, in milliseconds. */
  readonly repeatIntervalMs: number
}

/** Returns what is wrong with an age; undefined if it is long enough. */
export function ageProblem({ ageMs, probes, repeatIntervalMs }: Ageing): string | undefined {
  // a host that never falls silent must not age out between two of its frames that are passed on
  const least = probes === 'send' ? MIN_PROBED_AGE_MS : 2 * repeatIntervalMs
  if (ageMs >= least) return undefined
  const why =
    probes === 'send' ? 'with probes' : `without probes and with a repeat interval of ${repeatIntervalMs / 1000} s`
  return `${ageMs / 1000} s is too short; ${why} it must be at least ${least / 1000} s`
}
