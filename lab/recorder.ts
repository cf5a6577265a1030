// Stands between two ends of a Unix socket and keeps every byte, connection by connection.
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { type Server, type Socket, connect, createServer } from 'node:net'

type ByteListener = (bytes: Buffer) => void

/** What one connection carried, as far as it has come. */
export class Recording {
  private readonly up: Buffer[] = []
  private readonly down: Buffer[] = []
  /** Both sides have closed. */
  ended = false

  /** From the client that connected, to the server behind. */
  get toServer(): Buffer {
    return Buffer.concat(this.up)
  }

  get toClient(): Buffer {
    return Buffer.concat(this.down)
  }

  record(client: Socket, server: Socket, onToClient?: ByteListener): void {
    client.on('data', (bytes) => this.up.push(bytes))
    server.on('data', (bytes) => {
      onToClient?.(bytes)
      this.down.push(bytes)
    })
  }
}

export class Recorder implements Disposable {
  /** In the order in which the connections were made. */
  readonly connections: Recording[] = []
  private readonly sockets = new Set<Socket>()
  private constructor(
    private readonly server: Server,
    private readonly onToClient: (() => ByteListener) | undefined,
  ) {}

  /**
   * Listens at `path` for anyone, and connects everyone who comes to `target`. What `onToClient` makes for a connection
   * hears of bytes for the client as soon as they come, before they are passed on.
   */
  static async start(path: string, target: string, onToClient?: () => ByteListener): Promise<Recorder> {
    const server = createServer({ allowHalfOpen: true })
    const recorder = new Recorder(server, onToClient)
    server.on('connection', (client) => {
      recorder.join(client, connect({ path: target, allowHalfOpen: true }))
    })
    server.listen(path)
    await once(server, 'listening')
    chmodSync(path, 0o777)
    return recorder
  }

  private join(client: Socket, server: Socket): void {
    const recording = new Recording()
    this.connections.push(recording)
    recording.record(client, server, this.onToClient?.())
    for (const socket of [client, server]) {
      this.sockets.add(socket)
      // one end that breaks takes the other along, as without us
      socket.on('error', () => undefined)
      socket.on('close', () => {
        client.destroy()
        server.destroy()
        recording.ended = true
      })
    }
    client.pipe(server)
    server.pipe(client)
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }
}
