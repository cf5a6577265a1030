// Renders times, folded lines and bytes, which all dumps have in common.
import type { Paint } from '../../text.js'

export type TimeStyle = 'clock' | 'relative' | 'delta'

/** Renders the time of each line, which may depend on the lines before. */
export class Times {
  private first: number | undefined
  private previous: number | undefined
  private day = ''

  constructor(
    private readonly style: TimeStyle,
    private readonly paint: Paint,
  ) {}

  text(time: number): string {
    this.first ??= time
    const since = this.style === 'delta' ? (this.previous ?? time) : this.first
    this.previous = time
    if (this.style !== 'clock') return ((time - since) / 1000).toFixed(6).padStart(12)
    const date = new Date(time)
    const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0'))
    const micros = Math.floor((time - Math.floor(time / 1000) * 1000) * 1000)
    return `${parts.join(':')}.${String(micros).padStart(6, '0')}`
  }

  /** Returns a line with the date if the line before had another. */
  dayLine(time: number): string[] {
    if (this.style !== 'clock') return []
    const date = new Date(time)
    const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    const day = parts.map((part) => String(part).padStart(2, '0')).join('-')
    if (day === this.day) return []
    this.day = day
    return [this.paint('bold', day)]
  }
}

/** A folded line begins so many columns further right. */
export const FOLD_INDENT = 4

/** Cuts a text at spaces so that it fits into `width` columns; if that is undefined, it stays whole. */
export function fold(text: string, start: number, width: number | undefined): string[] {
  if (width === undefined || start + text.length <= width) return [text]
  const room = Math.max(20, width - start)
  const lines: string[] = []
  let rest = text
  for (let size = room; rest.length > size; size = room - FOLD_INDENT) {
    const space = rest.lastIndexOf(' ', size)
    const cut = space > 0 ? space : size
    lines.push(rest.slice(0, cut).trimEnd())
    rest = rest.slice(cut).trimStart()
  }
  return rest === '' ? lines : [...lines, rest]
}

const HEX_ROW = 16

export function* hexRows(frame: Buffer): Generator<string> {
  for (let offset = 0; offset < frame.length; offset += HEX_ROW) {
    const row = frame.subarray(offset, offset + HEX_ROW)
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const ascii = [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    yield `    ${offset.toString(16).padStart(4, '0')}  ${hex.padEnd(3 * HEX_ROW)} ${ascii}`
  }
}
