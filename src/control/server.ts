// The listening end of a control socket: limits who may connect and how many. The owner handles the messages.
import { statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { BadMessageError, type Codec, ControlStream, SlowReaderError } from './stream.js'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { mayControl, type Peer, peerOf } from '../os/peercred.js'
import { checkSocketPath, listenAt } from '../os/unix-socket.js'

const MODE = 0o660
const MAX_CLIENTS = 64

/** One connected client, as seen by its server. */
export type ControlClient<Out> = Pick<ControlStream<never, Out>, 'closed' | 'send' | 'writable' | 'close'> & {
  readonly peer: Peer
}

/** The owner's callbacks for one client. An exception in `onMessage` closes that client only. */
export type ControlHandler<In> = { onMessage(message: In): void; onClose(): void }

export type ControlServerOptions<In, Out> = Codec<In, Out> & {
  path: string
  onClient: (client: ControlClient<Out>) => ControlHandler<In>
  log: Logger
}

export type ControlCounters = {
  /** Connections that were accepted. */
  connections: number
  /** Connections that were refused because of their user. */
  refused: number
  /** Connections that were closed because of an invalid message, or one that could not be handled. */
  malformed: number
  /** Connections that were closed because the client did not read. */
  slow: number
}

export class ControlServer<In, Out> {
  readonly counters: ControlCounters = { connections: 0, refused: 0, malformed: 0, slow: 0 }
  private readonly clients = new Set<ControlStream<In, Out>>()
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
    const { log } = this.options
    const peer = peerOf(socket)
    if (peer === undefined || !mayControl(peer, process.geteuid?.() ?? -1, this.group)) {
      this.counters.refused += 1
      log.warn({ peer }, 'refused a connection to the control socket: neither root, nor our user, nor in its group')
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    this.counters.connections += 1
    this.serve(socket, peer)
  }

  private serve(socket: Socket, peer: Peer): void {
    const stream = new ControlStream<In, Out>(socket, this.options)
    this.clients.add(stream)
    const handler = this.options.onClient(Object.assign(stream, { peer }))
    stream.start({
      onMessage: (message) => {
        handler.onMessage(message)
      },
      onClose: (error) => {
        this.clients.delete(stream)
        this.count(error, peer)
        handler.onClose()
      },
    })
  }

  private count(error: Error | undefined, { pid }: Peer): void {
    if (error === undefined) return
    if (error instanceof BadMessageError) this.counters.malformed += 1
    else if (error instanceof SlowReaderError) this.counters.slow += 1
    this.options.log.warn({ pid, error: error.message }, 'a control connection was closed')
  }
}
