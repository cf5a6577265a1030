// What moves too often is claimed by two (RFC 7432 15.1 for a MAC, RFC 9161 3.7 for an IP).

/** Durations are in milliseconds. */
export type DuplicateDetection = {
  /** So many moves within `windowMs` make a duplicate for `holdDownMs`. */
  readonly moves: number
  readonly windowMs: number
  readonly holdDownMs: number
  /** The owner of an IP has this long to object to a claim. */
  readonly confirmMs: number
}

/** Returns the times of moves with one more, `now`, without those that cannot matter any longer. */
export const withMove = (
  times: readonly number[],
  now: number,
  { moves, windowMs }: DuplicateDetection,
): readonly number[] => [...times.filter((at) => at > now - windowMs), now].slice(-moves)
