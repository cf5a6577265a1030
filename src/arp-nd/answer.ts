// Reads from a frame what a host says about its own address: an ARP reply (RFC 826), or a neighbour advertisement
// (RFC 4861 4.4). Only such frames come as answers to questions; everything else is no answer.
import { formatIp, formatMac } from '../base/address.js'
import { ETH_P_ARP, ETH_P_IPV6 } from '../base/ethertype.js'

const ETH_HLEN = 14

const ARP_BYTES = 28
/** Ethernet and IPv4, with addresses of 6 and 4 bytes. */
const ARP_PREFIX = Buffer.from([0, 1, 8, 0, 6, 4])
const ARPOP_REPLY = 2

const IPV6_HLEN = 40
const NEXT_HEADER_ICMPV6 = 58
const NEIGHBOR_ADVERTISEMENT = 136
const NA_BYTES = 24
const TARGET_LINK_LAYER_ADDRESS = 2

export type Answer = { readonly mac: string; readonly ip: string }

/** Returns the MAC and the IP that a host says it has; undefined if the frame is no such answer, or is cut off. */
export function answerIn(frame: Buffer): Answer | undefined {
  if (frame.length < ETH_HLEN) return undefined
  switch (frame.readUInt16BE(12)) {
    case ETH_P_ARP:
      return arpReply(frame.subarray(ETH_HLEN))
    case ETH_P_IPV6:
      return advertisement(frame.subarray(ETH_HLEN), formatMac(frame, 6))
    default:
      return undefined
  }
}

function arpReply(arp: Buffer): Answer | undefined {
  if (arp.length < ARP_BYTES || !arp.subarray(0, ARP_PREFIX.length).equals(ARP_PREFIX)) return undefined
  if (arp.readUInt16BE(6) !== ARPOP_REPLY) return undefined
  return { mac: formatMac(arp, 8), ip: formatIp(arp.subarray(14, 18)) }
}

/** @param etherSource the host's MAC, if the advertisement names none */
function advertisement(packet: Buffer, etherSource: string): Answer | undefined {
  if (packet.length < IPV6_HLEN + NA_BYTES || packet.readUInt8(6) !== NEXT_HEADER_ICMPV6) return undefined
  const icmp = packet.subarray(IPV6_HLEN)
  if (icmp.readUInt8(0) !== NEIGHBOR_ADVERTISEMENT) return undefined
  const ip = formatIp(icmp.subarray(8, 24))
  for (let at = NA_BYTES; at + 8 <= icmp.length; ) {
    const units = icmp.readUInt8(at + 1)
    if (units === 0) return undefined
    if (icmp.readUInt8(at) === TARGET_LINK_LAYER_ADDRESS) return { mac: formatMac(icmp, at + 2), ip }
    at += units * 8
  }
  return { mac: etherSource, ip }
}
