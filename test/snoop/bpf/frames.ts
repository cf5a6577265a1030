// Builds Ethernet frames with ARP and neighbour discovery, right by default; every field can be set wrong.
import { formatIp, parseIp, parseMac } from '../../../src/base/address.js'
import type { Evidence } from '../../../src/snoop/bpf/evidence.js'
import { decodeRecord } from '../../../src/snoop/bpf/layout.js'

export const VM_MAC = '02:00:00:00:00:01'
export const VM_IP = '192.0.2.1'
export const VM_IP6 = '2001:db8::1'
export const VM_LINK_LOCAL = 'fe80::1'
export const PEER_MAC = '02:00:00:00:00:02'
export const PEER_IP = '192.0.2.2'
export const PEER_IP6 = '2001:db8::2'
export const ZERO_MAC = '00:00:00:00:00:00'
export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff'

export const ETH_P_IP = 0x0800
export const ETH_P_ARP = 0x0806
export const ETH_P_8021Q = 0x8100
export const ETH_P_IPV6 = 0x86dd
export const ETH_P_8021AD = 0x88a8

export type Tag = { protocol?: number; vlan: number; priority?: number }

type Ethernet = { etherSource?: string; etherDestination?: string; tags?: Tag[] }

function mac(text: string): Buffer {
  const bytes = parseMac(text)
  if (!bytes) throw new Error(`not a MAC: ${text}`)
  return bytes
}

function ip(text: string): Buffer {
  const bytes = parseIp(text)
  if (!bytes) throw new Error(`not an IP: ${text}`)
  return bytes
}

const u16 = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]))

export function ethernet(type: number, payload: Buffer, options: Ethernet = {}): Buffer {
  const { etherSource = VM_MAC, etherDestination = BROADCAST_MAC, tags = [] } = options
  const tagBytes = tags.map(({ protocol = ETH_P_8021Q, vlan, priority = 0 }) => u16(protocol, (priority << 13) | vlan))
  return Buffer.concat([mac(etherDestination), mac(etherSource), ...tagBytes, u16(type), payload])
}

export type Arp = Ethernet & {
  operation?: number
  hardware?: number
  protocol?: number
  lengths?: [hardware: number, protocol: number]
  senderMac?: string
  senderIp?: string
  targetMac?: string
  targetIp?: string
}

/** A request of the VM for its peer (RFC 826). */
export function arp(options: Arp = {}): Buffer {
  const { operation = 1, hardware = 1, protocol = ETH_P_IP, lengths = [6, 4] } = options
  const { senderMac = VM_MAC, senderIp = VM_IP, targetMac = ZERO_MAC, targetIp = PEER_IP } = options
  const payload = Buffer.concat([
    u16(hardware, protocol),
    Buffer.from(lengths),
    u16(operation),
    mac(senderMac),
    ip(senderIp),
    mac(targetMac),
    ip(targetIp),
  ])
  return ethernet(ETH_P_ARP, payload, options)
}

export const NA_ROUTER = 0x80
export const NA_SOLICITED = 0x40
export const NA_OVERRIDE = 0x20

/** Link-layer address options (RFC 4861, 4.6.1). */
export const slla = (address: string) => Buffer.concat([Buffer.from([1, 1]), mac(address)])
export const tlla = (address: string) => Buffer.concat([Buffer.from([2, 1]), mac(address)])

export type Icmpv6 = Ethernet & {
  type?: number
  code?: number
  hopLimit?: number
  nextHeader?: number
  version?: number
  source?: string
  destination?: string
  /** Instead of the true length. */
  payloadLength?: number
  /** Added to the true checksum. */
  checksumError?: number
}

export function icmpv6(body: Buffer, options: Icmpv6 = {}): Buffer {
  const { type = 136, code = 0, hopLimit = 255, nextHeader = 58, version = 6, checksumError = 0 } = options
  const { source = VM_IP6, destination = PEER_IP6 } = options
  const addresses = Buffer.concat([ip(source), ip(destination)])
  const message = Buffer.concat([Buffer.from([type, code, 0, 0]), body])
  const { payloadLength = message.length } = options
  message.writeUInt16BE((icmpv6Checksum(addresses, message, payloadLength) + checksumError) & 0xffff, 2)
  const header = Buffer.concat([
    Buffer.from([version << 4, 0, 0, 0]),
    u16(payloadLength),
    Buffer.from([nextHeader, hopLimit]),
  ])
  return ethernet(ETH_P_IPV6, Buffer.concat([header, addresses, message]), options)
}

export type Advertisement = Icmpv6 & { flags?: number; target?: string; options?: Buffer[] }

/** The VM's answer to a solicitation of its peer (RFC 4861, 4.4). */
export function na(fields: Advertisement = {}): Buffer {
  const { flags = NA_SOLICITED | NA_OVERRIDE, target = VM_IP6, options = [tlla(VM_MAC)] } = fields
  const body = Buffer.concat([Buffer.from([flags, 0, 0, 0]), ip(target), ...options])
  return icmpv6(body, { etherDestination: PEER_MAC, ...fields })
}

export type Solicitation = Icmpv6 & { target?: string; options?: Buffer[] }

/** Asks for the peer (RFC 4861, 4.3). */
export function ns(fields: Solicitation = {}): Buffer {
  const { target = PEER_IP6, options = [slla(VM_MAC)] } = fields
  const body = Buffer.concat([Buffer.alloc(4), ip(target), ...options])
  return icmpv6(body, { type: 135, destination: solicitedNode(target), ...fields })
}

/** Asks whether the VM's address is free (RFC 4862, 5.4.2). */
export function dad(fields: Solicitation = {}): Buffer {
  return ns({ source: '::', target: VM_IP6, options: [], ...fields })
}

/** RFC 4291, 2.7.1. */
function solicitedNode(target: string): string {
  return formatIp(Buffer.concat([ip('ff02::1:ff00:0').subarray(0, 13), ip(target).subarray(13)]))
}

/** The VM is a router (RFC 4861, 4.2). */
export function ra(fields: Icmpv6 & { options?: Buffer[] } = {}): Buffer {
  const { options = [slla(VM_MAC)] } = fields
  const body = Buffer.concat([Buffer.from([64, 0]), u16(1800), Buffer.alloc(8), ...options])
  return icmpv6(body, { type: 134, source: VM_LINK_LOCAL, destination: 'ff02::1', ...fields })
}

/** Over the pseudo header (RFC 8200, 8.1: source and destination, length) and the message; 0 if that has the right one. */
export function icmpv6Checksum(addresses: Buffer, message: Buffer, length = message.length): number {
  const bytes = Buffer.concat([addresses, u16(0, length, 0, 58), message, Buffer.alloc(message.length % 2)])
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** The evidence that begins a buffer of records. */
export function evidenceOf(records: Buffer): Evidence {
  const frame = decodeRecord(records, 0)
  if (frame.type !== 'evidence') throw new Error(`evidence expected, not ${JSON.stringify(frame)}`)
  return frame.evidence
}
