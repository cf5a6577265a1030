// Packets of LINKTYPE_NETLINK: a cooked header and netlink messages as on a socket.
//
//   0  packet type      u16 BE  PACKET_* of linux/if_packet.h
//   2  ARPHRD_ type     u16 BE  ARPHRD_NETLINK
//   4  unused           10 bytes
//  14  netlink family   u16 BE  NETLINK_ROUTE
//  16  messages

export const LINKTYPE_NETLINK = 253

const PACKET_KERNEL = 7
const ARPHRD_NETLINK = 824
const NETLINK_ROUTE = 0
const HEADER = 16

/** Encodes messages as if zebra had sent them to the kernel. */
export function encodeNetlinkPacket(messages: Buffer): Buffer {
  const packet = Buffer.alloc(HEADER + messages.length)
  packet.writeUInt16BE(PACKET_KERNEL, 0)
  packet.writeUInt16BE(ARPHRD_NETLINK, 2)
  packet.writeUInt16BE(NETLINK_ROUTE, 14)
  messages.copy(packet, HEADER)
  return packet
}

/** Returns the messages of a packet that `encodeNetlinkPacket` may have made; undefined for any other packet. */
export function decodeNetlinkPacket(packet: Buffer): Buffer | undefined {
  if (packet.length < HEADER || packet.readUInt16BE(0) !== PACKET_KERNEL) return undefined
  if (packet.readUInt16BE(2) !== ARPHRD_NETLINK || packet.readUInt16BE(14) !== NETLINK_ROUTE) return undefined
  return packet.subarray(HEADER)
}
