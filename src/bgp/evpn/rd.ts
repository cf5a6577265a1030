// Route distinguishers (RFC 4364 4.2): | type u16 | administrator and number, 6 bytes |.
import type { Reader, Writer } from '../../base/cursor.js'
import {
  type Administrator,
  administratorNumber,
  administratorText,
  administratorType,
  readAdministrator,
  writeAdministrator,
} from '../administrator.js'

/** Of a type that is not assigned, the eight bytes. */
export type RouteDistinguisher = Administrator | { readonly type: 'unknown'; readonly bytes: Buffer }

export function readRd(reader: Reader): RouteDistinguisher {
  const field = reader.part('RD', 8)
  const type = administratorType(field.peek((next) => next.u16('RD type')))
  if (type === undefined) return { type: 'unknown', bytes: field.bytes('RD', 8) }
  field.u16('RD type')
  return readAdministrator(field, type)
}

export function writeRd(writer: Writer, rd: RouteDistinguisher): void {
  if (rd.type === 'unknown') {
    writer.bytes(rd.bytes)
    return
  }
  writer.u16(administratorNumber(rd.type))
  writeAdministrator(writer, rd)
}

/** `192.0.2.1:2`; hexadecimal for an unknown type. */
export const rdText = (rd: RouteDistinguisher): string =>
  rd.type === 'unknown' ? rd.bytes.toString('hex') : administratorText(rd)
