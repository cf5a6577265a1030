// The frames that ask a host whether it still has an address. Both are unicast, so that no other host receives them.
//
// Ethernet (18 bytes with a VLAN tag, 14 without), then
//   ARP request (RFC 826)                        neighbor solicitation (RFC 4861 4.3)
//    0  hardware type 1       u16                 0  IPv6 header (RFC 8200 3), hop limit 255
//    2  protocol type 0x0800  u16                40  type 135, code 0    u8 u8
//    4  sizes 6, 4            u8 u8              42  checksum            u16
//    6  operation 1           u16                44  reserved            u32
//    8  sender MAC, IP        6 4                48  target              16
//   18  target MAC, IP        6 4                64  source link-layer address option
//   28  zero up to 60 bytes of untagged frame        (RFC 4861 4.6.1): 1, 1, MAC
import { parseIp, parseMac } from '../base/address.js'
import { ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../base/ethertype.js'

const ETH_HLEN = 14
const VLAN_HLEN = 4
/** Minimum length of a frame without its check sequence and without a tag. */
const ETH_ZLEN = 60

const ARPHRD_ETHER = 1
const ARPOP_REQUEST = 1

const IPV6_HLEN = 40
const NEXT_HEADER_ICMPV6 = 58
const HOP_LIMIT = 255
const NEIGHBOR_SOLICITATION = 135
const SOURCE_LINK_LAYER_ADDRESS = 1
/** Length of a solicitation with its one option. */
const NS_BYTES = 32

/** Length of the longest probe, a tagged neighbour solicitation. */
export const MAX_PROBE_BYTES = ETH_HLEN + VLAN_HLEN + IPV6_HLEN + NS_BYTES

export type ProbeFields = {
  /** MAC of the host that is asked. */
  dstMac: string
  srcMac: string
  srcIp: string
  targetIp: string
  /** 0 means no tag. */
  vlan: number
  /** Ethertype of the tag, 802.1Q by default. */
  vlanProtocol?: number | undefined
}

/** Builds a unicast poll (RFC 1122 2.3.2.1) in `into`, at least MAX_PROBE_BYTES; returns the part that is the frame. */
export function arpRequest(fields: ProbeFields, into = Buffer.alloc(MAX_PROBE_BYTES)): Buffer {
  const { dstMac, srcMac, srcIp, targetIp, vlan } = fields
  const at = writeEthernet(into, fields, ETH_P_ARP)
  const end = ETH_ZLEN + (vlan === 0 ? 0 : VLAN_HLEN)
  into.writeUInt16BE(ARPHRD_ETHER, at)
  into.writeUInt16BE(ETH_P_IP, at + 2)
  into.writeUInt16BE(0x0604, at + 4)
  into.writeUInt16BE(ARPOP_REQUEST, at + 6)
  writeMac(into, srcMac, at + 8)
  writeIp(into, srcIp, 4, at + 14)
  writeMac(into, dstMac, at + 18)
  writeIp(into, targetIp, 4, at + 24)
  return into.fill(0, at + 28, end).subarray(0, end)
}

/**
 * Builds a solicitation to the target itself, as neighbour unreachability detection does (RFC 4861 7.3.1), or to `dstIp`;
 * `into` as in `arpRequest`.
 */
export function neighborSolicitation(
  fields: ProbeFields & { dstIp?: string },
  into = Buffer.alloc(MAX_PROBE_BYTES),
): Buffer {
  const { srcMac, srcIp, targetIp, dstIp = targetIp } = fields
  const at = writeEthernet(into, fields, ETH_P_IPV6)
  into.writeUInt32BE(0x60000000, at)
  into.writeUInt16BE(NS_BYTES, at + 4)
  into.writeUInt16BE((NEXT_HEADER_ICMPV6 << 8) | HOP_LIMIT, at + 6)
  writeIp(into, srcIp, 16, at + 8)
  writeIp(into, dstIp, 16, at + 24)
  const icmp = at + IPV6_HLEN
  const end = icmp + NS_BYTES
  into.fill(0, icmp, icmp + 8).writeUInt8(NEIGHBOR_SOLICITATION, icmp)
  writeIp(into, targetIp, 16, icmp + 8)
  into.writeUInt16BE((SOURCE_LINK_LAYER_ADDRESS << 8) | 1, icmp + 24)
  writeMac(into, srcMac, icmp + 26)
  into.writeUInt16BE(checksum(into, at + 8, end), icmp + 2)
  return into.subarray(0, end)
}

/** Writes the Ethernet header; returns the offset of the payload. */
function writeEthernet(
  into: Buffer,
  { dstMac, srcMac, vlan, vlanProtocol = ETH_P_8021Q }: ProbeFields,
  type: number,
): number {
  writeMac(into, dstMac, 0)
  writeMac(into, srcMac, 6)
  if (vlan !== 0) into.writeUInt32BE(((vlanProtocol << 16) | vlan) >>> 0, 12)
  const at = vlan === 0 ? ETH_HLEN : ETH_HLEN + VLAN_HLEN
  into.writeUInt16BE(type, at - 2)
  return at
}

/** Computes the checksum over the pseudo header (RFC 8200 8.1) and the message. */
function checksum(bytes: Buffer, start: number, end: number): number {
  let sum = NS_BYTES + NEXT_HEADER_ICMPV6
  for (let at = start; at < end; at += 2) sum += bytes.readUInt16BE(at)
  sum = (sum & 0xffff) + (sum >>> 16)
  return ~(sum + (sum >>> 16)) & 0xffff
}

function writeMac(into: Buffer, mac: string, at: number): void {
  const bytes = parseMac(mac)
  if (bytes === undefined) throw new RangeError(`a MAC expected in a probe, not ${mac}`)
  into.set(bytes, at)
}

function writeIp(into: Buffer, ip: string, size: 4 | 16, at: number): void {
  const bytes = parseIp(ip)
  if (bytes?.length !== size) throw new RangeError(`an IP address of ${size} bytes expected in a probe, not ${ip}`)
  into.set(bytes, at)
}
