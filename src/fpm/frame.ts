// Frames of an FPM connection (FRR fpm/fpm.h):
//   0  version   u8       1
//   1  msg_type  u8       1 netlink, 2 protobuf
//   2  msg_len   u16 BE   header included
//   4  payload            netlink: one or more messages back to back; protobuf: one fpm.Message

export const FPM_VERSION = 1
export const FpmFormat = { netlink: 1, protobuf: 2 } as const
export type FpmFormat = (typeof FpmFormat)[keyof typeof FpmFormat]

export const FPM_HEADER = 4
export const MAX_FRAME = 0xffff

/** The bytes are not an FPM stream, so the rest cannot be decoded. `offset` counts from the start of the stream. */
export class FpmFrameError extends Error {
  override readonly name = 'FpmFrameError'
  constructor(
    readonly offset: number,
    what: string,
  ) {
    super(`at byte ${offset} of the stream: ${what}`)
  }
}

/** Receives whole frames back to back, with their headers, and their number. */
export type FrameVisitor = (frames: Buffer, count: number) => void

export const frameFormat = (frame: Buffer): FpmFormat =>
  frame[1] === FpmFormat.protobuf ? FpmFormat.protobuf : FpmFormat.netlink

/** Iterates over the frames found by a FrameScanner, as views. */
export function* eachFrame(frames: Buffer): Generator<Buffer, void, undefined> {
  for (let offset = 0; offset < frames.length; ) {
    const end = offset + frames.readUInt16BE(offset + 2)
    yield frames.subarray(offset, end)
    offset = end
  }
}

/** Finds the frames of a stream; keeps at most MAX_FRAME bytes, those of an unfinished frame. */
export class FrameScanner {
  private readonly rest = new Unfinished()
  /** Position of the next frame in the stream. */
  private position = 0

  /** The first bytes of a frame that is not complete yet. */
  get unfinished(): Buffer {
    return Buffer.from(this.rest.bytes)
  }

  /** Number of those bytes. */
  get waiting(): number {
    return this.rest.length
  }

  /**
   * Calls `visit` with the frames that `chunk` completes, which may be kept. Throws FpmFrameError as soon as a header
   * is invalid; the stream cannot be used any more after that.
   */
  feed(chunk: Buffer, visit: FrameVisitor): void {
    let offset = this.rest.length === 0 ? 0 : this.finish(chunk, visit)
    const start = offset
    let count = 0
    try {
      for (;;) {
        const length = this.frameLength(chunk, offset)
        if (length === undefined || offset + length > chunk.length) break
        this.position += length
        offset += length
        count++
      }
    } finally {
      if (count > 0) visit(chunk.subarray(start, offset), count)
    }
    this.rest.add(chunk, offset, chunk.length)
  }

  /** Completes the unfinished frame if `chunk` has enough bytes; returns how many of them were used. */
  private finish(chunk: Buffer, visit: FrameVisitor): number {
    let used = this.rest.add(chunk, 0, FPM_HEADER - this.rest.length)
    const length = this.frameLength(this.rest.bytes, 0)
    if (length === undefined) return used
    used += this.rest.add(chunk, used, used + length - this.rest.length)
    if (this.rest.length < length) return used
    this.position += length
    visit(this.rest.take(), 1)
    return used
  }

  /** Returns the length of a frame, or undefined if too little of its header is there; checks what is there. */
  private frameLength(bytes: Buffer, offset: number): number | undefined {
    const [version, format] = [bytes[offset], bytes[offset + 1]]
    if (version === undefined) return undefined
    if (version !== FPM_VERSION) throw this.error(0, `version ${version}, expected ${FPM_VERSION}`)
    if (format === undefined) return undefined
    if (format !== FpmFormat.netlink && format !== FpmFormat.protobuf)
      throw this.error(1, `message type ${format}, expected ${FpmFormat.netlink} (netlink) or ${FpmFormat.protobuf}`)
    if (bytes.length - offset < FPM_HEADER) return undefined
    const length = bytes.readUInt16BE(offset + 2)
    if (length < FPM_HEADER) throw this.error(2, `length ${length}, expected ${FPM_HEADER} to ${MAX_FRAME}`)
    return length
  }

  private error(offset: number, what: string): FpmFrameError {
    return new FpmFrameError(this.position + offset, what)
  }
}

/** The first bytes of a frame; the buffer grows by doubling, so that tiny chunks cost linear time. */
class Unfinished {
  private memory: Buffer = Buffer.alloc(0)
  length = 0

  get bytes(): Buffer {
    return this.memory.subarray(0, this.length)
  }

  /** Appends the bytes of `chunk` from `start` to `end`; returns their number. */
  add(chunk: Buffer, start: number, end: number): number {
    const count = Math.max(0, Math.min(end, chunk.length) - start)
    if (count === 0) return 0
    const total = this.length + count
    if (total > this.memory.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(total, Math.min(2 * this.memory.length, MAX_FRAME)))
      this.memory.copy(grown, 0, 0, this.length)
      this.memory = grown
    }
    chunk.copy(this.memory, this.length, start, start + count)
    this.length = total
    return count
  }

  /** Returns the bytes and gives up the buffer. */
  take(): Buffer {
    const { bytes } = this
    this.memory = Buffer.alloc(0)
    this.length = 0
    return bytes
  }
}
