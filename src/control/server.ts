// The listening end of a control socket: limits who may connect and how many. The owner handles the messages.
import { statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { BadMessageError, type Codec, ControlStream, SlowReaderError } from './stream.js'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { mayControl, type Peer, peerOf } from '../os/peercred.js'
import { checkSocketPath, ListeningSocket, type SocketOptions } from '../os/unix-socket.js'

const MODE = 0o660
const MAX_CLIENTS = 64

/** One connected client, as seen by its server. */
export type ControlClient<Out> = Pick<ControlStream<never, Out>, 'closed' | 'send' | 'writable' | 'close'> & {
  readonly peer: Peer
}

/**
 * The owner's callbacks for one client. An exception in `onMessage` closes that client only. While a promise it returns is
 * pending, the client's next message waits.
 */
export type ControlHandler<In> = { onMessage(message: In): void | Promise<void>; onClose(): void }

/** The client has said nothing for the longest time when there was no room for another one. */
class IdleClientError extends Error {
  override readonly name = 'IdleClientError'
}

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
  /** The client that has said nothing for the longest time comes first. */
  private readonly clients = new Set<ControlStream<In, Out>>()
  private listening: ListeningSocket | undefined
  private group = -1

  private constructor(private readonly options: ControlServerOptions<In, Out>) {}

  /** Listens with mode 0660. Throws FatalError if the path cannot be used or another process listens there. */
  static async listen<In, Out>(options: ControlServerOptions<In, Out>): Promise<ControlServer<In, Out>> {
    checkSocketPath(options.path, 'control socket')
    const control = new ControlServer(options)
    control.listening = await ListeningSocket.open(control.socketOptions)
    return control
  }

  /** As `listen`, but a path that cannot be used now is tried again until it can. */
  static async listenLater<In, Out>(options: ControlServerOptions<In, Out>): Promise<ControlServer<In, Out>> {
    const control = new ControlServer(options)
    control.listening = await ListeningSocket.openLater(control.socketOptions)
    return control
  }

  /** Closes every client at once and removes the socket. */
  async close(): Promise<void> {
    for (const client of this.clients) client.destroy()
    await this.listening?.close()
  }

  private get socketOptions(): SocketOptions {
    const { path, log } = this.options
    return {
      path,
      mode: MODE,
      createServer: () => this.createServer(),
      onTrouble: (what, error) => {
        log.warn({ error: error === undefined ? undefined : reason(error) }, what)
      },
    }
  }

  private createServer(): Server {
    const { path, log } = this.options
    const server = createServer((socket) => {
      this.accept(socket)
    })
    server.once('listening', () => {
      server.on('error', (error) => {
        log.error({ path, error: reason(error) }, 'control socket failed to accept')
      })
    })
    return server
  }

  private accept(socket: Socket): void {
    const { log, path } = this.options
    this.group = statSync(path, { throwIfNoEntry: false })?.gid ?? this.group
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
    const [oldest] = this.clients
    if (this.clients.size >= MAX_CLIENTS) oldest?.destroy(new IdleClientError(`${MAX_CLIENTS} others are connected`))
    const stream = new ControlStream<In, Out>(socket, this.options)
    this.clients.add(stream)
    const handler = this.options.onClient(Object.assign(stream, { peer }))
    stream.start({
      onMessage: (message) => {
        this.clients.delete(stream)
        this.clients.add(stream)
        return handler.onMessage(message)
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
