// Addresses on the wire of BGP. What is written comes from this program, so a wrong text is its error: RangeError.
import { parseIp, parseMac } from '../base/address.js'
import type { Reader, Writer } from '../base/cursor.js'

/** 4 or 16 bytes. */
export function ipBytes(ip: string): Buffer {
  const bytes = parseIp(ip)
  if (bytes === undefined) throw new RangeError(`${ip} is no IP address`)
  return bytes
}

export function ipv4Bytes(ip: string): Buffer {
  const bytes = ipBytes(ip)
  if (bytes.length !== 4) throw new RangeError(`${ip} is no IPv4 address`)
  return bytes
}

/** 6 bytes. */
export function macBytes(mac: string): Buffer {
  const bytes = parseMac(mac)
  if (bytes === undefined) throw new RangeError(`${mac} is no MAC address`)
  return bytes
}

/** An address behind its length in bits, which must be one of `allowed`; undefined for 0 bits. */
export function readSizedIp(reader: Reader, field: string, allowed: readonly (0 | 32 | 128)[]): string | undefined {
  const bits = reader.u8(`${field} length`)
  const size = allowed.find((known) => known === bits)
  if (size === undefined) throw reader.fault(`${field} length`, 1, `${bits} bits, expected ${allowed.join(' or ')}`)
  return size === 0 ? undefined : reader.ip(field, size === 32 ? 4 : 16)
}

export function writeSizedIp(writer: Writer, ip: string | undefined): void {
  const bytes = ip === undefined ? Buffer.alloc(0) : ipBytes(ip)
  writer.u8(bytes.length * 8)
  writer.bytes(bytes)
}
