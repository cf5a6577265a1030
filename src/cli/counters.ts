export type Counters = Record<string, number>

type ProtoCounters = { name?: string | null; value?: number | null }[] | null | undefined

export const counters = (list: ProtoCounters): Counters =>
  Object.fromEntries((list ?? []).map(({ name, value }) => [name ?? '', value ?? 0]))
