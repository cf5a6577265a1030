// Field types of ZAPI payloads: each knows how it is read, written and shown. A message is a list of named fields.
import type { Reader, Writer } from './cursor.js'
import type { Features } from './releases.js'

/** What a decoded value looks like to programs. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/** The values of the structure a field belongs to: those before it while reading, all of them while writing. */
export type Scope = Readonly<Record<string, unknown>>

/** One field; `name` is for errors. Methods, not properties, so that differently typed fields share a list. */
export interface Field<T> {
  /** Throws DecodeError. */
  read(reader: Reader, name: string, features: Features, scope: Scope): T
  write(writer: Writer, value: T, features: Features, scope: Scope): void
  /** Whether the field is there at all; a field without this always is. Asked by the structure it belongs to. */
  readonly present?: (scope: Scope, features: Features) => boolean
  /** The value with names for numbers; undefined when it says nothing (an empty list, a zero ESI). Not asked for undefined. */
  json(value: T, features: Features): Json | undefined
  /** A few words for one line; without it they are made from `json`. */
  text?(value: T, features: Features): string | undefined
}

/** The value type of a field. */
export type ValueOf<F> = F extends Field<infer T> ? T : never

const asItIs = (value: number): Json => value

export const u8: Field<number> = {
  read: (reader, name) => reader.u8(name),
  write: (writer, value) => {
    writer.u8(value)
  },
  json: asItIs,
}

export const u16: Field<number> = {
  read: (reader, name) => reader.u16(name),
  write: (writer, value) => {
    writer.u16(value)
  },
  json: asItIs,
}

/** Three bytes, big endian. */
export const u24: Field<number> = {
  read: (reader, name) => reader.u24(name),
  write: (writer, value) => {
    writer.u24(value)
  },
  json: asItIs,
}

export const u32: Field<number> = {
  read: (reader, name) => reader.u32(name),
  write: (writer, value) => {
    writer.u32(value)
  },
  json: asItIs,
}

export const u64: Field<bigint> = {
  read: (reader, name) => reader.u64(name),
  write: (writer, value) => {
    writer.u64(value)
  },
  json: exact,
}

/** A u32 where other releases have a u64. */
export const u32AsBigint: Field<bigint> = {
  read: (reader, name) => BigInt(reader.u32(name)),
  write: (writer, value) => {
    writer.u32(Number(value))
  },
  json: exact,
}

/** A number, or its digits when a JSON number would not be exact. */
function exact(value: bigint): Json {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString()
}

/** uint16_t in host order. */
export const h16: Field<number> = {
  read: (reader, name) => reader.hostU16(name),
  write: (writer, value) => {
    writer.hostU16(value)
  },
  json: asItIs,
}

/** int, enum or uint32_t in host order. */
export const h32: Field<number> = {
  read: (reader, name) => reader.hostU32(name),
  write: (writer, value) => {
    writer.hostU32(value)
  },
  json: asItIs,
}

/** A float; the value is its IEEE 754 bits, because a NaN would not survive being a number. */
export const f32: Field<number> = {
  ...u32,
  json(bits) {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(bits)
    const float = bytes.readFloatBE()
    return Number.isFinite(float) ? float : String(float)
  },
}

/** A byte that is 0 or 1; any other is kept. */
export const bool: Field<number> = {
  ...u8,
  json: (value) => (value > 1 ? value : value === 1),
}

/** Named numbers: an `enum` of FRR. */
export const enumeration = (base: Field<number>, names: Readonly<Record<number, string>>): Field<number> => ({
  ...base,
  json: (value) => names[value] ?? value,
})

/** Named bits; bits without a name are shown together as one hex number. */
export const flags = <T extends number | bigint>(
  base: Field<T>,
  names: Readonly<Record<string, number>>,
): Field<T> => ({
  ...base,
  json: (value) => bitNames(BigInt(value), names),
  text: (value) => bitNames(BigInt(value), names).join(',') || undefined,
})

function bitNames(value: bigint, names: Readonly<Record<string, number>>): string[] {
  let rest = value
  const found = Object.entries(names).flatMap(([name, number]) => {
    const bit = BigInt(number)
    if ((value & bit) === 0n) return []
    rest &= ~bit
    return [name]
  })
  return rest === 0n ? found : [...found, `0x${rest.toString(16)}`]
}

/** A byte string of fixed length, such as a struct that is only carried. Shown as hex. */
export const opaque = (length: number): Field<Buffer> => ({
  read: (reader, name) => reader.bytes(name, length),
  write: (writer, value) => {
    writer.bytes(value)
  },
  json: (value) => value.toString('hex'),
})

/** All that is left of the payload. */
export const rest: Field<Buffer> = {
  read: (reader, name) => reader.bytes(name, reader.remaining),
  write: (writer, value) => {
    writer.bytes(value)
  },
  json: (value) => (value.length === 0 ? undefined : value.toString('hex')),
}

/** A byte string whose length another field says in front. */
export const sizedBytes = (lengthField: Field<number>): Field<Buffer> => ({
  read: (reader, name, features, scope) =>
    reader.bytes(name, lengthField.read(reader, `${name} length`, features, scope)),
  write(writer, value, features, scope) {
    lengthField.write(writer, value.length, features, scope)
    writer.bytes(value)
  },
  json: (value) => (value.length === 0 ? undefined : value.toString('hex')),
})

/** char[length] with a NUL-terminated text; kept whole, because what follows the NUL may be anything. */
export const chars = (length: number): Field<Buffer> => ({
  ...opaque(length),
  json: (value) => untilNul(value),
  text: (value) => untilNul(value) || undefined,
})

const untilNul = (value: Buffer): string =>
  printable(value.subarray(0, value.includes(0) ? value.indexOf(0) : value.length))

/** Names come from outside and must not reach a terminal as control sequences. */
const printable = (bytes: Buffer): string =>
  bytes.toString('latin1').replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** A field that some releases have; the value is undefined in the others. */
export const inReleases = <T>(has: (features: Features) => boolean, field: Field<T>): Field<T | undefined> => ({
  ...field,
  present: (scope, features) => has(features) && (field.present?.(scope, features) ?? true),
})

/** A field that is there when the fields before it say so. */
export const when = <T>(says: (scope: Scope) => boolean, field: Field<T>): Field<T | undefined> => ({
  ...field,
  present: (scope, features) => says(scope) && (field.present?.(scope, features) ?? true),
})

/** A field that is there unless the payload ends before it. */
export const unlessEnd = <T>(field: Field<T>): Field<T | undefined> => ({
  ...field,
  read: (reader, name, features, scope) =>
    reader.remaining > 0 ? field.read(reader, name, features, scope) : undefined,
  write(writer, value, features, scope) {
    if (value !== undefined) field.write(writer, value, features, scope)
  },
})

/** Whether a number before has any of these bits. */
export const bit =
  (name: string, mask: number) =>
  (scope: Scope): boolean =>
    ((scope[name] as number) & mask) !== 0

/** Whether a number before is one of these. */
export const oneOf =
  (name: string, ...numbers: number[]) =>
  (scope: Scope): boolean =>
    numbers.includes(scope[name] as number)

/** The same value written differently: `pick` says which of the fields it is in this release and place. */
export const either = <T>(pick: (features: Features, scope: Scope) => Field<T>, show: Field<T>): Field<T> => ({
  read: (reader, name, features, scope) => pick(features, scope).read(reader, name, features, scope),
  write(writer, value, features, scope) {
    pick(features, scope).write(writer, value, features, scope)
  },
  json: (value, features) => show.json(value, features),
  ...(show.text === undefined ? {} : { text: (value: T, features: Features) => show.text?.(value, features) }),
})

/** As many as a field in front says. Every element has at least one byte, so a count beyond the bytes left is false. */
export const counted = <T>(countField: Field<number>, element: Field<T>): Field<T[]> => ({
  read(reader, name, features, scope) {
    const count = countField.read(reader, `${name} count`, features, scope)
    if (count > reader.remaining) {
      throw reader.fault(name, 0, `${count} of them need more than the ${reader.remaining} bytes that are left`)
    }
    const values: T[] = []
    for (let i = 0; i < count; i++) values.push(element.read(reader, name, features, scope))
    return values
  },
  write(writer, values, features, scope) {
    countField.write(writer, values.length, features, scope)
    for (const value of values) element.write(writer, value, features, scope)
  },
  ...shownAsList(element),
})

/** As many as the field `count` before says. */
export const times = <T>(count: string, element: Field<T>): Field<T[]> => ({
  read(reader, name, features, scope) {
    const values: T[] = []
    for (let i = scope[count] as number; i > 0; i--) values.push(element.read(reader, name, features, scope))
    return values
  },
  write(writer, values, features, scope) {
    for (const value of values) element.write(writer, value, features, scope)
  },
  ...shownAsList(element),
})

/** A list of one, where other releases have a list with a count. */
export const single = <T>(element: Field<T>): Field<T[]> => ({
  read: (reader, name, features, scope) => [element.read(reader, name, features, scope)],
  write(writer, values, features, scope) {
    for (const value of values) element.write(writer, value, features, scope)
  },
  ...shownAsList(element),
})

/** A field that is not shown, because others say the same. */
export const hidden = <T>(field: Field<T>): Field<T> => ({ ...field, json: () => undefined, text: () => undefined })

/** As many as the payload has room for. */
export const untilEnd = <T>(element: Field<T>): Field<T[]> => ({
  read(reader, name, features, scope) {
    const values: T[] = []
    while (reader.remaining > 0) values.push(element.read(reader, name, features, scope))
    return values
  },
  write(writer, values, features, scope) {
    for (const value of values) element.write(writer, value, features, scope)
  },
  ...shownAsList(element),
})

/** The field's value in a few words; undefined when there is nothing to say. */
export function textOf<T>(field: Field<T>, value: T, features: Features): string | undefined {
  if (field.text !== undefined) return field.text(value, features)
  const json = field.json(value, features)
  return json === undefined ? undefined : typeof json === 'object' ? JSON.stringify(json) : String(json)
}

type Shown<T> = Pick<Field<T>, 'json'> & Required<Pick<Field<T>, 'text'>>

function shownAsList<T>(element: Field<T>): Shown<T[]> {
  return {
    json: (values, features) =>
      values.length === 0 ? undefined : values.map((value) => element.json(value, features) ?? null),
    text: (values, features) => values.map((value) => textOf(element, value, features) ?? '').join(',') || undefined,
  }
}
