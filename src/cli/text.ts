// Renders tables, times and colours for people.
import { styleText } from 'node:util'
import type { Sink } from './io.js'

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green'
/** Styles a text, or leaves it alone where a style would not be seen. */
export type Paint = (style: Style, text: string) => string

type Colourable = { stdout: Pick<Sink, 'isTTY'>; env: NodeJS.ProcessEnv }

/** Colours are for terminals only, and never against the reader's wish (no-color.org). */
export function hasColours({ stdout, env }: Colourable): boolean {
  const noColour = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== ''
  return stdout.isTTY === true && !noColour && env['TERM'] !== 'dumb'
}

export const paintFor = (io: Colourable): Paint =>
  hasColours(io) ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text

/** Replaces control characters: names of interfaces come from outside and must not control a terminal. */
export const printable = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?')

export type Column = { title: string; right?: true }

/** Renders rows in columns two spaces apart, numbers to the right; a row's style covers the whole row. */
export function table(
  columns: readonly Column[],
  rows: readonly { cells: readonly string[]; style?: Style | undefined }[],
  paint: Paint,
): string[] {
  const cells = rows.map((row) => row.cells.map(printable))
  const widths = columns.map(({ title }, index) =>
    cells.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), title.length),
  )
  const line = (values: readonly string[]): string =>
    columns
      .map(({ right }, index) => {
        const value = values[index] ?? ''
        const width = widths[index] ?? 0
        return right ? value.padStart(width) : value.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  const header = paint('bold', line(columns.map(({ title }) => title)))
  return [
    header,
    ...rows.map(({ style }, index) => {
      const text = line(cells[index] ?? [])
      return style === undefined ? text : paint(style, text)
    }),
  ]
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** Renders a duration in the largest unit that fits: `12 s`, `3 min`, `5 h`, `2 d`. */
export function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ['s', 1000]
  return `${Math.floor(Math.max(0, ms) / size)} ${unit}`
}

export const ago = (time: number, now: number): string => (time === 0 ? '' : `${duration(now - time)} ago`)

/** Renders a number of things: `1 port`, `2 ports`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

export function bytes(number: number): string {
  const index = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(Math.max(1, number)) / 3))
  const value = number / 1000 ** index
  return `${index === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[index] ?? ''}`
}

/** Renders the local time of day, with the date if that is another than today's. */
export function clock(time: number, now: number): string {
  const [it, today] = [new Date(time), new Date(now)]
  const pad = (part: number): string => String(part).padStart(2, '0')
  const hours = [it.getHours(), it.getMinutes(), it.getSeconds()].map(pad).join(':')
  if (it.toDateString() === today.toDateString()) return hours
  return `${it.getFullYear()}-${pad(it.getMonth() + 1)}-${pad(it.getDate())} ${hours}`
}
