// Frames in memory that the kernel reads itself: sendmmsg(2) sends hundreds with one system call.
import { closeSync } from 'node:fs'
import koffi from 'koffi'
import { openPacketSocket } from './packet-socket.js'
import type { Space } from './space.js'

const sendmmsg = koffi.load('libc.so.6').func('int sendmmsg(int, uint64_t, uint32_t, int)') as (
  fd: number,
  messages: bigint,
  count: number,
  flags: number,
) => number

/** struct mmsghdr (a msghdr and the number of bytes sent) and struct iovec of 64-bit Linux. */
const MMSGHDR = { size: 64, iov: 16, iovLength: 24 } as const
const IOVEC = { size: 16, base: 0, length: 8 } as const
/** What the kernel takes at once (UIO_MAXIOV). */
const MAX_CALL = 1024

/** A ring of frames, sent in order, again and again. */
export class FrameBatch implements Disposable {
  private next = 0
  private closed = false

  private constructor(
    private readonly fd: number,
    /** Headers, then vectors, then frames; referred to by address, so it has to be kept. */
    private readonly memory: unknown,
    private readonly headers: bigint,
    private readonly count: number,
  ) {}

  static open(space: Space, frames: readonly Uint8Array[], device = 'eth0'): FrameBatch {
    if (frames.length === 0) throw new Error('a batch needs a frame')
    const vectors = frames.length * MMSGHDR.size
    const payload = vectors + frames.length * IOVEC.size
    const size = frames.reduce((sum, frame) => sum + frame.length, payload)
    const memory: unknown = koffi.alloc('uint8_t', size)
    const address = koffi.address(memory)
    const bytes = Buffer.from(koffi.view(memory, size))
    bytes.fill(0)
    let offset = payload
    for (const [index, frame] of frames.entries()) {
      const header = index * MMSGHDR.size
      const vector = vectors + index * IOVEC.size
      bytes.writeBigUInt64LE(address + BigInt(vector), header + MMSGHDR.iov)
      bytes.writeBigUInt64LE(1n, header + MMSGHDR.iovLength)
      bytes.writeBigUInt64LE(address + BigInt(offset), vector + IOVEC.base)
      bytes.writeBigUInt64LE(BigInt(frame.length), vector + IOVEC.length)
      bytes.set(frame, offset)
      offset += frame.length
    }
    const fd = openPacketSocket(space.namespaces, device, { receive: false })
    return new FrameBatch(fd, memory, address, frames.length)
  }

  /** Sends that many frames from where it last stopped; all of them, or it fails. */
  send(count: number): void {
    for (let left = count; left > 0; ) {
      const wanted = Math.min(left, this.count - this.next, MAX_CALL)
      const sent = sendmmsg(this.fd, this.headers + BigInt(this.next * MMSGHDR.size), wanted, 0)
      if (sent < 1) throw new Error(`sendmmsg of ${wanted} frames failed with errno ${koffi.errno()}`)
      this.next = (this.next + sent) % this.count
      left -= sent
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    closeSync(this.fd)
    koffi.free(this.memory)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
