// Finds message boundaries in one direction of a connection. It keeps no bytes, except of a watched frame that has to pass
// before it is complete.
import { BoundarySearch } from './boundary-search.js'
import { HEADER_SIZE, MAX_FRAME, frameCommand, frameLength, headerFault } from './frame.js'

/**
 * How a frame is to be treated: `pass` passes it on, `drop` takes it out of the stream, and `defer` ends the scan before
 * it, so that the next scan offers the same frame again.
 */
export type Verdict = 'pass' | 'drop' | 'defer'

/**
 * Called for each complete frame, at [offset, offset + length) of the scanned bytes. A frame is offered again when its
 * bytes could not be passed on, so the verdict must not depend on how often it is asked for. `hasPassed`: the frame has
 * passed in parts, of which this one is the last, and the verdict changes nothing.
 */
export type FrameVisitor = (
  bytes: Buffer,
  offset: number,
  length: number,
  command: number,
  hasPassed: boolean,
) => Verdict

/** What to do with the first bytes of the stream; `pass` and `discard` may be 0. */
export type ScanResult = {
  /** Bytes from the front to pass on. More than are at hand if the rest of an unfinished frame is to pass unseen. */
  pass: number
  /** Bytes to discard after them: those of one dropped frame. */
  discard: number
  /** Whether nothing can be passed on before more bytes come, because a header or a watched message is unfinished. */
  starved: boolean
}

/** Where a stream stands. */
export type Position =
  /** The next byte begins a frame. */
  | { at: 'boundary' }
  /** So many bytes are left of a watched frame of which a part has passed. */
  | { at: 'inside'; remaining: number }
  | { at: 'unknown' }

const BOUNDARY: Position = { at: 'boundary' }
const UNKNOWN: Position = { at: 'unknown' }

export class FrameScanner {
  private search: BoundarySearch | undefined
  /** Number of times that boundaries were lost; they are searched as long as the connection lasts. */
  losses = 0
  /** Why they were lost the last time. */
  fault: string | undefined
  /** What has passed of a watched frame, or of a header. */
  private parts: { bytes: Buffer; filled: number } | undefined
  /** Number of frames that passed in parts and were therefore not offered to `visit`. */
  inParts = 0
  /** Number of bytes that passed while boundaries were not known. */
  unframed = 0

  /**
   * @param visit called for complete frames
   * @param isWatched whether an unfinished frame of this command must be complete before its first byte is passed on
   * @param joining whether the stream may be inside a frame, so that a boundary must be searched first
   */
  constructor(
    private readonly visit: FrameVisitor,
    private readonly isWatched: (command: number) => boolean,
    joining = false,
  ) {
    if (joining) this.search = new BoundarySearch()
  }

  /** Whether boundaries are known now. */
  get inSync(): boolean {
    return this.search === undefined
  }

  /** Where the stream stands after all that results of `scan` told to pass and to discard. */
  get position(): Position {
    if (!this.inSync) return UNKNOWN
    if (this.parts === undefined) return BOUNDARY
    const { bytes, filled } = this.parts
    return filled < HEADER_SIZE ? UNKNOWN : { at: 'inside', remaining: frameLength(bytes) - filled }
  }

  /**
   * Looks at the first `size` bytes of the stream. The caller must pass on and discard what the result says before it calls
   * again; bytes beyond are offered again together with what follows them.
   */
  scan(bytes: Buffer, size: number): ScanResult {
    if (this.search !== undefined) return this.searchIn(this.search, bytes, size)
    if (this.parts !== undefined) return this.scanPart(bytes, size)
    let offset = 0
    while (size - offset >= HEADER_SIZE) {
      const fault = headerFault(bytes, offset)
      if (fault !== undefined) {
        if (offset > 0) break
        return this.searchIn(this.lose(fault), bytes, size)
      }
      const length = frameLength(bytes, offset)
      const command = frameCommand(bytes, offset)
      if (offset + length > size) {
        // Whole frames before it can go; a lone unfinished frame goes as it is unless it is watched.
        if (offset > 0) break
        if (this.isWatched(command)) return { pass: 0, discard: 0, starved: true }
        this.inParts++
        return passes(length)
      }
      const verdict = this.visit(bytes, offset, length, command, false)
      if (verdict === 'defer') return passes(offset)
      if (verdict === 'drop') return { pass: offset, discard: length, starved: false }
      offset += length
    }
    return { pass: offset, discard: 0, starved: offset === 0 }
  }

  /**
   * What to do instead of waiting longer after a starved scan of the same bytes: they pass, and the frame is offered to
   * `visit` when its last part has come.
   */
  scanPart(bytes: Buffer, size: number): ScanResult {
    this.parts ??= { bytes: Buffer.allocUnsafe(MAX_FRAME), filled: 0 }
    const { parts } = this
    let used = keep(parts, bytes, 0, Math.min(size, HEADER_SIZE - parts.filled))
    if (parts.filled < HEADER_SIZE) return passes(used)
    const fault = headerFault(parts.bytes, 0)
    if (fault !== undefined) return this.searchIn(this.lose(fault), bytes, size)
    const length = frameLength(parts.bytes)
    const command = frameCommand(parts.bytes)
    if (!this.isWatched(command)) {
      this.parts = undefined
      this.inParts++
      return passes(used + length - parts.filled)
    }
    used += keep(parts, bytes, used, Math.min(size - used, length - parts.filled))
    if (parts.filled === length) {
      this.parts = undefined
      this.visit(parts.bytes, 0, length, command, true)
    }
    return passes(used)
  }

  private lose(fault: string): BoundarySearch {
    this.losses++
    this.fault = fault
    this.parts = undefined
    return (this.search = new BoundarySearch())
  }

  private searchIn(search: BoundarySearch, bytes: Buffer, size: number): ScanResult {
    const boundary = search.feed(bytes, size)
    if (boundary !== undefined) this.search = undefined
    const result = passes(boundary ?? size)
    this.unframed += result.pass
    return result
  }
}

const passes = (pass: number): ScanResult => ({ pass, discard: 0, starved: false })

function keep(parts: { bytes: Buffer; filled: number }, bytes: Buffer, offset: number, count: number): number {
  if (count <= 0) return 0
  bytes.copy(parts.bytes, parts.filled, offset, offset + count)
  parts.filled += count
  return count
}
