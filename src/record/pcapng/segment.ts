// The TCP connection that represents a session, because analysers detect ZAPI by TCP port 2600: each message gets an
// IPv4 and a TCP header without options (RFC 791, RFC 9293), big endian.

const ZEBRA_PORT = 2600
const LOOPBACK = 0x7f000001
/** The session's low bits are in bgpd's port, the others in its address, 127.0.0.1 for the first 16384 sessions. */
const FIRST_PORT = 49152
const PORT_BITS = 14
const PORT_MASK = (1 << PORT_BITS) - 1
const IP_HEADER = 20
const HEADERS = IP_HEADER + 20
const PROTOCOL_TCP = 6
const TTL = 64
const PSH_ACK = 0x18

export type Segment = {
  session: number
  toZebra: boolean
  /** Identification field of the IPv4 header, which holds the kind of the record. */
  identification: number
  payload: Buffer
}

/** `sequence` and `acknowledged` are the numbers of bytes sent before in this direction and in the other. */
export function encodeSegment(
  { session, toZebra, identification, payload }: Segment,
  sequence: number,
  acknowledged: number,
): Buffer {
  const packet = Buffer.alloc(HEADERS + payload.length)
  const bgpd = { address: LOOPBACK + (session >>> PORT_BITS), port: FIRST_PORT + (session & PORT_MASK) }
  const zebra = { address: LOOPBACK, port: ZEBRA_PORT }
  const [from, to] = toZebra ? [bgpd, zebra] : [zebra, bgpd]
  packet[0] = 0x45
  packet.writeUInt16BE(packet.length, 2)
  packet.writeUInt16BE(identification, 4)
  packet[8] = TTL
  packet[9] = PROTOCOL_TCP
  packet.writeUInt32BE(from.address, 12)
  packet.writeUInt32BE(to.address, 16)
  packet.writeUInt16BE(checksum(packet.subarray(0, IP_HEADER), 0), 10)
  packet.writeUInt16BE(from.port, 20)
  packet.writeUInt16BE(to.port, 22)
  packet.writeUInt32BE((1 + sequence) >>> 0, 24)
  packet.writeUInt32BE((1 + acknowledged) >>> 0, 28)
  packet[32] = 0x50
  packet[33] = PSH_ACK
  packet.writeUInt16BE(0xffff, 34)
  payload.copy(packet, HEADERS)
  // the pseudo header has both addresses, the protocol and the length of the segment
  const pseudo = PROTOCOL_TCP + packet.length - IP_HEADER
  packet.writeUInt16BE(checksum(packet.subarray(12), pseudo), 36)
  return packet
}

/** Returns undefined for a packet that `encodeSegment` cannot have made. */
export function decodeSegment(packet: Buffer): Segment | undefined {
  if (packet.length < HEADERS || packet[0] !== 0x45 || packet[9] !== PROTOCOL_TCP || packet[32] !== 0x50)
    return undefined
  if (packet.readUInt16BE(2) !== packet.length) return undefined
  const toZebra = packet.readUInt16BE(22) === ZEBRA_PORT
  const address = packet.readUInt32BE(toZebra ? 12 : 16) - LOOPBACK
  const port = packet.readUInt16BE(toZebra ? 20 : 22) - FIRST_PORT
  const zebraPort = packet.readUInt16BE(toZebra ? 22 : 20)
  if (zebraPort !== ZEBRA_PORT || address < 0 || address >= 2 ** (32 - PORT_BITS) || port < 0) return undefined
  const session = address * (PORT_MASK + 1) + port
  return { session, toZebra, identification: packet.readUInt16BE(4), payload: packet.subarray(HEADERS) }
}

/** Computes the checksum of RFC 1071. */
function checksum(bytes: Buffer, initial: number): number {
  let sum = initial
  for (let offset = 0; offset + 1 < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset)
  if (bytes.length % 2 === 1) sum += (bytes[bytes.length - 1] ?? 0) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
