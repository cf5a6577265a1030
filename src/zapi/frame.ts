// ZAPI framing: the 10-byte header of lib/zclient.h (struct zmsghdr), all fields big endian.
//
//   0        2        3         4            8          10
//   | length | marker | version |   vrf_id   |  command  | payload …
//
// length counts the whole message, header included.

export const HEADER_SIZE = 10
export const HEADER_MARKER = 0xfe
export const ZSERV_VERSION = 6
/** ZEBRA_MAX_PACKET_SIZ: zebra drops anything longer. */
export const MAX_FRAME = 16384
/** More than any release has (147 so far), small enough to make a false frame unlikely. */
const MAX_COMMAND = 255

export const frameLength = (bytes: Buffer, offset = 0): number => bytes.readUInt16BE(offset)
export const frameVrf = (bytes: Buffer, offset = 0): number => bytes.readUInt32BE(offset + 4)
export const frameCommand = (bytes: Buffer, offset = 0): number => bytes.readUInt16BE(offset + 8)

/** Writes the header of a message that fills `bytes` from `offset` to its end. */
export function writeHeader(bytes: Buffer, vrf: number, command: number): void {
  bytes.writeUInt16BE(bytes.length, 0)
  bytes[2] = HEADER_MARKER
  bytes[3] = ZSERV_VERSION
  bytes.writeUInt32BE(vrf, 4)
  bytes.writeUInt16BE(command, 8)
}

/** Whether the bytes at `offset` can be a header; HEADER_SIZE bytes must be there. */
export const isHeader = (bytes: Buffer, offset: number): boolean =>
  bytes[offset + 2] === HEADER_MARKER && bytes[offset + 3] === ZSERV_VERSION && headerFault(bytes, offset) === undefined

/** The whole frames that `bytes` begin with. */
export function* framesIn(bytes: Buffer): Generator<Buffer> {
  for (let offset = 0; offset + HEADER_SIZE <= bytes.length && headerFault(bytes, offset) === undefined; ) {
    const end = offset + frameLength(bytes, offset)
    if (end > bytes.length) return
    yield bytes.subarray(offset, end)
    offset = end
  }
}

/** Why the bytes at `offset` cannot be a header; undefined if they can. At least HEADER_SIZE bytes must be there. */
export function headerFault(bytes: Buffer, offset: number): string | undefined {
  const length = bytes.readUInt16BE(offset)
  if (length < HEADER_SIZE) return `frame length ${length} is below ${HEADER_SIZE}`
  if (length > MAX_FRAME) return `frame length ${length} is above ${MAX_FRAME}`
  const marker = bytes[offset + 2] ?? 0
  if (marker !== HEADER_MARKER) return `header marker is 0x${marker.toString(16)}, expected 0xfe`
  const version = bytes[offset + 3] ?? 0
  if (version !== ZSERV_VERSION) return `ZAPI version is ${version}, expected ${ZSERV_VERSION}`
  const command = bytes.readUInt16BE(offset + 8)
  if (command > MAX_COMMAND) return `command number ${command} is not one of ZAPI`
  return undefined
}
