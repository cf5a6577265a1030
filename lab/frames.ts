// Ethernet frames as VMs send them.
import { formatIp, formatIpv4, formatMac, parseIp, parseMac } from '../src/base/address.js'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const ALL_NODES = { mac: '33:33:00:00:00:01', ip: 'ff02::1' }
const ICMPV6 = 58
const ROUTER_ADVERTISEMENT = 134
const NEIGHBOR_SOLICITATION = 135
const NEIGHBOR_ADVERTISEMENT = 136
const SOURCE_LINK_LAYER_ADDRESS = 1
const TARGET_LINK_LAYER_ADDRESS = 2
const ROUTER = 0x80
const SOLICITED = 0x40
const OVERRIDE = 0x20
const UNSPECIFIED = '0.0.0.0'

function mac(text: string): Buffer {
  const bytes = parseMac(text)
  if (bytes === undefined) throw new Error(`${text} is not a MAC address`)
  return bytes
}

function ip(text: string): Buffer {
  const bytes = parseIp(text)
  if (bytes === undefined) throw new Error(`${text} is not an IP address`)
  return bytes
}

const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff])

export interface Host {
  readonly mac: string
  readonly ipv4: string
  readonly ipv6: string
}

function arp(operation: 1 | 2, destination: string, sender: Host, targetMac: string, targetIp: string): Buffer {
  const header = [mac(destination), mac(sender.mac), u16(0x0806)]
  const fixed = [u16(1), u16(0x0800), Buffer.from([6, 4]), u16(operation)]
  return Buffer.concat([...header, ...fixed, mac(sender.mac), ip(sender.ipv4), mac(targetMac), ip(targetIp)])
}

/** Who has `target`? Broadcast, from `sender`. */
export function arpRequest(sender: Host, target: string): Buffer {
  return arp(1, BROADCAST, sender, '00:00:00:00:00:00', target)
}

/** `sender` tells everyone about itself (RFC 5227 section 2.3): a request for its own address. */
export function arpAnnouncement(sender: Host): Buffer {
  return arpRequest(sender, sender.ipv4)
}

/** Is anybody else using the address? A probe (RFC 5227 section 2.1.1), as a host sends it before it takes one. */
export function arpProbe(sender: Host): Buffer {
  return arp(1, BROADCAST, { ...sender, ipv4: UNSPECIFIED }, '00:00:00:00:00:00', sender.ipv4)
}

/** `sender` answers `target`. */
export function arpReply(sender: Host, target: Host): Buffer {
  return arp(2, target.mac, sender, target.mac, target.ipv4)
}

/** RFC 1071 sum over the pseudo header of RFC 8200 section 8.1 and the message. */
function checksum(source: Buffer, destination: Buffer, message: Buffer): number {
  const bytes = Buffer.concat([source, destination, u16(0), u16(message.length), u16(0), u16(ICMPV6), message])
  let sum = 0
  for (let offset = 0; offset < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function icmpv6(sender: Host, destination: { mac: string; ip: string }, message: Buffer): Buffer {
  const addresses = [ip(sender.ipv6), ip(destination.ip)] as const
  message.writeUInt16BE(checksum(...addresses, message), 2)
  const ethernet = [mac(destination.mac), mac(sender.mac), u16(0x86dd)]
  const ipv6 = [Buffer.from([0x60, 0, 0, 0]), u16(message.length), Buffer.from([ICMPV6, 255]), ...addresses]
  return Buffer.concat([...ethernet, ...ipv6, message])
}

/**
 * `sender` tells all nodes its address: an unsolicited neighbour advertisement (RFC 4861 section 7.2.6). With `asker`, it
 * answers that one's solicitation.
 */
export function neighborAdvertisement(
  sender: Host,
  { router = false, asker }: { router?: boolean; asker?: { mac: string; ip: string } } = {},
): Buffer {
  const option = Buffer.concat([Buffer.from([TARGET_LINK_LAYER_ADDRESS, 1]), mac(sender.mac)])
  const flags = OVERRIDE | (router ? ROUTER : 0) | (asker === undefined ? 0 : SOLICITED)
  const fixed = Buffer.from([NEIGHBOR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0])
  return icmpv6(sender, asker ?? ALL_NODES, Buffer.concat([fixed, ip(sender.ipv6), option]))
}

/** `sender`, whose `ipv6` must be link-local, tells `target` that it is a router (RFC 4861 section 6.2.6: it was asked). */
export function routerAdvertisement(sender: Host, target: Host): Buffer {
  const option = Buffer.concat([Buffer.from([SOURCE_LINK_LAYER_ADDRESS, 1]), mac(sender.mac)])
  // hop limit 64, no flags, a router for half an hour, reachable and retransmission time unspecified
  const fixed = Buffer.from([ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0])
  return icmpv6(sender, { mac: target.mac, ip: target.ipv6 }, Buffer.concat([fixed, option]))
}

/** Who has `target`? To its solicited-node multicast address, from `sender`. */
export function neighborSolicitation(sender: Host, target: string): Buffer {
  const low = ip(target).subarray(13).toString('hex')
  const group = {
    mac: `33:33:ff:${low.slice(0, 2)}:${low.slice(2, 4)}:${low.slice(4)}`,
    ip: `ff02::1:ff${low.slice(0, 2)}:${low.slice(2)}`,
  }
  const option = Buffer.concat([Buffer.from([SOURCE_LINK_LAYER_ADDRESS, 1]), mac(sender.mac)])
  const fixed = Buffer.from([NEIGHBOR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0])
  return icmpv6(sender, group, Buffer.concat([fixed, ip(target), option]))
}

/** To everyone, of the "IEEE Std 802 - Local Experimental Ethertype": no host answers it and no kernel handles it. */
export function unansweredFrame(source: string, payload: Buffer = Buffer.alloc(0)): Buffer {
  const frame = Buffer.concat([mac(BROADCAST), mac(source), u16(0x88b5), payload])
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length))])
}

/** All that QEMU says for a guest that has arrived (announce-self): a reverse request (RFC 903), without an IP address. */
export function rarpAnnouncement(source: string): Buffer {
  const fixed = [u16(1), u16(0x0800), Buffer.from([6, 4]), u16(3)]
  const addresses = [mac(source), ip(UNSPECIFIED), mac(source), ip(UNSPECIFIED)]
  const frame = Buffer.concat([mac(BROADCAST), mac(source), u16(0x8035), ...fixed, ...addresses])
  return Buffer.concat([frame, Buffer.alloc(60 - frame.length)])
}

/** An ARP request or a neighbour solicitation: `who` asks the hosts with the MAC `to` about `ip`. */
export interface Question {
  readonly to: string
  readonly who: { readonly mac: string; readonly ip: string }
  readonly ip: string
}

/** undefined if the frame asks nothing. */
export function question(frame: Buffer): Question | undefined {
  const [to, from] = [formatMac(frame), formatMac(frame, 6)]
  switch (frame.readUInt16BE(12)) {
    case 0x0806:
      if (frame.readUInt16BE(20) !== 1) return undefined
      return { to, who: { mac: from, ip: formatIpv4(frame, 28) }, ip: formatIpv4(frame, 38) }
    case 0x86dd:
      if (frame[20] !== ICMPV6 || frame[54] !== NEIGHBOR_SOLICITATION) return undefined
      return { to, who: { mac: from, ip: formatIp(frame.subarray(22, 38)) }, ip: formatIp(frame.subarray(62, 78)) }
    default:
      return undefined
  }
}
