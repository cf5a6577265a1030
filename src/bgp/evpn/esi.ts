// Ethernet segment identifiers (RFC 7432 5): ten bytes.
import type { Reader, Writer } from '../../base/cursor.js'
import { type Esi, ZERO_ESI } from './route.js'

const SIZE = 10
const ZERO = Buffer.alloc(SIZE)
const TEXT = /^[0-9a-f]{2}(?::[0-9a-f]{2}){9}$/

export function readEsi(reader: Reader): Esi {
  const bytes = reader.bytes('ESI', SIZE)
  // nearly every route has this one: one string serves all
  return bytes.equals(ZERO) ? ZERO_ESI : Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** Throws RangeError unless the text is as `readEsi` makes it. */
export function writeEsi(writer: Writer, esi: Esi): void {
  if (!TEXT.test(esi)) throw new RangeError(`${esi} is no ESI`)
  writer.bytes(Buffer.from(esi.replaceAll(':', ''), 'hex'))
}
