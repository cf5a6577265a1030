// Message framing (RFC 4271 4.1); all integers of BGP are big endian.
//
//   0                16       18     19
//   | marker, 16×ff  | length | type | body …
//
// length counts the whole message, header included.

export const HEADER_SIZE = 19
/** The longest message unless both sides have the extended message capability (RFC 8654). */
export const MAX_MESSAGE = 4096
export const MAX_EXTENDED_MESSAGE = 65535

/** ROUTE-REFRESH is from RFC 2918. */
export const MessageType = { OPEN: 1, UPDATE: 2, NOTIFICATION: 3, KEEPALIVE: 4, ROUTE_REFRESH: 5 } as const

export const MARKER = Buffer.alloc(16, 0xff)

export const messageLength = (bytes: Buffer, offset = 0): number => bytes.readUInt16BE(offset + 16)
export const messageType = (bytes: Buffer, offset = 0): number => bytes.readUInt8(offset + 18)

/** A whole message of this type; throws RangeError when it is longer than any message. */
export function frame(type: number, ...body: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_SIZE, 0xff)
  const message = Buffer.concat([header, ...body])
  message.writeUInt16BE(message.length, 16)
  message[18] = type
  return message
}

export const KEEPALIVE = frame(MessageType.KEEPALIVE)
