// What one path attribute's codec is (RFC 4271 4.3): | flags u8 | code u8 | length u8, u16 | value |.
import type { Reader, Writer } from '../../base/cursor.js'

/** The high bits of an attribute's flags. */
export const AttributeFlag = { OPTIONAL: 0x80, TRANSITIVE: 0x40, PARTIAL: 0x20, EXTENDED_LENGTH: 0x10 } as const

export const WELL_KNOWN = AttributeFlag.TRANSITIVE
export const OPTIONAL = AttributeFlag.OPTIONAL
export const OPTIONAL_TRANSITIVE = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE

/** What both sides have agreed on that changes attributes. */
export type SessionFormat = {
  /** Both sides have the 4-octet AS capability (RFC 6793). */
  readonly fourOctetAs: boolean
  /** iBGP. */
  readonly internal: boolean
}

/** Methods, not properties, so that codecs of different values share a table. */
export type AttributeCodec<T> = {
  readonly code: number
  /** As its RFC calls it. */
  readonly name: string
  /** OPTIONAL and TRANSITIVE as they have to be. */
  readonly flags: number
  /** What a wrong length or value leads to (RFC 7606 7). */
  readonly malformed: 'treat-as-withdraw' | 'attribute-discard'
  /** Whether it means nothing from this session's neighbour, and is discarded unread. */
  isIgnored?(session: SessionFormat): boolean
  /** The reader has exactly the value, all of which must be read; throws DecodeError. */
  read(value: Reader, session: SessionFormat): T
  write(writer: Writer, value: T, session: SessionFormat): void
}

/** RFC 7606 7.5, 7.9, 7.10: what an external neighbour says of it is ignored. */
export const fromInternalOnly = ({ internal }: SessionFormat): boolean => !internal

/** Values of `size` bytes that fill the attribute, at least one (RFC 7606 4 and 7). */
export function readList<T>(value: Reader, size: number, read: (value: Reader) => T): T[] {
  const { remaining } = value
  if (remaining === 0 || remaining % size !== 0) {
    throw value.fault('length', 0, `${remaining} bytes, expected a multiple of ${size} above 0`)
  }
  return Array.from({ length: remaining / size }, () => read(value))
}
