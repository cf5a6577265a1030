// The pipe of one direction: bytes are moved source → pipe → sink inside the kernel. The keeper holds the pipe, too, so that
// a successor finds every byte where this process left it.
import type { Pipe } from '../os/pipe.js'
import { growPipe, pipeHolds, splice } from '../os/splice.js'

const TRANSIT_BYTES = 1 << 20

export class Transit {
  /** Bytes that have reached the sink. */
  bytes = 0
  // a predecessor may have left something
  private mayHold = true

  constructor(private readonly pipe: Pipe) {
    growPipe(pipe.writeEnd, TRANSIT_BYTES)
  }

  /** Moves up to `count` bytes from the source; undefined if there are none now, 0 at the end of its stream. */
  fill(source: number, count = TRANSIT_BYTES): number | undefined {
    const moved = splice(source, this.pipe.writeEnd, count)
    if (moved !== undefined && moved > 0) this.mayHold = true
    return moved
  }

  /** Moves what the pipe holds to the sink; false if the sink does not take all of it now. */
  drain(sink: number): boolean {
    while (this.mayHold) {
      const moved = splice(this.pipe.readEnd, sink, TRANSIT_BYTES)
      if (moved !== undefined) this.bytes += moved
      // an empty pipe and a full sink both give EAGAIN
      else if (pipeHolds(this.pipe.readEnd) > 0) return false
      else this.mayHold = false
    }
    return true
  }
}
