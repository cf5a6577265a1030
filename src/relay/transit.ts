// The pipe of one direction: bytes are moved source → pipe → sink inside the kernel, and frames of ours are put between
// them. The keeper holds the pipe, too, so that a successor finds every byte where this process left it.
import type { Pipe } from '../os/pipe.js'
import { PIPE_BUF, growPipe, pipeHolds, splice, write } from '../os/splice.js'

const TRANSIT_BYTES = 1 << 20
const NOTHING = Buffer.alloc(0)

export class Transit {
  /** Bytes that have reached the sink, ours included. */
  bytes = 0
  /** Bytes in the pipe. */
  private held: number

  constructor(private readonly pipe: Pipe) {
    growPipe(pipe.writeEnd, TRANSIT_BYTES)
    // a predecessor may have left something
    this.held = pipeHolds(pipe.readEnd)
  }

  /** Moves up to `count` bytes from the source; undefined if there are none now, 0 at the end of its stream. */
  fill(source: number, count: number): number | undefined {
    const moved = splice(source, this.pipe.writeEnd, Math.min(count, TRANSIT_BYTES))
    this.held += moved ?? 0
    return moved
  }

  /**
   * Puts frames behind what the pipe holds, as many as it has room for, and returns the others. A frame that is not longer
   * than PIPE_BUF is put in whole or not at all; the beginning of a longer one may be missing from what is returned.
   */
  put(frames: readonly Buffer[]): readonly Buffer[] {
    for (let next = 0; next < frames.length; ) {
      let bytes = frames[next] ?? NOTHING
      let end = next + 1
      for (let size = bytes.length; end < frames.length; end++) {
        size += frames[end]?.length ?? 0
        if (size > PIPE_BUF) break
      }
      if (end - next > 1) bytes = Buffer.concat(frames.slice(next, end))
      const written = write(this.pipe.writeEnd, bytes) ?? 0
      this.held += written
      if (written < bytes.length) return [bytes.subarray(written), ...frames.slice(end)]
      next = end
    }
    return []
  }

  /** Moves what the pipe holds to the sink; false if the sink does not take all of it now. */
  drain(sink: number): boolean {
    while (this.held > 0) {
      const moved = splice(this.pipe.readEnd, sink, TRANSIT_BYTES)
      if (moved === undefined) {
        // bytes must not wait for a miscount
        this.held = pipeHolds(this.pipe.readEnd)
        return this.held === 0
      }
      this.bytes += moved
      this.held -= moved
    }
    return true
  }
}
