// Renders a dump for programs: one object for each event. The names are an interface: docs/zapi-dump.md.
import type { Json } from '../../../zapi/dissect.js'
import type { DumpEvent } from './events.js'

export function jsonLine(event: DumpEvent, hex: boolean): string {
  return JSON.stringify(toJson(event, hex))
}

function toJson(event: DumpEvent, hex: boolean): { [name: string]: Json | undefined } {
  const { type, time, session, kind } = event
  switch (event.type) {
    case 'message': {
      const { direction, mark, release, dissection, record } = event
      const { command, number, family, vrf, length, summary, fields = null, undecoded = null } = dissection
      const common = { type, time, session, kind, direction, mark, release: release ?? null }
      const message = { ...common, command, number, family, vrf, length, fields, summary, undecoded }
      return hex ? { ...message, hex: record.bytes.toString('hex') } : message
    }
    case 'overlay-put':
    case 'overlay-removed':
      return { type, time, fields: event.fields }
    case 'opened':
    case 'closed':
      return { type, time, session, kind }
    case 'uncertain':
      return { type, time, session, why: event.why }
    case 'gap':
      return { type, time, session, lost: event.lost, inParts: event.inParts }
  }
}
