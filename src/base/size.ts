const UNIT_BYTES = { k: 1 << 10, M: 1 << 20, G: 1 << 30 } as const
const SIZE = /^(\d+)([kMG])?$/
/** A few of the longest frames fit into this. */
const MIN_RECENT = 64 << 10
const MAX_RECENT = 1 << 30

export const RECENT_SIZE_EXPECTED = "0, or a number of bytes from 64k to 1G ('4M')"

/** Parses the size of the memory for recent messages into bytes; undefined if it is invalid. */
export function parseRecentSize(text: string): number | undefined {
  const [, number, unit] = SIZE.exec(text) ?? []
  if (number === undefined) return undefined
  const bytes = Number(number) * (unit === undefined ? 1 : UNIT_BYTES[unit as keyof typeof UNIT_BYTES])
  return bytes === 0 || (bytes >= MIN_RECENT && bytes <= MAX_RECENT) ? bytes : undefined
}
