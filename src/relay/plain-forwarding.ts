// The keeper's last resort while no worker serves: it moves the bytes of a connection and understands nothing of them but
// where frames begin, so that the next worker knows that.
import type { Socket } from 'node:net'
import { FdPoll } from '../os/fd-poll.js'
import { SystemError } from '../os/libc.js'
import { shutdownWrite } from '../os/splice.js'
import type { Connection } from './connections.js'
import { FrameWalk } from './frame-walk.js'
import { rawHandle } from './ipc.js'
import { Transit } from './transit.js'

/** Steps before the event loop gets its turn again. */
const STEPS_PER_TURN = 64

/** Forwards one connection until it is closed here, or ends. */
export class PlainForwarding {
  private readonly polls: readonly FdPoll[]
  private readonly directions: readonly Direction[]
  private endsSeen = 0

  /** @param onEnded both directions have ended, or the connection is broken */
  constructor({ ends }: Connection, onEnded: () => void) {
    // libuv polls a descriptor for one handle only, and does not poll those of sockets that were never read; a copy of the
    // descriptor could be refused just when it is needed
    const [bgpd, zebra] = [new FdPoll(rawHandle(ends.bgpd).fd), new FdPoll(rawHandle(ends.zebra).fd)]
    this.polls = [bgpd, zebra]
    const events = {
      onEnd: (): void => {
        this.endsSeen++
        if (this.endsSeen === 2) onEnded()
      },
      onBroken: onEnded,
    }
    const pipe = (readEnd: Socket, writeEnd: Socket): Transit =>
      new Transit({ readEnd: rawHandle(readEnd).fd, writeEnd: rawHandle(writeEnd).fd })
    this.directions = [
      new Direction(bgpd, zebra, pipe(ends.toZebraReadEnd, ends.toZebraWriteEnd), events),
      new Direction(zebra, bgpd, pipe(ends.toBgpdReadEnd, ends.toBgpdWriteEnd), events),
    ]
    for (const direction of this.directions) direction.run()
  }

  /** Stops between two system calls; what has not reached its sink is in the pipe. */
  close(): void {
    for (const direction of this.directions) direction.close()
    for (const poll of this.polls) poll.close()
  }
}

class Direction {
  private ended = false
  private closed = false
  private scheduled: NodeJS.Immediate | undefined
  private readonly walk: FrameWalk

  constructor(
    private readonly source: FdPoll,
    private readonly sink: FdPoll,
    private readonly transit: Transit,
    private readonly events: { onEnd(): void; onBroken(): void },
  ) {
    this.walk = new FrameWalk(source.fd)
  }

  readonly run = (): void => {
    if (this.closed) return
    try {
      for (let step = 0; step < STEPS_PER_TURN; step++) {
        const outcome = this.step()
        if (outcome === 'moved') continue
        this.source.readable(outcome === 'source-empty' ? this.run : undefined)
        this.sink.writable(outcome === 'sink-full' ? this.run : undefined)
        return
      }
      this.scheduled = setImmediate(this.run)
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
      this.events.onBroken()
    }
  }

  close(): void {
    this.closed = true
    clearImmediate(this.scheduled)
  }

  private step(): 'moved' | 'source-empty' | 'sink-full' | 'resting' {
    if (!this.transit.drain(this.sink.fd)) return 'sink-full'
    if (this.ended) return 'resting'
    const allowed = this.walk.next()
    if (allowed === undefined) return 'source-empty'
    const moved = this.transit.fill(this.source.fd, allowed)
    if (moved === undefined) return 'source-empty'
    if (moved > 0) return 'moved'
    this.ended = true
    shutdownWrite(this.sink.fd)
    this.events.onEnd()
    return 'resting'
  }
}
