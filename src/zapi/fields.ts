// Field types of ZAPI payloads: each knows how it is read and written. A message is a list of named fields.
import { formatIp, formatMac, parseIp, parseMac } from '../address.js'
import type { Reader, Writer } from './cursor.js'
import type { Features } from './lines.js'

/** One field; `name` is for errors. Methods, not properties, so that differently typed fields share a list. */
export interface Field<T> {
  read(reader: Reader, name: string, features: Features): T
  write(writer: Writer, value: T, features: Features): void
}

/** The value type of a field. */
export type ValueOf<F> = F extends Field<infer T> ? T : never

export const u8: Field<number> = {
  read: (reader, name) => reader.u8(name),
  write: (writer, value) => {
    writer.u8(value)
  },
}

export const u16: Field<number> = {
  read: (reader, name) => reader.u16(name),
  write: (writer, value) => {
    writer.u16(value)
  },
}

export const u32: Field<number> = {
  read: (reader, name) => reader.u32(name),
  write: (writer, value) => {
    writer.u32(value)
  },
}

/** A byte string of fixed length, such as an ESI, or an int that zebra copies in host order and we only carry. */
export const opaque = (length: number): Field<Buffer> => ({
  read: (reader, name) => reader.bytes(name, length),
  write: (writer, value) => {
    writer.bytes(value)
  },
})

/** struct ethaddr as text. */
export const mac: Field<string> = {
  read: (reader, name) => formatMac(reader.bytes(name, 6)),
  write: (writer, value) => {
    writer.bytes(toBytes(parseMac(value), value))
  },
}

/** IP of a MAC-IP as text: its length (0, 4 or 16) in front, u32 in MACIP_*, u16 in REMOTE_MACIP_*; 0 is a MAC alone. */
export const sizedIp = (lengthField: Field<number>): Field<string | undefined> => ({
  read(reader, name, features) {
    const length = lengthField.read(reader, `${name} length`, features)
    if (length === 0) return undefined
    if (length !== 4 && length !== 16) throw reader.fault(name, 0, `length ${length}, expected 0, 4 or 16`)
    return formatIp(reader.bytes(name, length))
  },
  write(writer, value, features) {
    const bytes = value === undefined ? Buffer.alloc(0) : toBytes(parseIp(value), value)
    lengthField.write(writer, bytes.length, features)
    writer.bytes(bytes)
  },
})

const AF_INET = 2
const AF_INET6 = 10

/** A VTEP's address as text: in_addr, or (10.6 and later) `stream_put_ipaddr`: u16 family and address. */
export const vtepAddress: Field<string> = {
  read(reader, name, { vtepAddress: layout }) {
    if (layout === 'in_addr') return formatIp(reader.bytes(name, 4))
    const family = reader.u16(`${name} family`)
    if (family !== AF_INET && family !== AF_INET6) {
      throw reader.fault(name, 2, `address family ${family}, expected ${AF_INET} or ${AF_INET6}`)
    }
    return formatIp(reader.bytes(name, family === AF_INET ? 4 : 16))
  },
  write(writer, value, { vtepAddress: layout }) {
    const bytes = toBytes(parseIp(value), value)
    if (layout === 'ipaddr') writer.u16(bytes.length === 4 ? AF_INET : AF_INET6)
    writer.bytes(bytes)
  },
}

function toBytes(bytes: Buffer | undefined, text: string): Buffer {
  if (bytes === undefined) throw new TypeError(`'${text}' is not an address`)
  return bytes
}
