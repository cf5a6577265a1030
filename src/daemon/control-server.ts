// The listening half of a control socket: who may connect, framing, bounded queues. What is said is the owner's affair.
import { statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { reason } from './exit.js'
import { Deframer, frame } from './framing.js'
import type { Logger } from './log.js'
import { mayControl, type Peer, peerOf } from './peercred.js'
import { checkSocketPath, listenAt } from './unix-socket.js'

const MODE = 0o660
const MAX_CLIENTS = 64
/** A client that leaves more than this unread is disconnected: it can connect again and start over. */
const MAX_QUEUED_BYTES = 64 << 20
/** `writable()` waits while more than this is queued. */
const HIGH_WATER_BYTES = 1 << 20
/** A client told to go is given this long to close its end. */
const LINGER_MS = 1000

/** One connected client, as its server sees it. */
export type ControlClient<Out> = {
  readonly peer: Peer
  readonly closed: boolean
  /** Queues one message; after `close()` it does nothing. */
  send(message: Out): void
  /** Resolves when little is queued, so that a big table can be sent in parts; false if the client has gone. */
  writable(): Promise<boolean>
  /** Sends what is queued, then closes. */
  close(): void
}

/** What the owner does for one client. An exception of `onMessage` closes that client only. */
export type ControlHandler<In> = { onMessage(message: In): void; onClose(): void }

export type ControlServerOptions<In, Out> = {
  path: string
  /** Throws on bytes that are not a message; the client is then closed. */
  decode: (bytes: Buffer) => In
  encode: (message: Out) => Uint8Array
  onClient: (client: ControlClient<Out>) => ControlHandler<In>
  log: Logger
}

export type ControlCounters = {
  /** Connections accepted. */
  connections: number
  /** Connections refused because of who connected. */
  refused: number
  /** Connections closed because of bytes that are no message, or a message that could not be answered. */
  malformed: number
  /** Connections closed because they did not read. */
  slow: number
}

export class ControlServer<In, Out> {
  readonly counters: ControlCounters = { connections: 0, refused: 0, malformed: 0, slow: 0 }
  private readonly clients = new Set<Connection<In, Out>>()
  private group = -1

  private constructor(
    private readonly server: Server,
    private readonly options: ControlServerOptions<In, Out>,
  ) {}

  /** Listens with mode 0660. Throws FatalError if the path cannot be used or another process listens there. */
  static async listen<In, Out>(options: ControlServerOptions<In, Out>): Promise<ControlServer<In, Out>> {
    checkSocketPath(options.path, 'control socket')
    const server = createServer()
    const control = new ControlServer(server, options)
    server.maxConnections = MAX_CLIENTS
    server.on('connection', (socket) => {
      control.accept(socket)
    })
    await listenAt(server, options.path, MODE)
    control.group = statSync(options.path).gid
    server.on('error', (error) => {
      options.log.error({ path: options.path, error: reason(error) }, 'control socket failed to accept')
    })
    return control
  }

  /** Closes every client at once and removes the socket. */
  close(): Promise<void> {
    for (const client of this.clients) client.destroy()
    return new Promise((resolve) => {
      this.server.close(() => {
        resolve()
      })
    })
  }

  private accept(socket: Socket): void {
    const { log, onClient } = this.options
    const peer = peerOf(socket)
    if (peer === undefined || !mayControl(peer, process.geteuid?.() ?? -1, this.group)) {
      this.counters.refused += 1
      log.warn({ peer }, 'refused a connection to the control socket: neither root, nor our user, nor in its group')
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    this.counters.connections += 1
    const client = new Connection(socket, peer, this.options, this.counters)
    this.clients.add(client)
    const handler = onClient(client)
    client.serve(handler, () => this.clients.delete(client))
  }
}

class Connection<In, Out> implements ControlClient<Out> {
  private readonly deframer = new Deframer()
  private ending = false

  constructor(
    private readonly socket: Socket,
    readonly peer: Peer,
    private readonly options: ControlServerOptions<In, Out>,
    private readonly counters: ControlCounters,
  ) {}

  get closed(): boolean {
    return this.ending || this.socket.destroyed
  }

  serve(handler: ControlHandler<In>, onGone: () => void): void {
    this.socket.on('error', (error) => {
      this.options.log.debug({ pid: this.peer.pid, error: reason(error) }, 'control connection failed')
    })
    this.socket.on('close', () => {
      onGone()
      handler.onClose()
    })
    this.socket.on('data', (chunk) => {
      this.receive(chunk, handler)
    })
  }

  send(message: Out): void {
    if (this.closed) return
    this.socket.write(frame(this.options.encode(message)))
    if (this.socket.writableLength <= MAX_QUEUED_BYTES) return
    this.counters.slow += 1
    this.options.log.warn({ pid: this.peer.pid }, 'closed a control connection whose client does not read')
    this.destroy()
  }

  async writable(): Promise<boolean> {
    while (!this.closed && this.socket.writableLength > HIGH_WATER_BYTES) await this.drainedOrClosed()
    return !this.closed
  }

  close(): void {
    this.ending = true
    this.socket.end()
    // what the client still sends is of no interest, but its end must be seen
    this.socket.removeAllListeners('data').resume()
    this.socket.setTimeout(LINGER_MS, () => {
      this.destroy()
    })
  }

  destroy(): void {
    this.ending = true
    this.socket.destroy()
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

  private receive(chunk: Buffer, handler: ControlHandler<In>): void {
    try {
      this.deframer.feed(chunk, (bytes) => {
        if (!this.closed) handler.onMessage(this.options.decode(bytes))
      })
    } catch (error) {
      this.counters.malformed += 1
      this.options.log.warn({ pid: this.peer.pid, error: reason(error) }, 'closed a control connection')
      this.destroy()
    }
  }
}
