// A message's layout is a table of fields, from which decoder, encoder and rendering are made.
import { DecodeError, Reader, Writer } from './cursor.js'
import { type Field, type Json, type Scope, type ValueOf, textOf } from './fields.js'
import { HEADER_SIZE, writeHeader } from './frame.js'
import type { CommandName } from './commands.js'
import type { Features, FrrRelease } from './releases.js'

type Fields = Readonly<Record<string, Field<unknown>>>
/** Values by field name; a field that this message does not have is missing. */
export type PayloadOf<F extends Fields> = { [Name in keyof F]: ValueOf<F[Name]> }

/** A payload as far as it can be understood. */
export type Understood = {
  fields: { [name: string]: Json }
  text: string
  /** What was expected instead; `offset` is that of the first byte that is not in `fields`. */
  problem: { error: DecodeError; offset: number } | undefined
}

/** Decoder, encoder and rendering of one payload layout. */
export type Layout<T> = {
  /** Throws DecodeError unless the payload has exactly this layout. */
  decode(payload: Buffer, features: Features): T
  encode(value: T, features: Features): Buffer
  /** For people and programs; a payload that has another layout is understood up to the first problem. */
  understand(payload: Buffer, features: Features): Understood
}

/** Fields that follow each other in the order they are listed; `brief` names those that a single line shows, in its order. */
class Sequence {
  private readonly names: string[]
  private readonly fields: Field<unknown>[]
  private readonly presents: Field<unknown>['present'][]
  private readonly brief: readonly string[]

  constructor(
    private readonly byName: Fields,
    brief: readonly string[] | undefined,
  ) {
    this.names = Object.keys(byName)
    this.fields = Object.values(byName)
    this.presents = this.fields.map(({ present }) => present)
    this.brief = brief ?? this.names
  }

  read(reader: Reader, features: Features): Record<string, unknown> {
    const { names, fields, presents } = this
    const value: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      const present = presents[i]
      if (present !== undefined && !present(value, features)) continue
      value[name] = (fields[i] as Field<unknown>).read(reader, name, features, value)
    }
    return value
  }

  /** Reads a payload into `value` as far as it can be read; returns what stopped it and where that field began. */
  readKnown(value: Record<string, unknown>, reader: Reader, features: Features): Understood['problem'] {
    let offset = 0
    try {
      for (const [name, field] of Object.entries(this.byName)) {
        if (field.present?.(value, features) === false) continue
        offset = reader.offset
        value[name] = field.read(reader, name, features, value)
      }
      offset = reader.offset
      reader.end()
      return undefined
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return { error, offset }
    }
  }

  write(writer: Writer, value: Scope, features: Features): void {
    for (const [name, field] of Object.entries(this.byName)) {
      if (field.present?.(value, features) !== false) field.write(writer, value[name], features, value)
    }
  }

  json(value: Scope, features: Features): { [name: string]: Json } {
    const json: { [name: string]: Json } = {}
    for (const [name, field] of Object.entries(this.byName)) {
      const shown = value[name] === undefined ? undefined : field.json(value[name], features)
      if (shown !== undefined) json[name] = shown
    }
    return json
  }

  text(value: Scope, features: Features): string {
    return this.brief
      .flatMap((name) => {
        const field = this.byName[name] as Field<unknown>
        const text = value[name] === undefined ? undefined : textOf(field, value[name], features)
        return text === undefined ? [] : [`${words(name)} ${text}`]
      })
      .join(' ')
  }
}

/** `sviIfindex` as people say it: `svi ifindex`. */
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

/** Fields within a field. */
export function struct<F extends Fields>(fields: F, brief?: readonly (keyof F & string)[]): Field<PayloadOf<F>> {
  const sequence = new Sequence(fields, brief)
  return {
    read: (reader, _name, features) => sequence.read(reader, features) as PayloadOf<F>,
    write(writer, value, features) {
      sequence.write(writer, value, features)
    },
    json: (value, features) => sequence.json(value, features),
    text: (value, features) => `{${sequence.text(value, features)}}`,
  }
}

/** The layout of a payload. */
export function layout<F extends Fields>(fields: F, brief?: readonly (keyof F & string)[]): Layout<PayloadOf<F>> {
  const sequence = new Sequence(fields, brief)
  return {
    decode(payload, features) {
      const reader = new Reader(payload)
      const value = sequence.read(reader, features)
      reader.end()
      return value as PayloadOf<F>
    },
    encode(value, features) {
      const writer = new Writer()
      sequence.write(writer, value, features)
      return writer.finish()
    },
    understand(payload, features) {
      const reader = new Reader(payload)
      const value: Record<string, unknown> = {}
      const problem = sequence.readKnown(value, reader, features)
      return { fields: sequence.json(value, features), text: sequence.text(value, features), problem }
    },
  }
}

/** A whole frame: header of `command` in the release's numbering, then the payload. */
export function encodeFrame<T>(
  release: FrrRelease,
  command: CommandName,
  vrf: number,
  shape: Layout<T>,
  value: T,
): Buffer {
  const number = release.commandNumber(command)
  if (number === undefined) throw new RangeError(`FRR ${release.name} has no ${command}`)
  const frame = Buffer.concat([Buffer.alloc(HEADER_SIZE), shape.encode(value, release.features)])
  writeHeader(frame, vrf, number)
  return frame
}
