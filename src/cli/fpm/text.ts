// Renders an FPM dump: each message is a line for people, or an object for programs.
import type { Json } from '../../zapi/dissect.js'
import { renderTree } from '../../zapi/render.js'
import { FOLD_INDENT, fold, hexRows, Times } from '../zapi/dump/lines.js'
import type { TextOptions } from '../zapi/dump/text.js'
import { type FpmDumpEvent, typeOf } from './events.js'
import { fieldsOf, type Mark, markOf, summaryOf } from './message.js'
import { count, printable, type Style } from '../text.js'

const TYPE_WIDTH = 7
const CONNECTION_WIDTH = 3

const STYLES: Readonly<Record<Mark, Style | undefined>> = {
  '+': undefined,
  '~': undefined,
  '-': 'yellow',
  '!': 'red',
  ' ': 'red',
}

type Fields = { [name: string]: Json }
type Line = { mark: string; what: string; text: string; style: Style | undefined; fields?: Fields }

export class FpmTextRenderer {
  private readonly times: Times

  constructor(private readonly options: TextOptions) {
    this.times = new Times(options.time, options.paint)
  }

  /** Returns the lines of one event. */
  lines(event: FpmDumpEvent): string[] {
    const { paint, verbose, hex } = this.options
    const lines = this.times.dayLine(event.time)
    for (const line of describe(event)) {
      lines.push(...this.line(event, line))
      if (verbose && line.fields !== undefined)
        for (const text of tree(line.fields)) lines.push(paint('dim', `  ${printable(text)}`))
    }
    if (hex && event.type === 'frame') for (const row of hexRows(event.record.bytes)) lines.push(paint('dim', row))
    return lines
  }

  private line({ time, connection }: FpmDumpEvent, { mark, what, text, style }: Line): string[] {
    const { paint, width } = this.options
    const clock = this.times.text(time)
    const head = `${(connection === 0 ? '' : String(connection)).padEnd(CONNECTION_WIDTH)} ${mark} `
    const start = clock.length + 1 + head.length
    const [first = '', ...more] = fold(printable(`${what.padEnd(TYPE_WIDTH)} ${text}`.trimEnd()), start, width)
    const indent = ' '.repeat(start + FOLD_INDENT)
    const shown = (part: string): string => (style === undefined ? part : paint(style, part))
    return [`${paint('dim', clock)} ${shown(`${head}${first}`)}`, ...more.map((part) => `${indent}${shown(part)}`)]
  }
}

function describe(event: FpmDumpEvent): Line[] {
  switch (event.type) {
    case 'frame':
      return event.messages.map((message) => {
        const mark = markOf(message)
        return { mark, what: typeOf(message), text: summaryOf(message), style: STYLES[mark], fields: fieldsOf(message) }
      })
    case 'opened':
      return [{ mark: '.', what: 'zebra', text: 'connected: it tells everything', style: 'dim' }]
    case 'live':
      return [{ mark: '.', what: 'zebra', text: 'seems to have told everything', style: 'dim' }]
    case 'closed':
      return [{ mark: '.', what: 'zebra', text: 'disconnected', style: 'dim' }]
    case 'lost':
      return [{ mark: '?', what: 'gap', text: lostText(event.lost), style: 'red' }]
  }
}

const lostText = (lost: number): string => `${count(lost, 'record')} lost: this dump was read too slowly`

/** Renders the fields, without those that are empty and say nothing. */
const tree = (fields: Fields): string[] => renderTree({ fields: pruned(fields), undecoded: undefined })

const pruned = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      value === null || value === '' || (Array.isArray(value) && value.length === 0) ? [] : [[name, without(value)]],
    ),
  )

function without(value: Json): Json {
  if (Array.isArray(value)) return value.map(without)
  return typeof value === 'object' && value !== null ? pruned(value) : value
}

/** Returns one object for each message. The names are an interface: docs/fpm.md. */
export function fpmJsonLines(event: FpmDumpEvent, hex: boolean): string[] {
  const { type, time, connection } = event
  if (event.type === 'lost') return [JSON.stringify({ type, time, lost: event.lost })]
  if (event.type !== 'frame') return [JSON.stringify({ type, time, connection })]
  const { format, messages, record } = event
  return messages.map((message) => {
    const gone = 'gone' in message && message.gone
    const replace = 'replace' in message && message.replace
    const what = { kind: message.kind, gone, replace, fields: fieldsOf(message), summary: summaryOf(message) }
    const bytes = hex ? { hex: record.bytes.toString('hex') } : {}
    return JSON.stringify({ type: 'message', time, connection, format, ...what, ...bytes })
  })
}

/** Returns the comment that an analyser shows with the packet. */
export function fpmComment(event: FpmDumpEvent): string {
  return describe(event)
    .map(({ mark, what, text }) => printable(`${mark} ${what} ${text}`))
    .join('\n')
}
