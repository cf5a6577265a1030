// Finds message boundaries in one direction of a connection. It neither copies nor keeps bytes.
import { HEADER_SIZE, frameCommand, frameLength, headerFault } from './frame.js'

/**
 * How a frame is to be treated: `pass` passes it on, `drop` takes it out of the stream, and `defer` ends the scan before
 * it, so that the next scan offers the same frame again.
 */
export type Verdict = 'pass' | 'drop' | 'defer'

/**
 * Called for each complete frame, at [offset, offset + length) of the scanned bytes. A frame is offered again when its
 * bytes could not be passed on, so the verdict must not depend on how often it is asked for.
 */
export type FrameVisitor = (bytes: Buffer, offset: number, length: number, command: number) => Verdict

/** What to do with the first bytes of the stream; `pass` and `discard` may be 0. */
export type ScanResult = {
  /** Bytes from the front to pass on. */
  pass: number
  /** Bytes to discard after them: those of one dropped frame. */
  discard: number
  /** Whether nothing can be passed on before more bytes come, because a header or a watched message is unfinished. */
  starved: boolean
}

/** So many plausible frames in a row make a boundary believable when the stream is joined inside. */
const FRAMES_TO_BELIEVE = 3

export class FrameScanner {
  /** Bytes of an unwatched frame that were not there yet when its first part was passed on. */
  private remaining = 0
  private lost: 'joining' | { fault: string } | undefined
  /** Number of frames that passed in parts and were therefore not offered to `visit`. */
  inParts = 0
  /** Number of bytes that passed while boundaries were not known. */
  unframed = 0

  /**
   * @param visit called for complete frames
   * @param waitFor whether an unfinished frame of this command must be complete before its first byte is passed on
   * @param joining whether the stream may be inside a frame, so that a boundary must be searched first
   */
  constructor(
    private readonly visit: FrameVisitor,
    private readonly waitFor: (command: number) => boolean,
    joining = false,
  ) {
    if (joining) this.lost = 'joining'
  }

  /** Why boundaries are not known; undefined when they are. */
  get lostReason(): string | undefined {
    return this.lost === 'joining' ? 'searching for a frame boundary' : this.lost?.fault
  }

  /** Why boundaries were lost for the rest of the connection; searching for the first one is not a fault. */
  get fault(): string | undefined {
    return this.lost === undefined || this.lost === 'joining' ? undefined : this.lost.fault
  }

  get joining(): boolean {
    return this.lost === 'joining'
  }

  /** Ends the search: senders write whole messages, so the first byte after a silence begins a frame. */
  assumeBoundary(): void {
    if (this.lost === 'joining') this.lost = undefined
  }

  /** Whether the next byte begins a frame: the only place where something may be inserted. */
  get atBoundary(): boolean {
    return this.lost === undefined && this.remaining === 0
  }

  /**
   * Looks at the first `size` bytes of the stream. The caller passes on and discards what the result says, then calls
   * `consumed`; bytes beyond are offered again together with what follows them.
   */
  scan(bytes: Buffer, size: number): ScanResult {
    if (this.lost === 'joining') return this.search(bytes, size)
    if (this.lost !== undefined) return { pass: size, discard: 0, starved: false }
    if (this.remaining > 0) return { pass: Math.min(this.remaining, size), discard: 0, starved: false }
    let offset = 0
    while (size - offset >= HEADER_SIZE) {
      const fault = headerFault(bytes, offset)
      if (fault !== undefined) {
        if (offset === 0) this.loseTrack(fault)
        return { pass: offset === 0 ? size : offset, discard: 0, starved: false }
      }
      const length = frameLength(bytes, offset)
      const command = frameCommand(bytes, offset)
      if (offset + length > size) {
        // Whole frames before it can go; a lone unfinished frame goes as it is unless it is watched.
        if (offset > 0) break
        return { pass: this.waitFor(command) ? 0 : size, discard: 0, starved: this.waitFor(command) }
      }
      const verdict = this.visit(bytes, offset, length, command)
      if (verdict === 'defer') return { pass: offset, discard: 0, starved: false }
      if (verdict === 'drop') return { pass: offset, discard: length, starved: false }
      offset += length
    }
    return { pass: offset, discard: 0, starved: offset === 0 }
  }

  /** Must be called when the first `count` bytes of the last scan have been passed on or discarded. */
  consumed(bytes: Buffer, count: number): void {
    if (this.lost !== undefined) {
      this.unframed += count
      return
    }
    if (count <= this.remaining) {
      this.remaining -= count
      return
    }
    let offset = this.remaining
    while (offset < count && count - offset >= HEADER_SIZE) offset += frameLength(bytes, offset)
    // Part of a header is gone, and with it the frame's length.
    if (offset < count) this.loseTrack('an unfinished header had to be passed on')
    this.remaining = Math.max(0, offset - count)
    if (this.remaining > 0) this.inParts++
  }

  /** Gives up on boundaries for the rest of the connection: its bytes pass untouched. */
  loseTrack(fault: string): void {
    this.lost = { fault }
    this.remaining = 0
  }

  private search(bytes: Buffer, size: number): ScanResult {
    for (let offset = 0; offset + HEADER_SIZE <= size; offset++) {
      if (!believable(bytes, offset, size)) continue
      if (offset > 0) return { pass: offset, discard: 0, starved: false }
      this.lost = undefined
      return this.scan(bytes, size)
    }
    return { pass: size, discard: 0, starved: false }
  }
}

/** Whether plausible frames follow each other from `start`, enough of them or exactly to the end of the bytes at hand. */
function believable(bytes: Buffer, start: number, size: number): boolean {
  let offset = start
  for (let frames = 0; offset + HEADER_SIZE <= size; frames++) {
    if (frames === FRAMES_TO_BELIEVE) return true
    if (headerFault(bytes, offset) !== undefined) return false
    offset += frameLength(bytes, offset)
    if (offset === size) return true
  }
  return false
}
