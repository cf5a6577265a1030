// The keeper's last resort while no worker serves: it moves the bytes of a connection and understands nothing of them but
// where frames begin, so that the next worker knows that. It notes the first bytes: without HELLO no later worker could
// learn anything of the session.
import type { Socket } from 'node:net'
import { FdPoll } from '../os/fd-poll.js'
import { SystemError } from '../os/libc.js'
import { shutdownWrite } from '../os/splice.js'
import type { Connection } from './connections.js'

import { FrameWalk } from './frame-walk.js'
import { type FirstBytes, rawHandle } from './ipc.js'
import { Transit } from './transit.js'

/** Steps before the event loop gets its turn again. */
const STEPS_PER_TURN = 64
/** HELLO or CAPABILITIES, and what may come before it, in every release. */
const FIRST_BYTES = 4096
const peeked = Buffer.allocUnsafeSlow(FIRST_BYTES)

/** Forwards one connection until it is closed here, or ends. */
export class PlainForwarding {
  private readonly polls: readonly FdPoll[]
  private readonly toZebra: Direction
  private readonly toBgpd: Direction
  private endsSeen = 0

  /**
   * @param onNoted more of the first bytes is in the connection's offer
   * @param onEnded both directions have ended, or the connection is broken
   */
  constructor({ ends, offer }: Connection, { onNoted, onEnded }: { onNoted: () => void; onEnded: () => void }) {
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
    const noting = (direction: keyof FirstBytes): ((first: Buffer) => void) | undefined => {
      if (offer.opening[direction] !== '') return undefined
      return (first) => {
        offer.opening = { ...offer.opening, [direction]: first.toString('base64') }
        onNoted()
      }
    }
    const pipe = (readEnd: Socket, writeEnd: Socket): Transit =>
      new Transit({ readEnd: rawHandle(readEnd).fd, writeEnd: rawHandle(writeEnd).fd })
    this.toZebra = new Direction(bgpd, zebra, pipe(ends.toZebraReadEnd, ends.toZebraWriteEnd), {
      ...events,
      onFirst: noting('toZebra'),
    })
    this.toBgpd = new Direction(zebra, bgpd, pipe(ends.toBgpdReadEnd, ends.toBgpdWriteEnd), {
      ...events,
      onFirst: noting('toBgpd'),
    })
    this.toZebra.run()
    this.toBgpd.run()
  }

  /** Stops between two system calls; what has not reached its sink is in the pipe. */
  close(): void {
    this.toZebra.close()
    this.toBgpd.close()
    for (const poll of this.polls) poll.close()
  }
}

class Direction {
  private ended = false
  private closed = false
  private scheduled: NodeJS.Immediate | undefined
  private readonly walk: FrameWalk
  private first: Buffer = Buffer.alloc(0)

  /** `onFirst` gets the first bytes of the stream, whenever there are more; undefined if others have noted them. */
  constructor(
    private readonly source: FdPoll,
    private readonly sink: FdPoll,
    private readonly transit: Transit,
    private readonly events: {
      onEnd(): void
      onBroken(): void
      onFirst: ((bytes: Buffer) => void) | undefined
    },
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
    const moved = this.fill()
    if (moved === undefined) return 'source-empty'
    if (moved > 0) return 'moved'
    this.ended = true
    shutdownWrite(this.sink.fd)
    this.events.onEnd()
    return 'resting'
  }

  private fill(): number | undefined {
    const { first, source, transit, walk } = this
    const { onFirst } = this.events
    const allowed = walk.next()
    if (allowed === undefined) return undefined
    if (onFirst === undefined || first.length === FIRST_BYTES) return transit.fill(source.fd, allowed)
    const size = walk.peekFront(peeked)
    if (size === undefined) return undefined
    // at the end of the stream there is nothing to note
    const moved = transit.fill(source.fd, Math.min(size === 0 ? 1 : size, allowed, FIRST_BYTES - first.length))
    if (moved !== undefined && moved > 0) {
      this.first = Buffer.concat([first, peeked.subarray(0, moved)])
      onFirst(this.first)
    }
    return moved
  }
}
