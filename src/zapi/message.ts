// A message family's layout as a table of fields, serving decoder and encoder alike.
import { Reader, Writer } from './cursor.js'
import { type Field, type ValueOf } from './fields.js'
import { HEADER_SIZE, writeHeader } from './frame.js'
import type { CommandName, Features, ReleaseLine } from './lines.js'

type Fields = Readonly<Record<string, Field<unknown>>>
export type PayloadOf<F extends Fields> = { [Name in keyof F]: ValueOf<F[Name]> }

/** Decoder and encoder of one payload layout. */
export type Layout<T> = {
  /** Throws DecodeError unless the payload has exactly this layout. */
  decode(payload: Buffer, features: Features): T
  encode(value: T, features: Features): Buffer
}

/** The layout whose fields follow each other in the order they are listed. */
export function layout<F extends Fields>(fields: F): Layout<PayloadOf<F>> {
  const entries = Object.entries<Field<unknown>>(fields)
  return {
    decode(payload, features) {
      const reader = new Reader(payload)
      const value: Record<string, unknown> = {}
      for (const [name, field] of entries) value[name] = field.read(reader, name, features)
      reader.end()
      return value as PayloadOf<F>
    },
    encode(value, features) {
      const writer = new Writer()
      for (const [name, field] of entries) field.write(writer, value[name], features)
      return writer.finish()
    },
  }
}

/** A whole frame: header of `command` in the line's numbering, then the payload. */
export function encodeFrame<T>(
  line: ReleaseLine,
  command: CommandName,
  vrf: number,
  shape: Layout<T>,
  value: T,
): Buffer {
  const number = line.commandNumber(command)
  if (number === undefined) throw new RangeError(`FRR ${line.name} has no ${command}`)
  const frame = Buffer.concat([Buffer.alloc(HEADER_SIZE), shape.encode(value, line.features)])
  writeHeader(frame, vrf, number)
  return frame
}
