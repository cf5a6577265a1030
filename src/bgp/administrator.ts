// The six bytes that make route distinguishers (RFC 4364 4.2) and route targets (RFC 4360 4) unique: who assigned a number,
// and the number.
import type { Reader, Writer } from '../base/cursor.js'
import { ipv4Bytes } from './address.js'

export type Administrator =
  /** `as` has two bytes on the wire, `number` four. */
  | { readonly type: 'as2'; readonly as: number; readonly number: number }
  /** Four and two. */
  | { readonly type: 'ipv4'; readonly ip: string; readonly number: number }
  /** Four and two (RFC 5668). */
  | { readonly type: 'as4'; readonly as: number; readonly number: number }

/** By the type's number, which stands in front. */
const TYPES = ['as2', 'ipv4', 'as4'] as const satisfies readonly Administrator['type'][]

export const administratorType = (number: number): Administrator['type'] | undefined => TYPES[number]
export const administratorNumber = (type: Administrator['type']): number => TYPES.indexOf(type)

export function readAdministrator(reader: Reader, type: Administrator['type']): Administrator {
  switch (type) {
    case 'as2':
      return { type, as: reader.u16('AS'), number: reader.u32('number') }
    case 'ipv4':
      return { type, ip: reader.ip('IPv4 address', 4), number: reader.u16('number') }
    case 'as4':
      return { type, as: reader.u32('AS'), number: reader.u16('number') }
  }
}

/** Throws RangeError for what is not of the type. */
export function writeAdministrator(writer: Writer, value: Administrator): void {
  switch (value.type) {
    case 'as2':
      writer.u16(value.as)
      writer.u32(value.number)
      return
    case 'ipv4':
      writer.bytes(ipv4Bytes(value.ip))
      writer.u16(value.number)
      return
    case 'as4':
      writer.u32(value.as)
      writer.u16(value.number)
  }
}

/** `65000:100`, `192.0.2.1:2`. */
export const administratorText = (value: Administrator): string =>
  `${value.type === 'ipv4' ? value.ip : value.as}:${value.number}`
