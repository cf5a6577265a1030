// MAC and IP addresses: bytes on the wire, canonical text everywhere inside.
import { isIP } from 'node:net'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const hex = (bytes: Uint8Array, offset: number): string => HEX[bytes[offset] ?? 0] ?? ''

/** Formats 6 bytes at `offset` as lower-case `aa:bb:cc:dd:ee:ff`. */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  const front = `${hex(bytes, offset)}:${hex(bytes, offset + 1)}:${hex(bytes, offset + 2)}`
  return `${front}:${hex(bytes, offset + 3)}:${hex(bytes, offset + 4)}:${hex(bytes, offset + 5)}`
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i

/** Parses `aa:bb:cc:dd:ee:ff`; undefined if the text is not a MAC. */
export function parseMac(text: string): Buffer | undefined {
  return MAC.test(text) ? Buffer.from(text.replaceAll(':', ''), 'hex') : undefined
}

/**
 * Formats 4 bytes as dotted quad, 16 bytes as RFC 5952 IPv6 text.
 * Callers have checked the length; any other is a programming error.
 */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return formatIpv4(bytes)
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`)
  return formatIpv6(bytes)
}

/** Formats 4 bytes at `offset` as dotted quad. */
export const formatIpv4 = (bytes: Uint8Array, offset = 0): string =>
  `${bytes[offset] ?? 0}.${bytes[offset + 1] ?? 0}.${bytes[offset + 2] ?? 0}.${bytes[offset + 3] ?? 0}`

function formatIpv6(bytes: Uint8Array): string {
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0))
  const { start, length } = longestZeroRun(groups)
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  // RFC 5952 4.2.2: one 16-bit zero field is not shortened
  if (length < 2) return text(groups)
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start }
  })
  return best
}

/** Parses IPv4 or IPv6 text into 4 or 16 bytes; undefined if it is neither (zone identifiers are refused). */
export function parseIp(text: string): Buffer | undefined {
  switch (isIP(text)) {
    case 4:
      return Buffer.from(text.split('.').map(Number))
    case 6:
      return text.includes('%') ? undefined : parseIpv6(text)
    default:
      return undefined
  }
}

function parseIpv6(text: string): Buffer {
  const [head = '', tail] = embeddedIpv4ToHex(text).split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  const bytes = Buffer.alloc(16)
  ;[...before, ...zeros, ...after].forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), index * 2))
  return bytes
}

function embeddedIpv4ToHex(text: string): string {
  const colon = text.lastIndexOf(':')
  const last = text.slice(colon + 1)
  if (!last.includes('.')) return text
  const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number)
  return `${text.slice(0, colon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

/** A MAC address that a host can have: not zero, not multicast. `mac` is canonical text. */
export const isHostMac = (mac: string): boolean =>
  mac !== '00:00:00:00:00:00' && (parseInt(mac.slice(0, 2), 16) & 1) === 0

/**
 * An IP address that a host can have as a source, by the IANA special-purpose registries. `ip` is canonical text
 * (RFC 5952).
 */
export function isHostIp(ip: string): boolean {
  if (ip.includes(':')) return ip !== '::' && ip !== '::1' && !/^ff..:/.test(ip)
  const first = parseInt(ip, 10)
  return first !== 0 && first !== 127 && first < 224
}
