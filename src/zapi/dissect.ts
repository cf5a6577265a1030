// Shows one message to people and programs: what it is, its values, and the bytes that are not understood.
import type { Json } from './fields.js'
import { HEADER_SIZE, frameCommand, frameVrf } from './frame.js'
import type { FrrRelease } from './releases.js'
import { type Direction, familyOf, layoutOf } from './messages/index.js'

export type { Direction, Json }

/** One message as far as it is understood. */
export type Dissection = {
  /** `ZEBRA_MACIP_ADD`; `command 200` if the release has no such number; the number alone while the release is not known. */
  command: string
  number: number
  /** `session`, `macip`, `route`, …; `unknown` for a command without a name. */
  family: string
  /** The header's vrf. */
  vrf: number
  /** Length of the whole frame, in bytes. */
  length: number
  /** Values by field name; vni, mac, ip and prefix are top-level names wherever a message has them. Undefined if not decoded. */
  fields: { [name: string]: Json } | undefined
  /** One line for people without the command's name; flags by name. */
  summary: string
  /** Why it is not (wholly) decoded, and the hex of what is not. */
  undecoded: { reason: string; hex: string } | undefined
}

/** Hex digits of undecoded bytes that a summary shows. */
const SUMMARY_HEX = 64

/** Never throws, whatever the bytes. While the release is not known (undefined), only the header is read. */
export function dissect(frame: Buffer, release: FrrRelease | undefined, direction: Direction): Dissection {
  const length = frame.length
  if (length < HEADER_SIZE) {
    const reason = `${length} bytes are no header`
    return { command: '0', number: 0, family: 'unknown', vrf: 0, length, ...undecodedOnly(reason, frame) }
  }
  const number = frameCommand(frame)
  const header = { number, vrf: frameVrf(frame), length }
  const payload = frame.subarray(HEADER_SIZE)
  if (release === undefined) {
    const reason = 'the release is not known'
    return { command: String(number), family: 'unknown', ...header, ...undecodedOnly(reason, payload) }
  }
  const command = release.commandName(number)
  if (command === undefined) {
    const reason = `FRR ${release.name} has no such command`
    return { command: `command ${number}`, family: 'unknown', ...header, ...undecodedOnly(reason, payload) }
  }
  const family = familyOf(command) ?? 'unknown'
  const layout = layoutOf(command, direction)
  if (layout === undefined) {
    return { command, family, ...header, ...undecodedOnly(`no layout is known ${direction}`, payload) }
  }
  const { fields, text, problem } = layout.understand(payload, release.features)
  if (problem === undefined) return { command, family, ...header, fields, summary: text, undecoded: undefined }
  const { summary, undecoded } = undecodedOnly(problem.error.message, payload.subarray(problem.offset))
  return { command, family, ...header, fields, summary: text === '' ? summary : `${text} ${summary}`, undecoded }
}

function undecodedOnly(
  reason: string,
  bytes: Buffer,
): Pick<Dissection, 'fields' | 'summary'> & { undecoded: { reason: string; hex: string } } {
  const hex = bytes.toString('hex')
  const shown = hex.length > SUMMARY_HEX ? `${hex.slice(0, SUMMARY_HEX)}…` : hex
  return { fields: undefined, summary: `undecoded ${shown}`.trimEnd(), undecoded: { reason, hex } }
}
