// The pcapng blocks (draft-ietf-opsawg-pcapng) that are needed to write a capture.
//
//   | type u32 | total length u32 | body, padded to 4 bytes | total length u32 |        little endian as written here

export const BlockType = { section: 0x0a0d0d0a, interface: 1, enhancedPacket: 6 } as const
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d
/** Size of the type and of both lengths. */
export const BLOCK_OVERHEAD = 12
/** Size of the fields before the packet in the body of an enhanced packet block. */
export const PACKET_HEADER = 20

export const OptionCode = {
  end: 0,
  comment: 1,
  flags: 2,
  name: 2,
  description: 3,
  application: 4,
  resolution: 9,
} as const
const OPTION_MAX = 0xffff
/** Value of if_tsresol for 10^-9 s. */
const NANOSECONDS = 9

export const padded = (length: number): number => (length + 3) & ~3

type Option = { code: number; value: Buffer }

export const sectionBlock = (application: string): Buffer => {
  const fixed = Buffer.alloc(16, 0xff) // a section of unknown length
  fixed.writeUInt32LE(BYTE_ORDER_MAGIC, 0)
  fixed.writeUInt16LE(1, 4) // version 1.0
  fixed.writeUInt16LE(0, 6)
  return block(BlockType.section, fixed, [text(OptionCode.application, application)])
}

/** Builds the block of an interface with timestamps in nanoseconds and packets of any length. */
export function interfaceBlock(linkType: number, name: string, description: string): Buffer {
  const fixed = Buffer.alloc(8)
  fixed.writeUInt16LE(linkType, 0)
  const resolution = { code: OptionCode.resolution, value: Buffer.from([NANOSECONDS]) }
  const options = [text(OptionCode.name, name), text(OptionCode.description, description), resolution]
  return block(BlockType.interface, fixed, options)
}

export type Packet = {
  /** Index of the packet's interface block in the section. */
  interfaceId: number
  /** Milliseconds since the epoch. */
  time: number
  data: Buffer
  direction: 'inbound' | 'outbound' | undefined
  comment: string
}

const DIRECTION_FLAGS = { inbound: 1, outbound: 2 } as const

export function packetBlock({ interfaceId, time, data, direction, comment }: Packet): Buffer {
  const body = Buffer.alloc(PACKET_HEADER + padded(data.length))
  const nanoseconds = toNanoseconds(time)
  body.writeUInt32LE(interfaceId, 0)
  body.writeUInt32LE(Number(nanoseconds >> 32n), 4)
  body.writeUInt32LE(Number(nanoseconds & 0xffffffffn), 8)
  body.writeUInt32LE(data.length, 12)
  body.writeUInt32LE(data.length, 16)
  data.copy(body, PACKET_HEADER)
  const options = [text(OptionCode.comment, comment)]
  if (direction !== undefined) {
    const flags = Buffer.alloc(4)
    flags.writeUInt32LE(DIRECTION_FLAGS[direction])
    options.push({ code: OptionCode.flags, value: flags })
  }
  return block(BlockType.enhancedPacket, body, options)
}

/** Converts whole and fractional milliseconds separately: together they need more digits than a number has. */
function toNanoseconds(time: number): bigint {
  const whole = Math.floor(time)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((time - whole) * 1e6))
}

/** Builds a text option, cut to the maximum length of an option. */
function text(code: number, value: string): Option {
  const bytes = Buffer.from(value)
  // leaves out a character that would be cut in two
  return { code, value: bytes.length <= OPTION_MAX ? bytes : Buffer.from(bytes.toString('utf8', 0, OPTION_MAX - 3)) }
}

function block(type: number, fixed: Buffer, options: readonly Option[]): Buffer {
  const length = options.reduce((sum, { value }) => sum + 4 + padded(value.length), BLOCK_OVERHEAD + fixed.length + 4)
  const bytes = Buffer.alloc(length)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(length, 4)
  let offset = 8 + fixed.copy(bytes, 8)
  for (const { code, value } of options) {
    bytes.writeUInt16LE(code, offset)
    bytes.writeUInt16LE(value.length, offset + 2)
    value.copy(bytes, offset + 4)
    offset += 4 + padded(value.length)
  }
  bytes.writeUInt32LE(length, offset + 4) // four zero bytes before it are the end of the options
  return bytes
}
