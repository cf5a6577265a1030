// Either end of a control connection: sends and receives messages, and limits the amount of data that waits.
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Deframer, frame } from './framing.js'
import { peerOf } from '../os/peercred.js'

/** A peer that leaves more than this unread is disconnected; it can connect again and start over. */
const MAX_QUEUED_BYTES = 64 << 20
/** `writable()` waits while more than this is queued. */
const HIGH_WATER_BYTES = 1 << 20
/** Messages are handled for so long before the event loop gets its turn again: frames of ZAPI go first. */
const SLICE_MS = 1
/** After our end has closed, the other side has this long to close its own. */
const LINGER_MS = 1000

export type Codec<In, Out> = {
  /** Throws if the bytes are not a message; the connection is then closed. */
  decode: (bytes: Buffer) => In
  encode: (message: Out) => Uint8Array
}

export type StreamEvents<In> = {
  /** An exception closes the connection. While a promise it returns is pending, the next message waits. */
  onMessage(message: In): void | Promise<void>
  /** Called once, at the end. `error` gives the reason, unless one of the sides just closed. */
  onClose(error: Error | undefined): void
}

/** The other side does not read. */
export class SlowReaderError extends Error {
  override readonly name = 'SlowReaderError'
}

/** The other side sent an invalid message, or one that could not be handled. */
export class BadMessageError extends Error {
  override readonly name = 'BadMessageError'
}

export class ControlStream<In, Out> {
  private readonly deframer = new Deframer()
  private ending = false
  /** Messages that have come and wait, oldest first; the socket is not read meanwhile. */
  private waiting: Buffer[] = []
  private handling = false

  constructor(
    private readonly socket: Socket,
    private readonly codec: Codec<In, Out>,
  ) {}

  /** Delivers the messages that come from now on, and the end. */
  start(events: StreamEvents<In>): void {
    let failure: Error | undefined
    this.socket.on('error', (error) => (failure = error))
    this.socket.on('close', () => {
      events.onClose(failure)
    })
    this.socket.on('data', (chunk) => {
      this.receive(chunk, events)
    })
  }

  /** The process at the other end; undefined if the kernel does not say. */
  get peerPid(): number | undefined {
    return peerOf(this.socket)?.pid
  }

  get closed(): boolean {
    return this.ending || this.socket.destroyed
  }

  /** Queues one message; does nothing after the end. */
  send(message: Out): void {
    if (this.closed) return
    this.socket.write(frame(this.codec.encode(message)))
    const queued = this.socket.writableLength
    if (queued > MAX_QUEUED_BYTES) this.destroy(new SlowReaderError(`${queued} bytes are left unread`))
  }

  /** Resolves when little is queued, so that large tables can be sent in parts; false if the connection has ended. */
  async writable(): Promise<boolean> {
    while (!this.closed && this.socket.writableLength > HIGH_WATER_BYTES) await this.drainedOrClosed()
    return !this.closed
  }

  /** Sends what is queued and then closes. */
  close(): void {
    this.ending = true
    this.socket.end()
    // further data is discarded, but it must be read so that its end is seen
    this.socket.removeAllListeners('data').resume()
    this.socket.setTimeout(LINGER_MS, () => {
      this.destroy()
    })
  }

  /** Closes at once. */
  destroy(error?: Error): void {
    this.ending = true
    this.socket.destroy(error)
  }

  private drainedOrClosed(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done).off('close', done)
        resolve()
      }
      this.socket.on('drain', done).on('close', done)
    })
  }

  private receive(chunk: Buffer, events: StreamEvents<In>): void {
    try {
      this.deframer.feed(chunk, (bytes) => this.waiting.push(Buffer.from(bytes)))
      void this.handle(events)
    } catch (error) {
      this.reject(error)
    }
  }

  private async handle(events: StreamEvents<In>): Promise<void> {
    if (this.handling) return
    this.handling = true
    let since = performance.now()
    try {
      for (let index = 0; index < this.waiting.length && !this.closed; index++) {
        const bytes = this.waiting[index] ?? Buffer.alloc(0)
        const pending = events.onMessage(this.codec.decode(bytes))
        if (pending === undefined && performance.now() - since < SLICE_MS) continue
        this.socket.pause()
        await pending
        await nextTurn()
        since = performance.now()
      }
    } catch (error) {
      this.reject(error)
    }
    this.waiting = []
    this.handling = false
    if (!this.socket.destroyed) this.socket.resume()
  }

  private reject(error: unknown): void {
    this.destroy(new BadMessageError(error instanceof Error ? error.message : String(error), { cause: error }))
  }
}
