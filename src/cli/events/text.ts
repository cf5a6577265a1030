// Renders an event on one line, for people.
import type { EventReport } from '../explain/report.js'
import { eventWords } from '../explain/words.js'
import { clock, type Paint, printable, type Style } from '../text.js'

const STYLES: Readonly<Record<string, Style>> = {
  duplicate: 'red',
  contested: 'yellow',
  claiming: 'yellow',
  'held-down': 'red',
  'taken-over': 'yellow',
  withdrawn: 'yellow',
  refused: 'dim',
  probing: 'dim',
  answered: 'dim',
}

/** Renders an event. Columns are as wide as most of their values, because lines come one by one. */
export function eventLine(event: EventReport, now: number, paint: Paint): string {
  const text = `${clock(event.time, now)}  ${eventText(event)}`
  const style = STYLES[event.event]
  return style === undefined ? text : paint(style, text)
}

export function eventText(event: EventReport): string {
  const { vni, ip, mac, port } = event
  const columns = [
    event.event.padEnd(10),
    (vni === null ? 'no VNI' : `VNI ${vni}`).padEnd(8),
    ip.padEnd(15),
    mac.padEnd(17),
    port.padEnd(8),
    eventWords(event),
  ]
  return printable(columns.join('  ').trimEnd())
}
