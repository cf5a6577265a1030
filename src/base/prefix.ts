// Prefixes of the configuration, and their representation in a BlockList.
import type { BlockList } from 'node:net'
import { formatIp, parseIp } from './address.js'

export type Prefix = { readonly ip: string; readonly length: number }

const PREFIX = /^([^/]+)\/(\d{1,3})$/
/** ::ffff:0:0/96 (RFC 4291 2.5.5.2). */
const MAPPED = parseIp('::ffff:0:0') ?? Buffer.alloc(16)
const MAPPED_LENGTH = 96

/** Parses `address/length`, keeping the bits beyond the length; undefined if it is none, or IPv4-mapped. */
export function parseAddressAndLength(text: string): Prefix | undefined {
  const [, address = '', length = ''] = PREFIX.exec(text) ?? []
  const bytes = parseIp(address)
  if (bytes === undefined || isMapped(bytes) || Number(length) > bytes.length * 8) return undefined
  return { ip: formatIp(bytes), length: Number(length) }
}

/** Clears every bit beyond the length. */
export const networkOf = ({ ip, length }: Prefix): Prefix => ({ ip: formatIp(masked(bytesOf(ip), length)), length })

/** Whether the IP is the network's own or its broadcast address: no host has those (RFC 1122 3.2.1.3, RFC 3021). */
export function isEdge({ ip, length }: Prefix): boolean {
  const bytes = bytesOf(ip)
  if (bytes.length !== 4 || length > 30) return false
  const inverted = Buffer.from(bytes.map((byte) => ~byte))
  return masked(bytes, length).equals(bytes) || masked(inverted, length).equals(inverted)
}

/** Returns the network's own and the broadcast address of the subnet of an address; none if it has no such addresses. */
export function edgesOf({ ip, length }: Prefix): string[] {
  const bytes = bytesOf(ip)
  if (bytes.length !== 4 || length > 30) return []
  const host = Buffer.from([255, 255, 255, 255].map((byte, index) => byte ^ (masked(ONES, length)[index] ?? 0)))
  const network = masked(bytes, length)
  return [formatIp(network), formatIp(Buffer.from(network.map((byte, index) => byte | (host[index] ?? 0))))]
}

const ONES = Buffer.alloc(4, 255)

/** Whether an address is in a subnet. */
export const isWithin = (ip: string, { ip: other, length }: Prefix): boolean =>
  networkOf({ ip, length }).ip === networkOf({ ip: other, length }).ip

/** Adds a prefix to a list; it must be a network, as `networkOf` makes it. */
export function addPrefix(list: BlockList, prefix: Prefix): void {
  for (const { ip, length } of coversMapped(prefix) ? besideMapped(prefix.length) : [prefix]) {
    list.addSubnet(ip, length, ip.includes(':') ? 'ipv6' : 'ipv4')
  }
}

/** A BlockList checks IPv4 addresses in IPv4-mapped form, so ::/0 would match all of IPv4, too. */
const coversMapped = ({ ip, length }: Prefix): boolean =>
  ip.includes(':') && length < MAPPED_LENGTH && masked(MAPPED, length).equals(bytesOf(ip))

/** Returns the prefixes that make up the prefix of this length around the IPv4-mapped addresses, without these. */
function besideMapped(length: number): Prefix[] {
  return Array.from({ length: MAPPED_LENGTH - length }, (_, index) => {
    const bit = length + index
    const bytes = masked(MAPPED, bit + 1)
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
    return { ip: formatIp(bytes), length: bit + 1 }
  })
}

const bytesOf = (ip: string): Buffer => parseIp(ip) ?? Buffer.alloc(4)

/** Whether the address is IPv4-mapped, which means IPv4 in a configuration. */
export const isMapped = (bytes: Buffer): boolean => bytes.length === 16 && masked(bytes, MAPPED_LENGTH).equals(MAPPED)

function masked(bytes: Buffer, length: number): Buffer {
  return Buffer.from(bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - index * 8)))))
}
