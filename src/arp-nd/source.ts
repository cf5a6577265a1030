// Who asks: senders that no host takes for the owner of an address.
import { isIPv4 } from 'node:net'
import { formatIp, parseIp, parseMac } from '../base/address.js'

export type ProbeSource = { mac: string; ip: string }

/**
 * Sender of an ARP probe (RFC 5227 1.1). No host takes it for a claim, but one that is probing the same address itself
 * takes it for a conflict.
 */
export const NOBODY = '0.0.0.0'

/** The source of a question from a device that no host and no other node shares. */
export const sourceOf = (mac: string, ip: string): ProbeSource => ({
  mac,
  ip: isIPv4(ip) ? NOBODY : linkLocalOf(mac, ip),
})

/** Returns the solicited-node multicast address of an IPv6 address (RFC 4291 2.7.1); an IPv4 address as it is. */
export function solicitedNode(ip: string): string {
  if (isIPv4(ip)) return ip
  const bytes = parseIp(ip) ?? Buffer.alloc(16)
  return formatIp(Buffer.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...bytes.subarray(13)]))
}

/** Derives a link-local address from a MAC (RFC 4291 appendix A), different from `taken`. */
export function linkLocalOf(mac: string, taken: string): string {
  const bytes = parseMac(mac) ?? Buffer.alloc(6)
  const [first = 0, second = 0, third = 0, ...device] = bytes
  const from = (first: number): string =>
    formatIp(Buffer.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, first, second, third, 0xff, 0xfe, ...device]))
  const ip = from(first ^ 0x02)
  return ip === taken ? from(first) : ip
}
