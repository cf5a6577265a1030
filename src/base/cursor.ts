// Checked reading and writing of binary messages. Every frame is read, so reading is done in place with plain offsets.
import { SmartBuffer } from 'smart-buffer'
import { formatIp, formatIpv4, formatMac } from './address.js'

/** A payload does not have the layout its command should have. `offset` counts from the start of the payload. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  constructor(
    readonly field: string,
    readonly offset: number,
    readonly problem: string,
  ) {
    super(`${field} at offset ${offset}: ${problem}`)
  }
}

/** Reads one payload from front to back; integers are big endian. `field` names what is read in errors. */
export class Reader {
  /**
   * @param payload is read in place; byte strings handed out are copies
   * @param position where reading begins; offsets count from the start of `payload` all the same
   * @param limit where it ends
   */
  constructor(
    protected readonly payload: Buffer,
    private position = 0,
    private readonly limit = payload.length,
  ) {}

  get offset(): number {
    return this.position
  }

  get remaining(): number {
    return this.limit - this.position
  }

  u8(field: string): number {
    return this.payload.readUInt8(this.take(field, 1))
  }

  u16(field: string): number {
    return this.payload.readUInt16BE(this.take(field, 2))
  }

  u24(field: string): number {
    return this.payload.readUIntBE(this.take(field, 3), 3)
  }

  u32(field: string): number {
    return this.payload.readUInt32BE(this.take(field, 4))
  }

  u64(field: string): bigint {
    return this.payload.readBigUInt64BE(this.take(field, 8))
  }

  bytes(field: string, length: number): Buffer {
    return Buffer.from(this.view(field, length))
  }

  /** What `read` reads from here, or throws; the next read gets the same bytes again. */
  peek<T>(read: (reader: this) => T): T {
    const { position } = this
    try {
      return read(this)
    } finally {
      this.position = position
    }
  }

  /** A reader of the next `length` bytes alone, which this one steps over. */
  part(field: string, length: number): Reader {
    const offset = this.take(field, length)
    return new Reader(this.payload, offset, offset + length)
  }

  /** Like `bytes`, but shares the payload's memory. */
  private view(field: string, length: number): Buffer {
    const offset = this.take(field, length)
    return this.payload.subarray(offset, offset + length)
  }

  /** An Ethernet address as text. */
  mac(field: string): string {
    return formatMac(this.payload, this.take(field, 6))
  }

  /**
   * An IPv4 or IPv6 address as text.
   * @param size bytes of the address
   * @param given how many of them are there; the others are 0
   */
  ip(field: string, size: 4 | 16, given: number = size): string {
    if (size === 4 && given === 4) return formatIpv4(this.payload, this.take(field, 4))
    if (size === 4) {
      const octet = (index: number): number => (index < given ? this.u8(field) : 0)
      return `${octet(0)}.${octet(1)}.${octet(2)}.${octet(3)}`
    }
    const address = new Uint8Array(size)
    address.set(this.view(field, given))
    return formatIp(address)
  }

  /** The error for a value that was read whole (`size` bytes) but is not allowed; it points at the value's start. */
  fault(field: string, size: number, problem: string): DecodeError {
    return new DecodeError(field, this.position - size, problem)
  }

  /** Every message must be read to its last byte. */
  end(): void {
    if (this.remaining > 0) throw new DecodeError('end', this.position, `${this.remaining} bytes are left over`)
  }

  /** Steps over `length` bytes that must be there; returns the offset of the first. */
  protected take(field: string, length: number): number {
    const offset = this.position
    if (this.limit - offset < length) {
      throw new DecodeError(field, offset, `needs ${length} bytes, ${this.remaining} are left`)
    }
    this.position = offset + length
    return offset
  }
}

/** Writes one payload; integers are big endian. */
export class Writer {
  protected readonly buffer = SmartBuffer.fromSize(64)

  u8(value: number): void {
    this.buffer.writeUInt8(value)
  }

  u16(value: number): void {
    this.buffer.writeUInt16BE(value)
  }

  u24(value: number): void {
    this.u8(value >>> 16)
    this.u16(value & 0xffff)
  }

  u32(value: number): void {
    this.buffer.writeUInt32BE(value)
  }

  u64(value: bigint): void {
    this.buffer.writeBigUInt64BE(value)
  }

  bytes(value: Buffer): void {
    this.buffer.writeBuffer(value)
  }

  finish(): Buffer {
    return this.buffer.toBuffer()
  }
}
