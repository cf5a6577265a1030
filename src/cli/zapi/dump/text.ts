// Renders a dump for people: each event has an aligned line, whose mark can be read without colours.
import { renderTree } from '../../../zapi/render.js'
import type { DumpEvent, GapEvent, Mark, MessageEvent, OverlayEvent } from './events.js'
import { FOLD_INDENT, fold, hexRows, Times, type TimeStyle } from './lines.js'
import { count, type Paint, printable, type Style } from '../../text.js'

export type TextOptions = {
  time: TimeStyle
  verbose: boolean
  hex: boolean
  /** Columns of the terminal. Longer lines are folded under their command; if it is undefined, they stay whole. */
  width: number | undefined
  paint: Paint
}

const SESSION_WIDTH = 6
const COMMAND_WIDTH = 17

const MARKS: Readonly<Record<Mark, { word: string; style: Style | undefined }>> = {
  passed: { word: '', style: undefined },
  injected: { word: 'INJECTED', style: 'green' },
  dropped: { word: 'DROPPED', style: 'yellow' },
}
const KINDS = new Map([
  ['synchronous', 'sync'],
  ['unknown', '?'],
])

export class TextRenderer {
  private readonly times: Times

  constructor(private readonly options: TextOptions) {
    this.times = new Times(options.time, options.paint)
  }

  /** Returns the lines of one event. */
  lines(event: DumpEvent): string[] {
    const { paint, verbose, hex } = this.options
    const lines = [...this.times.dayLine(event.time), ...this.line(event)]
    if (event.type === 'message' && verbose) {
      const { release, dissection } = event
      const frame = `  frame: ${dissection.length} bytes, command ${dissection.number}, vrf ${dissection.vrf}`
      const spoken = release === undefined ? '' : `, FRR ${release}`
      lines.push(paint('dim', `  ${frame}${spoken}`))
      for (const text of renderTree(dissection)) lines.push(`  ${printable(text)}`)
    }
    if (hex && event.type === 'message') for (const row of hexRows(event.record.bytes)) lines.push(paint('dim', row))
    return lines
  }

  private line(event: DumpEvent): string[] {
    const { paint } = this.options
    const time = this.times.text(event.time)
    const session = event.session === 0 ? '' : `${event.session} ${KINDS.get(event.kind) ?? event.kind}`
    const { who, what, text, style } = describe(event)
    const head = `${session.padEnd(SESSION_WIDTH)} ${who} `
    const start = time.length + 1 + head.length
    const [firstLine = '', ...more] = fold(printable(`${what} ${text}`.trimEnd()), start, this.options.width)
    const shown = style === undefined ? `${head}${firstLine}` : paint(style, `${head}${firstLine}`)
    const indent = ' '.repeat(start + FOLD_INDENT)
    return [
      `${paint('dim', time)} ${shown}`,
      ...more.map((part) => `${indent}${style === undefined ? part : paint(style, part)}`),
    ]
  }
}

type Description = { who: string; what: string; text: string; style: Style | undefined }

function describe(event: DumpEvent): Description {
  switch (event.type) {
    case 'message':
      return describeMessage(event)
    case 'overlay-put':
      return { who: '+ macipd', what: 'overlay put'.padEnd(COMMAND_WIDTH), text: overlayText(event), style: 'dim' }
    case 'overlay-removed':
      return { who: '- macipd', what: 'overlay remove'.padEnd(COMMAND_WIDTH), text: overlayText(event), style: 'dim' }
    case 'opened':
    case 'closed':
      return { who: '. bgpd  ', what: `session ${event.type}`, text: '', style: 'dim' }
    case 'uncertain':
      return { who: '? macipd', what: 'what bgpd has is read from FRR:', text: event.why, style: 'red' }
    case 'gap':
      return { who: '? gap   ', what: gapText(event), text: '', style: 'red' }
  }
}

function describeMessage({ direction, mark, dissection }: MessageEvent): Description {
  const { command, vrf, summary, undecoded } = dissection
  const { word, style } = MARKS[mark]
  const who = {
    passed: direction === 'to-zebra' ? '→ zebra ' : '← zebra ',
    injected: '← MACIPD',
    dropped: '✗ zebra ',
  }[mark]
  const inVrf = vrf === 0 ? '' : `vrf ${vrf}`
  const text = [word, inVrf, summary].filter((part) => part !== '').join(' ')
  return {
    who,
    what: command.replace(/^ZEBRA_/, '').padEnd(COMMAND_WIDTH),
    text,
    style: style ?? (undecoded === undefined ? undefined : 'red'),
  }
}

/** Lists the values that are there: those that are not are empty, 0 or false. */
const overlayText = ({ fields }: OverlayEvent): string =>
  ['vni', 'mac', 'ip', 'port', 'vlan', 'router', 'undecoded']
    .map((name) => ({ name, value: fields[name] }))
    .filter(({ value }) => Boolean(value))
    .map(({ name, value }) => (value === true ? name : `${name} ${JSON.stringify(value).replaceAll('"', '')}`))
    .join(' ')

export function gapText({ lost, inParts }: Pick<GapEvent, 'lost' | 'inParts'>): string {
  const parts = [
    lost === 0 ? '' : `${count(lost, 'record')} lost: this dump was read too slowly`,
    inParts === 0 ? '' : `${count(inParts, 'message')} passed in parts and could not be recorded`,
  ]
  return parts.filter((part) => part !== '').join('; ')
}
