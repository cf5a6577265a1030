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
  /** Positions below it were tried as the beginning of a chain. */
  private nextStart = 0
  /** A true boundary lies within the length of one frame, so no chain begins at this position or later. */
  private startLimit = MAX_FRAME
  /** The last bytes, and a header that began among them. */
  private readonly tail = Buffer.alloc(HEADER_SIZE)
  private readonly split = Buffer.alloc(HEADER_SIZE)

  /**
   * Takes the next `size` bytes of the stream. Returns how far behind the first of them a frame begins, which may be beyond
   * the last of them; undefined while that is not certain.
   */
  feed(bytes: Buffer, size: number): number | undefined {
    const first = this.end
    this.end += size
    do {
      if (this.chains.size === 0) this.startLimit = this.nextStart + MAX_FRAME
      this.startChains(bytes, first)
      this.followChains(bytes, first)
    } while (this.chains.size === 0 && this.nextStart + HEADER_SIZE <= this.end)
    this.keepTail(bytes, size)
    const [chain] = this.chains
    if (chain === undefined || this.chains.size > 1) return undefined
    const [position, frames] = chain
    return frames >= FRAMES_TO_BELIEVE && position >= first ? position - first : undefined
  }

  private startChains(bytes: Buffer, first: number): void {
    for (; this.nextStart < this.startLimit && this.nextStart + HEADER_SIZE <= this.end; this.nextStart++) {
      const position = this.nextStart
      if (!this.chains.has(position) && this.lengthAt(bytes, first, position) !== undefined)
        this.chains.set(position, 0)
    }
  }

  private followChains(bytes: Buffer, first: number): void {
    for (const [start, before] of [...this.chains]) {
      this.chains.delete(start)
      let position = start
      let frames = before
      let length: number | undefined = 0
      while (position + HEADER_SIZE <= this.end) {
        length = this.lengthAt(bytes, first, position)
        if (length === undefined) break
        position += length
        frames++
      }
      // chains that meet are one
      if (length !== undefined) this.chains.set(position, Math.max(frames, this.chains.get(position) ?? 0))
    }
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
