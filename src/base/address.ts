// MAC and IP addresses: bytes on the wire, canonical text everywhere inside the program.
import { isIPv6 } from 'node:net'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const hex = (bytes: Uint8Array, offset: number): string => HEX[bytes[offset] ?? 0] ?? ''

/** Formats 6 bytes at `offset` as lower-case `aa:bb:cc:dd:ee:ff`. */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  const front = `${hex(bytes, offset)}:${hex(bytes, offset + 1)}:${hex(bytes, offset + 2)}`
  return `${front}:${hex(bytes, offset + 3)}:${hex(bytes, offset + 4)}:${hex(bytes, offset + 5)}`
}

/** Parses `aa:bb:cc:dd:ee:ff`; undefined if the text is not a MAC. */
export function parseMac(text: string): Buffer | undefined {
  if (text.length !== 17) return undefined
  const bytes = Buffer.allocUnsafe(6)
  for (let index = 0; index < 6; index++) {
    const at = 3 * index
    const byte = (digit(text, at) << 4) | digit(text, at + 1)
    if (byte < 0 || (index > 0 && text.charCodeAt(at - 1) !== COLON)) return undefined
    bytes[index] = byte
  }
  return bytes
}

const [ZERO, NINE, COLON, LETTER_A, LETTER_F, TO_LOWER] = [0x30, 0x39, 0x3a, 0x61, 0x66, 0x20]

/** Returns the value of a hexadecimal digit; a negative number if it is none. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= ZERO && code <= NINE) return code - ZERO
  const letter = code | TO_LOWER
  return letter >= LETTER_A && letter <= LETTER_F ? letter - LETTER_A + 10 : -1
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
  // RFC 5952 5: the last 32 bits of an IPv4-mapped address are dotted
  if (start === 0 && length === 5 && groups[5] === 0xffff) return MAPPED + formatIpv4(bytes, 12)
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  // RFC 5952 4.2.2: one 16-bit zero field is not shortened
  if (length < 2) return text(groups)
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

const MAPPED = '::ffff:'

/** Returns the IPv4 address of an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2); any other address unchanged. */
export const unmapped = (ip: string): string =>
  ip.startsWith(MAPPED) && ip.includes('.') ? ip.slice(MAPPED.length) : ip

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start }
  })
  return best
}

/**
 * Parses IPv4 or IPv6 text into 4 or 16 bytes; undefined if it is neither (zone identifiers are refused). It is written
 * by hand for speed, because it runs for every probe and every frame.
 */
export function parseIp(text: string): Buffer | undefined {
  if (!text.includes(':')) return parseIpv4(text)
  if (!text.includes('.')) return parseIpv6(text)
  return isIPv6(text) && !text.includes('%') ? parseIpv6(embeddedIpv4ToHex(text)) : undefined
}

function parseIpv4(text: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(4)
  let byte = 0
  let digits = 0
  let end = 0
  for (let at = 0; at <= text.length; at++) {
    const value = text.charCodeAt(at) - ZERO
    if (value >= 0 && value <= 9) {
      // leading zeros are refused, because some programs read them as octal
      if (digits++ > 0 && byte === 0) return undefined
      byte = 10 * byte + value
      if (byte > 255) return undefined
    } else if (digits > 0 && end < 4 && (at === text.length || text[at] === '.')) {
      bytes[end++] = byte
      byte = digits = 0
    } else return undefined
  }
  return end === 4 ? bytes : undefined
}

/** RFC 4291 2.2, forms 1 and 2. */
function parseIpv6(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(16)
  let group = 0
  let digits = 0
  let end = 0
  /** Index of the group at which `::` stands. */
  let gap = -1
  for (let at = 0; at < text.length; at++) {
    const value = digit(text, at)
    if (value >= 0) {
      if (digits++ === 4 || end === 16) return undefined
      group = (group << 4) | value
    } else if (text.charCodeAt(at) !== COLON) return undefined
    else if (digits > 0) {
      end = bytes.writeUInt16BE(group, end)
      group = digits = 0
    } else if (at > 0 && gap < 0) gap = end
    else if (at > 0 || text.charCodeAt(1) !== COLON) return undefined
  }
  if (digits > 0) end = bytes.writeUInt16BE(group, end)
  // a single colon at the end
  else if (gap !== end) return undefined
  if (gap < 0) return end === 16 ? bytes : undefined
  if (end === 16) return undefined
  const rest = end - gap
  return bytes.copyWithin(16 - rest, gap, end).fill(0, gap, 16 - rest)
}

function embeddedIpv4ToHex(text: string): string {
  const colon = text.lastIndexOf(':')
  const last = text.slice(colon + 1)
  if (!last.includes('.')) return text
  const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number)
  return `${text.slice(0, colon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

/** Whether a host can have the MAC address, which must not be zero or multicast. `mac` is canonical text. */
export const isHostMac = (mac: string): boolean =>
  mac !== '00:00:00:00:00:00' && (parseInt(mac.slice(0, 2), 16) & 1) === 0

/** Whether a canonical IP address is of this machine only. */
export const isLoopback = (ip: string): boolean => (ip.includes(':') ? ip === '::1' : ip.startsWith('127.'))

/**
 * Whether a host can have the IP address as a source, by the IANA special-purpose registries. `ip` is canonical text
 * (RFC 5952).
 */
export function isHostIp(ip: string): boolean {
  if (ip.includes(':')) return !IPV6_OF_NO_HOST.test(ip)
  const first = parseInt(ip, 10)
  return first !== 0 && first !== 127 && first < 224
}

/**
 * Multicast (ff00::/8), and ::/32: unspecified, loopback, IPv4-compatible and -mapped (RFC 4291 2.5), IPv4-translated
 * (RFC 2765 2.1).
 */
const IPV6_OF_NO_HOST = /^(ff..:|::|0:0:)/

/** `192.0.2.1:2620`, `[::1]:2620`. */
export const endpointText = ({ ip, port }: { ip: string; port: number }): string =>
  ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
