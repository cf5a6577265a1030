// Builds VXLAN packets around frames, right by default; every field can be set wrong.
import { parseIp } from '../../../src/base/address.js'
import { ETH_P_IP, ETH_P_IPV6, ethernet, type Tag } from './frames.js'

export const VTEP = '203.0.113.7'
export const OUR_VTEP = '203.0.113.1'
export const VTEP6 = '2001:db8:ff::7'
export const OUR_VTEP6 = '2001:db8:ff::1'
export const VNI = 10_100
export const VXLAN_PORT = 4789

const UDP = 17
/** The I flag (RFC 7348 5). */
export const VNI_FLAG = 0x0800_0000

export type Vxlan = {
  source?: string
  destination?: string
  port?: number
  flags?: number
  vni?: number
  /** The last byte of the VXLAN header. */
  reserved?: number
  /** Of the outer packet. */
  tags?: Tag[]
  version?: number
  protocol?: number
  /** Whole units of 4 bytes; only IPv4 has them. */
  ipOptions?: Buffer
  /** Of IPv4: the field with the flags, too. */
  fragment?: number
  /** Instead of the true lengths of IP and UDP, and of the IPv4 header in units of 4 bytes. */
  ipLength?: number
  udpLength?: number
  headerLength?: number
  /** Behind the IP packet, as Ethernet pads short ones. */
  padding?: Buffer
}

/** `frame` in VXLAN over UDP, over IPv4 or IPv6 as the source is. */
export function vxlan(frame: Buffer, options: Vxlan = {}): Buffer {
  const { flags = VNI_FLAG, vni = VNI, reserved = 0 } = options
  const header = Buffer.alloc(8)
  header.writeUInt32BE(flags)
  header.writeUInt32BE(vni * 256 + reserved, 4)
  return udp(Buffer.concat([header, frame]), options)
}

/** Any payload in UDP. */
export function udp(payload: Buffer, options: Vxlan = {}): Buffer {
  const { source = VTEP, port = VXLAN_PORT, udpLength = 8 + payload.length } = options
  const header = Buffer.alloc(8)
  header.writeUInt16BE(49_152)
  header.writeUInt16BE(port, 2)
  header.writeUInt16BE(udpLength, 4)
  const datagram = Buffer.concat([header, payload])
  const { tags = [], padding = Buffer.alloc(0) } = options
  const isIpv4 = !source.includes(':')
  const packet = isIpv4 ? ipv4(datagram, options) : ipv6(datagram, options)
  const ends = { etherSource: '02:00:00:00:0f:01', etherDestination: '02:00:00:00:0f:02', tags }
  return ethernet(isIpv4 ? ETH_P_IP : ETH_P_IPV6, Buffer.concat([packet, padding]), ends)
}

/** RFC 791 3.1, with the right checksum. */
function ipv4(payload: Buffer, options: Vxlan): Buffer {
  const { source = VTEP, destination = OUR_VTEP, version = 4, protocol = UDP, fragment = 0 } = options
  const { ipOptions = Buffer.alloc(0), headerLength = 5 + ipOptions.length / 4 } = options
  const { ipLength = 20 + ipOptions.length + payload.length } = options
  const header = Buffer.alloc(20)
  header[0] = (version << 4) | headerLength
  header.writeUInt16BE(ipLength, 2)
  header.writeUInt16BE(fragment, 6)
  header[8] = 64
  header[9] = protocol
  header.set(bytesOf(source), 12)
  header.set(bytesOf(destination), 16)
  const whole = Buffer.concat([header, ipOptions])
  let sum = 0
  for (let at = 0; at < whole.length; at += 2) sum += whole.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  whole.writeUInt16BE(~sum & 0xffff, 10)
  return Buffer.concat([whole, payload])
}

/** RFC 8200 3. */
function ipv6(payload: Buffer, options: Vxlan): Buffer {
  const { source = VTEP6, destination = OUR_VTEP6, version = 6, protocol = UDP, ipLength = payload.length } = options
  const header = Buffer.alloc(8)
  header[0] = version << 4
  header.writeUInt16BE(ipLength, 4)
  header[6] = protocol
  header[7] = 64
  return Buffer.concat([header, bytesOf(source), bytesOf(destination), payload])
}

function bytesOf(ip: string): Buffer {
  const bytes = parseIp(ip)
  if (bytes === undefined) throw new Error(`not an IP: ${ip}`)
  return bytes
}
