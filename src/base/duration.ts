const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/
/** setTimeout's limit of 24.8 days. */
const MAX_MS = 2 ** 31 - 1

export const DURATION_EXPECTED = "a duration: seconds, or a number with ms, s, m or h ('30', '30s', '5m')"

/** Parses a duration in seconds or with a unit into milliseconds; undefined if it is none or longer than 24 days. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = DURATION.exec(text) ?? []
  if (number === undefined) return undefined
  const ms = Number(number) * UNIT_MS[(unit ?? 's') as keyof typeof UNIT_MS]
  return ms <= MAX_MS ? ms : undefined
}
