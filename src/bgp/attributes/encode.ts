// Writes path attributes in the order of their codes (RFC 4271 5).
import { Writer } from '../../base/cursor.js'
import { splitAs4 } from './as-path.js'
import { type AttributeCodec, AttributeFlag, type SessionFormat } from './codec.js'
import { ATTRIBUTES, type AttributeKey, type Attributes, type WireAttributes } from './table.js'

const KEYS = Object.keys(ATTRIBUTES) as AttributeKey[]

/** All attributes for a neighbour, with AS4_PATH and AS4_AGGREGATOR where it has two-octet AS numbers and needs them. */
export function encodeAttributes(attributes: Attributes, session: SessionFormat): Buffer {
  const all: WireAttributes = { ...attributes, ...(session.fourOctetAs ? {} : splitAs4(attributes)) }
  const known = KEYS.flatMap((key) => {
    const value = all[key]
    const codec = ATTRIBUTES[key] as AttributeCodec<typeof value>
    if (value === undefined) return []
    return [{ code: codec.code, bytes: encodeAttribute(codec.flags, codec.code, valueBytes(codec, value, session)) }]
  })
  const unknown = all.unknown.map(({ flags, code, value }) => ({ code, bytes: encodeAttribute(flags, code, value) }))
  const ordered = [...known, ...unknown].sort((a, b) => a.code - b.code)
  return Buffer.concat(ordered.map(({ bytes }) => bytes))
}

function valueBytes<T>(codec: AttributeCodec<T>, value: T, session: SessionFormat): Buffer {
  const writer = new Writer()
  codec.write(writer, value, session)
  return writer.finish()
}

/** One attribute; its length has two bytes where one does not do. */
export function encodeAttribute(flags: number, code: number, value: Buffer): Buffer {
  const extended = value.length > 0xff
  const writer = new Writer()
  writer.u8(extended ? flags | AttributeFlag.EXTENDED_LENGTH : flags & ~AttributeFlag.EXTENDED_LENGTH)
  writer.u8(code)
  if (extended) writer.u16(value.length)
  else writer.u8(value.length)
  writer.bytes(value)
  return writer.finish()
}
