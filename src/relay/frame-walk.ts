// How many bytes may leave a socket so that it stays known where the next frame begins, for a process that understands
// nothing of the frames but their lengths.
import { monotonicMs } from '../base/clock.js'
import { peek } from '../os/splice.js'
import { HEADER_SIZE, frameLength, isHeader } from '../zapi/frame.js'
import { BoundaryMark, readBoundary } from './boundary-mark.js'

/** Peeked bytes. They are used only within one call, so all walks share the buffer. */
const lookBuffer = Buffer.allocUnsafeSlow(64 * 1024)
/** The rest of a header follows at once, unless its writer has been stopped in the middle of it. */
const HEADER_MS = 250

export class FrameWalk {
  private readonly mark: BoundaryMark
  private isLost = false
  /** Monotonic time of the first look at an unfinished header, in milliseconds. */
  private unfinishedSince: number | undefined

  /** Goes on from what is noted in the socket. Throws SystemError, as `next` does. */
  constructor(private readonly socket: number) {
    this.mark = new BoundaryMark(socket)
    const boundary = readBoundary(socket)
    // whether they were understood does not matter: nothing is understood from here on
    if (boundary.known) this.mark.ahead(boundary.bytesAhead, false)
    else this.lose()
  }

  /**
   * How many bytes may leave before this is asked again: more than there are if the last frame is unfinished or if
   * boundaries are not known; undefined if there are none now.
   */
  next(): number | undefined {
    if (this.isLost) return Infinity
    const boundary = readBoundary(this.socket)
    if (boundary.known && boundary.bytesAhead > 0) return boundary.bytesAhead
    this.mark.atFront()
    const size = peek(this.socket, lookBuffer)
    if (size === undefined) return undefined
    // the stream has ended, and nothing can come any more
    if (size === 0) return 1
    let end = 0
    while (size - end >= HEADER_SIZE && isHeader(lookBuffer, end)) end += frameLength(lookBuffer, end)
    if (end > 0) {
      this.unfinishedSince = undefined
      this.mark.ahead(end, false)
      return end
    }
    this.unfinishedSince ??= monotonicMs()
    if (size < HEADER_SIZE && monotonicMs() - this.unfinishedSince < HEADER_MS) return undefined
    this.lose()
    return Infinity
  }

  /** Copies what is at the front into `buffer`, as `peek` does, and leaves what is noted as it is. */
  peekFront(buffer: Buffer): number | undefined {
    return this.mark.withoutNote(() => peek(this.socket, buffer))
  }

  private lose(): void {
    this.isLost = true
    this.mark.unknown()
  }
}
