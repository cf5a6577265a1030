// Addresses and prefixes in ZAPI payloads: text in values, bytes on the wire.
import { formatIp, parseIp, parseMac } from '../base/address.js'
import { AbsentAddressError, type Reader, type Writer } from './cursor.js'
import { type Field, either, opaque, sizedBytes, u16 } from './fields.js'

const AF_INET = 2
const AF_INET6 = 10

/** struct ethaddr. */
export const mac: Field<string> = {
  read: (reader, name) => reader.mac(name),
  write: (writer, value) => {
    writer.bytes(toBytes(parseMac(value), value))
  },
  json: (value) => value,
}

/** struct in_addr. */
export const ip4: Field<string> = fixedIp(4)
/** struct in6_addr. */
export const ip6: Field<string> = fixedIp(16)

function fixedIp(length: 4 | 16): Field<string> {
  return {
    read: (reader, name) => reader.ip(name, length),
    write: (writer, value) => {
      writer.bytes(ipBytes(value))
    },
    json: (value) => value,
  }
}

/** Ethernet segment identifier, 10 bytes. All zero means that there is none. */
export const esi: Field<Buffer> = {
  ...opaque(10),
  json: (value) => (value.every((byte) => byte === 0) ? undefined : colons(value)),
}

/** A link-layer address of any length; a field in front says how long it is. */
export const linkAddress = (lengthField: Field<number>): Field<Buffer> => ({
  ...sizedBytes(lengthField),
  json: (value) => (value.length === 0 ? undefined : colons(value)),
})

const colons = (bytes: Buffer): string => bytes.toString('hex').replace(/..(?=.)/g, '$&:')

/** IP of a MAC-IP, after its length: u32 in MACIP_*, u16 in REMOTE_MACIP_*. Lengths are 0 (a MAC alone), 4 or 16. */
export const sizedIp = (lengthField: Field<number>): Field<string | undefined> => ({
  read(reader, name, features, scope) {
    const length = lengthField.read(reader, `${name} length`, features, scope)
    if (length === 0) return undefined
    if (length !== 4 && length !== 16) throw reader.fault(name, 0, `length ${length}, expected 0, 4 or 16`)
    return reader.ip(name, length)
  },
  write(writer, value, features, scope) {
    const bytes = value === undefined ? Buffer.alloc(0) : ipBytes(value)
    lengthField.write(writer, bytes.length, features, scope)
    writer.bytes(bytes)
  },
  json: (value) => value,
})

/** Family (AF_*) and address. */
export const familyIp = (familyField: Field<number>): Field<string> => ({
  read(reader, name, features, scope) {
    const family = familyField.read(reader, `${name} family`, features, scope)
    return reader.ip(name, addressLength(reader, name, family))
  },
  write(writer, value, features, scope) {
    const bytes = ipBytes(value)
    familyField.write(writer, familyOf(bytes), features, scope)
    writer.bytes(bytes)
  },
  json: (value) => value,
})

/** Family and address, where family 0 stands alone and means that there is no address. */
export const optionalFamilyIp: Field<string | undefined> = {
  read(reader, name) {
    const family = reader.u8(`${name} family`)
    return family === 0 ? undefined : reader.ip(name, addressLength(reader, name, family))
  },
  write(writer, value) {
    const bytes = value === undefined ? Buffer.alloc(0) : ipBytes(value)
    writer.u8(value === undefined ? 0 : familyOf(bytes))
    writer.bytes(bytes)
  },
  json: (value) => value,
}

const ipaddr = familyIp(u16)

/** A VTEP's address: in_addr, or (10.6 and later) `stream_put_ipaddr`: u16 family and address. */
export const vtepAddress: Field<string> = either(
  ({ vtepAddress: layout }) => (layout === 'in_addr' ? ip4 : ipaddr),
  ip4,
)

/** An address without a family of its own: it has that of the field `other` before it. */
export const sameFamilyIp = (other: string): Field<string> =>
  either((_features, scope) => (String(scope[other]).includes(':') ? ip6 : ip4), ip4)

/** Prefix with all bytes of its address: family, length, address. */
export const prefix = (familyField: Field<number>): Field<string> => ({
  read(reader, name, features, scope) {
    const family = familyField.read(reader, `${name} family`, features, scope)
    const size = addressLength(reader, name, family)
    const length = prefixLength(reader, name, size)
    return `${reader.ip(name, size)}/${length}`
  },
  write(writer, value, features, scope) {
    const { bytes, length } = prefixParts(value)
    familyField.write(writer, familyOf(bytes), features, scope)
    writer.u8(length)
    writer.bytes(bytes)
  },
  json: (value) => value,
})

/** Length u8 and an address of the family of the field `other` before it. Length 0 means that there is no prefix. */
export const sameFamilyPrefix = (other: string): Field<string> => ({
  read(reader, name, _features, scope) {
    const size = String(scope[other]).includes(':') ? 16 : 4
    const length = prefixLength(reader, name, size)
    return `${reader.ip(name, size)}/${length}`
  },
  write(writer, value) {
    const { bytes, length } = prefixParts(value)
    writer.u8(length)
    writer.bytes(bytes)
  },
  json: (value) => (value.endsWith('/0') ? undefined : value),
})

/** Prefix in the order of `struct connected`: family u8, address, length u8. */
export const addressPrefix: Field<string> = {
  read(reader, name) {
    const size = addressLength(reader, name, reader.u8(`${name} family`))
    const address = reader.ip(name, size)
    return `${address}/${prefixLength(reader, name, size)}`
  },
  write(writer, value) {
    const { bytes, length } = prefixParts(value)
    writer.u8(familyOf(bytes))
    writer.bytes(bytes)
    writer.u8(length)
  },
  json: (value) => value,
}

/** Prefix of a route: family u8, length u8, and only the bytes that the length needs. */
export const shortPrefix: Field<string> = {
  read: (reader, name) => readShort(reader, name, addressLength(reader, name, reader.u8(`${name} family`))),
  write(writer, value) {
    writer.u8(familyOf(prefixParts(value).bytes))
    writeShort(writer, value)
  },
  json: (value) => value,
}

/** Source prefix of a route, always IPv6: length u8 and the bytes it needs. `::/0` means that there is none. */
export const sourcePrefix: Field<string> = {
  read: (reader, name) => readShort(reader, name, 16),
  write: writeShort,
  json: (value) => (value === '::/0' ? undefined : value),
}

function readShort(reader: Reader, name: string, size: 4 | 16): string {
  const length = prefixLength(reader, name, size)
  return `${reader.ip(name, size, (length + 7) >>> 3)}/${length}`
}

function writeShort(writer: Writer, value: string): void {
  const { bytes, length } = prefixParts(value)
  writer.u8(length)
  writer.bytes(bytes.subarray(0, (length + 7) >>> 3))
}

/**
 * struct prefix as it is in memory, 56 bytes: family u8, 1 unused, length u16 in host order, 4 unused, address, the rest
 * unused. It is kept whole, because unused bytes may have any value.
 */
export const rawPrefix: Field<Buffer> = {
  ...opaque(56),
  json(value) {
    const family = value.readUInt8(0)
    if (family !== AF_INET && family !== AF_INET6) return value.toString('hex')
    return `${formatIp(value.subarray(8, family === AF_INET ? 12 : 24))}/${hostU16(value, 2)}`
  },
}

/** struct ipaddr as it is in memory, 20 bytes: family as int in host order, 16 bytes of which IPv4 uses the first 4. */
export const rawIpaddr: Field<Buffer> = {
  ...opaque(20),
  json(value) {
    const family = hostU16(value, IS_LITTLE ? 0 : 2)
    if (family !== AF_INET && family !== AF_INET6) return value.toString('hex')
    return formatIp(value.subarray(4, family === AF_INET ? 8 : 20))
  },
}

const IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

const hostU16 = (bytes: Buffer, offset: number): number =>
  IS_LITTLE ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset)

function addressLength(reader: Reader, name: string, family: number): 4 | 16 {
  if (family === AF_INET) return 4
  if (family === AF_INET6) return 16
  if (family === 0) throw new AbsentAddressError(name, reader.offset, 'family 0, there is no address')
  throw reader.fault(name, 0, `address family ${family}, expected ${AF_INET} or ${AF_INET6}`)
}

function prefixLength(reader: Reader, name: string, size: 4 | 16): number {
  const length = reader.u8(`${name} length`)
  if (length > size * 8) throw reader.fault(name, 1, `prefix length ${length}, at most ${size * 8} is possible`)
  return length
}

const familyOf = (bytes: Buffer): number => (bytes.length === 4 ? AF_INET : AF_INET6)

function prefixParts(value: string): { bytes: Buffer; length: number } {
  const slash = value.indexOf('/')
  return { bytes: ipBytes(value.slice(0, slash)), length: Number(value.slice(slash + 1)) }
}

const ipBytes = (text: string): Buffer => toBytes(parseIp(text), text)

function toBytes(bytes: Buffer | undefined, text: string): Buffer {
  if (bytes === undefined) throw new TypeError(`'${text}' is not an address`)
  return bytes
}
