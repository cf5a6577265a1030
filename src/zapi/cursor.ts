// Checked reading and writing of message payloads. smart-buffer throws on short integers but silently shortens byte
// strings, so lengths are checked here, and errors say where.
import { SmartBuffer } from 'smart-buffer'

/** A payload does not have the layout its command should have. `offset` counts from the start of the payload. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  constructor(
    readonly field: string,
    readonly offset: number,
    problem: string,
  ) {
    super(`${field} at offset ${offset}: ${problem}`)
  }
}

/** Reads one payload from front to back; integers are big endian. `field` names what is read in errors. */
export class Reader {
  private readonly buffer: SmartBuffer

  /** @param payload is read in place; byte strings handed out are copies */
  constructor(payload: Buffer) {
    this.buffer = SmartBuffer.fromBuffer(payload)
  }

  get offset(): number {
    return this.buffer.readOffset
  }

  get remaining(): number {
    return this.buffer.remaining()
  }

  u8(field: string): number {
    this.need(field, 1)
    return this.buffer.readUInt8()
  }

  u16(field: string): number {
    this.need(field, 2)
    return this.buffer.readUInt16BE()
  }

  u32(field: string): number {
    this.need(field, 4)
    return this.buffer.readUInt32BE()
  }

  bytes(field: string, length: number): Buffer {
    this.need(field, length)
    return Buffer.from(this.buffer.readBuffer(length))
  }

  /** The error for a value that was read whole (`size` bytes) but is not allowed; it points at the value's start. */
  fault(field: string, size: number, problem: string): DecodeError {
    return new DecodeError(field, this.offset - size, problem)
  }

  /** Every message must be read to its last byte. */
  end(): void {
    if (this.remaining > 0) throw new DecodeError('end', this.offset, `${this.remaining} bytes are left over`)
  }

  private need(field: string, length: number): void {
    if (this.remaining < length) {
      throw new DecodeError(field, this.offset, `needs ${length} bytes, ${this.remaining} are left`)
    }
  }
}

/** Writes one payload; integers are big endian. */
export class Writer {
  private readonly buffer = SmartBuffer.fromSize(64)

  u8(value: number): void {
    this.buffer.writeUInt8(value)
  }

  u16(value: number): void {
    this.buffer.writeUInt16BE(value)
  }

  u32(value: number): void {
    this.buffer.writeUInt32BE(value)
  }

  bytes(value: Buffer): void {
    this.buffer.writeBuffer(value)
  }

  finish(): Buffer {
    return this.buffer.toBuffer()
  }
}
