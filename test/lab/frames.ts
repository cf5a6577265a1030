// Ethernet frames as VMs send them.
import { parseIp, parseMac } from '../../src/address.js'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const ALL_NODES = { mac: '33:33:00:00:00:01', ip: 'ff02::1' }
const ICMPV6 = 58
const NEIGHBOR_SOLICITATION = 135
const NEIGHBOR_ADVERTISEMENT = 136
const SOURCE_LINK_LAYER_ADDRESS = 1
const TARGET_LINK_LAYER_ADDRESS = 2
const SOLICITED = 0x40
const OVERRIDE = 0x20

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
export function neighborAdvertisement(sender: Host, asker?: { mac: string; ip: string }): Buffer {
  const option = Buffer.concat([Buffer.from([TARGET_LINK_LAYER_ADDRESS, 1]), mac(sender.mac)])
  const flags = asker === undefined ? OVERRIDE : OVERRIDE | SOLICITED
  const fixed = Buffer.from([NEIGHBOR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0])
  return icmpv6(sender, asker ?? ALL_NODES, Buffer.concat([fixed, ip(sender.ipv6), option]))
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
