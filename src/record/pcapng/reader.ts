// Finds the packets of a pcapng file that comes in pieces, in either byte order; skips blocks of other kinds.
import { BLOCK_OVERHEAD, BlockType, BYTE_ORDER_MAGIC, OptionCode, PACKET_HEADER, padded } from './blocks.js'

/** Much more than a packet with its comment needs. */
const MAX_BLOCK = 16 << 20
const DEFAULT_RESOLUTION = 6

/** The bytes are not a pcapng file. */
export class PcapngError extends Error {
  override readonly name = 'PcapngError'
}

export type CapturedPacket = {
  linkType: number
  /** Milliseconds since the epoch. */
  time: number
  /** A view of the bytes that were passed in. */
  data: Buffer
}

type Interface = { linkType: number; ticksPerSecond: bigint }

export class PcapngReader {
  private rest: Buffer = Buffer.alloc(0)
  /** Position of `rest` in the file, for error messages. */
  private position = 0
  private littleEndian = true
  private begun = false
  private interfaces: Interface[] = []

  /** Number of bytes of a block that is cut off by the end of the file. */
  get unfinished(): number {
    return this.rest.length
  }

  /** Yields the packets completed by `chunk`. Throws PcapngError, after which no more can be read. */
  *feed(chunk: Buffer): Generator<CapturedPacket> {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    while (this.rest.length >= BLOCK_OVERHEAD) {
      this.checkBegin()
      const length = this.u32(this.rest, 4)
      if (length < BLOCK_OVERHEAD || length % 4 !== 0) throw this.fault(`a block of ${length} bytes`)
      if (length > MAX_BLOCK) throw this.fault(`a block of ${length} bytes; at most ${MAX_BLOCK} are expected`)
      if (this.rest.length < length) return
      if (this.u32(this.rest, length - 4) !== length) throw this.fault('the lengths around a block differ')
      const packet = this.block(this.u32(this.rest, 0), this.rest.subarray(8, length - 4))
      this.rest = this.rest.subarray(length)
      this.position += length
      if (packet !== undefined) yield packet
    }
  }

  private checkBegin(): void {
    if (this.rest.readUInt32LE(0) !== BlockType.section) {
      if (!this.begun) throw this.fault('this is not a pcapng file')
      return
    }
    this.begun = true
    this.littleEndian = this.rest.readUInt32LE(8) === BYTE_ORDER_MAGIC
    if (!this.littleEndian && this.rest.readUInt32BE(8) !== BYTE_ORDER_MAGIC) throw this.fault('no byte order magic')
  }

  private block(type: number, body: Buffer): CapturedPacket | undefined {
    switch (type) {
      case BlockType.section:
        this.interfaces = []
        return undefined
      case BlockType.interface:
        this.interfaces.push(this.interface(body))
        return undefined
      case BlockType.enhancedPacket:
        return this.packet(body)
      default:
        return undefined
    }
  }

  private interface(body: Buffer): Interface {
    if (body.length < 8) throw this.fault('an interface block that is too short')
    const resolution = this.option(body, 8, OptionCode.resolution)?.[0] ?? DEFAULT_RESOLUTION
    const ticksPerSecond = resolution < 128 ? 10n ** BigInt(resolution) : 2n ** BigInt(resolution - 128)
    return { linkType: this.u16(body, 0), ticksPerSecond }
  }

  private packet(body: Buffer): CapturedPacket {
    if (body.length < PACKET_HEADER) throw this.fault('a packet block that is too short')
    const { linkType, ticksPerSecond } = this.interfaces[this.u32(body, 0)] ?? {}
    if (linkType === undefined || ticksPerSecond === undefined) throw this.fault('a packet of an unknown interface')
    const length = this.u32(body, 12)
    if (length > body.length - PACKET_HEADER) throw this.fault(`a packet of ${length} bytes in a smaller block`)
    const ticks = (BigInt(this.u32(body, 4)) << 32n) | BigInt(this.u32(body, 8))
    const fraction = (Number(ticks % ticksPerSecond) * 1000) / Number(ticksPerSecond)
    const time = Number(ticks / ticksPerSecond) * 1000 + fraction
    return { linkType, time, data: body.subarray(PACKET_HEADER, PACKET_HEADER + length) }
  }

  private option(body: Buffer, start: number, wanted: number): Buffer | undefined {
    for (let offset = start; offset + 4 <= body.length; ) {
      const code = this.u16(body, offset)
      const end = offset + 4 + this.u16(body, offset + 2)
      if (code === OptionCode.end || end > body.length) return undefined
      if (code === wanted) return body.subarray(offset + 4, end)
      offset = offset + 4 + padded(end - offset - 4)
    }
    return undefined
  }

  private u16(bytes: Buffer, offset: number): number {
    return this.littleEndian ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset)
  }

  private u32(bytes: Buffer, offset: number): number {
    return this.littleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset)
  }

  private fault(what: string): PcapngError {
    return new PcapngError(`at byte ${this.position}: ${what}`)
  }
}
