/** Counters that begin at 0, one for each name. */
export const zeros = <Name extends string>(names: Record<Name, unknown>): Record<Name, number> =>
  Object.fromEntries(Object.keys(names).map((name) => [name, 0])) as Record<Name, number>
