// Finds where a frame begins in a stream that was joined at an unknown position, or in which boundaries were lost. The bytes
// pass meanwhile: only a header's worth of them is kept.
import { HEADER_SIZE, MAX_FRAME, frameLength, isHeader } from './frame.js'

/**
 * A chain of so many headers, each where the one before says that the next frame begins, is believed when no other chain
 * is left. Random bytes are a header with a probability of 2^-26 (marker, version, length, high byte of the command), and a
 * chain may begin at MAX_FRAME = 2^14 positions: a false one has less than 2^14 · 2^-208. Bytes that were made to look like
 * headers are not random, but then the true chain is there as well, unless the frame that holds them is not over yet.
 */
export const FRAMES_TO_BELIEVE = 8

export class BoundarySearch {
  /** Position of each chain's next header, and how many headers it has had. */
  private readonly chains = new Map<number, number>()
  /** Position of the first byte that `feed` has not seen. */
  private end = 0
  /** The next position to look at: below it there is no chain's next header. */
  private next = 0
  /** A true boundary lies within the length of one frame, so no chain begins at this position or later. */
  private startLimit = MAX_FRAME
  /** The last bytes, and a header that began among them. */
  private readonly tail = Buffer.alloc(HEADER_SIZE)
  private readonly split = Buffer.alloc(HEADER_SIZE)

  /**
   * Takes the next `size` bytes of the stream, and looks once at each of them. Returns how far behind the first of them a
   * frame begins, which may be beyond the last of them; undefined while that is not certain.
   */
  feed(bytes: Buffer, size: number): number | undefined {
    const first = this.end
    this.end += size
    for (; this.next + HEADER_SIZE <= this.end; this.next++) this.lookAt(this.next, bytes, first)
    this.keepTail(bytes, size)
    const [chain] = this.chains
    if (chain === undefined || this.chains.size > 1) return undefined
    const [position, frames] = chain
    return frames >= FRAMES_TO_BELIEVE && position >= first ? position - first : undefined
  }

  private lookAt(position: number, bytes: Buffer, first: number): void {
    // the last chain has ended: what was passed was no frame, and the search begins again
    if (this.chains.size === 0) this.startLimit = position + MAX_FRAME
    const frames = this.chains.get(position)
    if (frames === undefined && position >= this.startLimit) return
    this.chains.delete(position)
    const length = this.lengthAt(bytes, first, position)
    if (length === undefined) return
    // chains that meet are one
    const next = position + length
    this.chains.set(next, Math.max((frames ?? 0) + 1, this.chains.get(next) ?? 0))
  }

  /** The length of the frame whose header is at `position`; undefined if there is none. */
  private lengthAt(bytes: Buffer, first: number, position: number): number | undefined {
    const offset = position - first
    if (offset >= 0) return isHeader(bytes, offset) ? frameLength(bytes, offset) : undefined
    this.tail.copy(this.split, 0, HEADER_SIZE + offset)
    bytes.copy(this.split, -offset, 0, HEADER_SIZE + offset)
    return isHeader(this.split, 0) ? frameLength(this.split) : undefined
  }

  private keepTail(bytes: Buffer, size: number): void {
    const kept = Math.max(0, HEADER_SIZE - size)
    this.tail.copyWithin(0, HEADER_SIZE - kept)
    bytes.copy(this.tail, kept, size - (HEADER_SIZE - kept), size)
  }
}
