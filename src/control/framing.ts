// Length-delimited messages of the control sockets: a u32 big endian length, then that many bytes.

const LENGTH_BYTES = 4
/** No peer needs longer messages, because tables are sent in parts. */
export const MAX_MESSAGE = 1 << 20

export class FramingError extends Error {
  override readonly name = 'FramingError'
}

/** Puts its length before an encoded message. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + message.length)
  framed.writeUInt32BE(message.length)
  framed.set(message, LENGTH_BYTES)
  return framed
}

/** Splits a byte stream into messages; keeps at most one unfinished message. */
export class Deframer {
  /** The unfinished message: `used` bytes of `rest`, which grows by doubling, so that tiny chunks cost linear time. */
  private rest: Buffer = Buffer.alloc(0)
  private used = 0

  /**
   * Calls `onMessage` for every message completed by `chunk`; the message is valid only during the call. Throws
   * FramingError when a length exceeds MAX_MESSAGE; the stream cannot be used any more after that.
   */
  feed(chunk: Buffer, onMessage: (message: Buffer) => void): void {
    const bytes = this.used === 0 ? chunk : this.append(chunk)
    let offset = 0
    while (bytes.length - offset >= LENGTH_BYTES) {
      const length = bytes.readUInt32BE(offset)
      if (length > MAX_MESSAGE)
        throw new FramingError(`message of ${length} bytes; at most ${MAX_MESSAGE} are accepted`)
      const end = offset + LENGTH_BYTES + length
      if (end > bytes.length) break
      onMessage(bytes.subarray(offset + LENGTH_BYTES, end))
      offset = end
    }
    this.keep(bytes, offset)
  }

  private append(chunk: Buffer): Buffer {
    const total = this.used + chunk.length
    if (total > this.rest.length) {
      const grown = Buffer.allocUnsafe(Math.max(total, 2 * this.rest.length))
      this.rest.copy(grown, 0, 0, this.used)
      this.rest = grown
    }
    chunk.copy(this.rest, this.used)
    this.used = total
    return this.rest.subarray(0, total)
  }

  private keep(bytes: Buffer, offset: number): void {
    const left = bytes.length - offset
    const alreadyKept = this.used !== 0 && offset === 0
    if (!alreadyKept) this.rest = Buffer.from(bytes.subarray(offset))
    this.used = left
  }
}
