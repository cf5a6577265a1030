// Stand-ins for zebra and for another FPM server.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Fpm, type FpmEvents, type FpmOptions } from '../../src/fpm/fpm.js'
import { Awaited, silent } from '../support.js'

/** Listens on a port of the kernel's choice on 127.0.0.1. */
export async function startFpm(
  t: TestContext,
  options: Partial<FpmOptions> = {},
  events: FpmEvents = {},
): Promise<{ fpm: Fpm; port: number }> {
  const fpm = await Fpm.start({ addresses: [{ ip: '127.0.0.1', port: 0 }], log: silent, ...options }, events)
  t.after(() => fpm.close())
  return { fpm, port: fpm.status().listening[0]?.port ?? 0 }
}

/** zebra's end of a connection. */
export class FakeZebra {
  private readonly news = new Awaited()
  private ended = false

  private constructor(readonly socket: Socket) {
    socket.on('error', () => undefined)
    socket.resume().on('close', () => {
      this.ended = true
      this.news.changed()
    })
  }

  static async connect(t: TestContext, port: number): Promise<FakeZebra> {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    const zebra = new FakeZebra(socket)
    await once(socket, 'connect')
    return zebra
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  /** Resolves when the other side has closed. */
  closed(): Promise<void> {
    return this.news.until(() => this.ended)
  }

  close(): Promise<void> {
    this.socket.end()
    return this.closed()
  }
}

/** One connection to the consumer. */
export type Served = { socket: Socket; chunks: Buffer[]; ended: boolean }

/** Another FPM server. */
export class FakeConsumer {
  readonly connections: Served[] = []
  readonly news = new Awaited()
  /** Connections are not read from. */
  stuck = false
  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.serve(socket)
    })
  }

  static async start(t: TestContext, port = 0): Promise<FakeConsumer> {
    const consumer = new FakeConsumer(createServer())
    consumer.server.listen(port, '127.0.0.1')
    await once(consumer.server, 'listening')
    t.after(() => consumer.stop())
    return consumer
  }

  get port(): number {
    const address = this.server.address()
    return address === null || typeof address === 'string' ? 0 : address.port
  }

  private serve(socket: Socket): void {
    const served: Served = { socket, chunks: [], ended: false }
    this.connections.push(served)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      served.ended = true
      this.news.changed()
    })
    if (!this.stuck) this.read(served)
    this.news.changed()
  }

  private read({ socket, chunks }: Served): void {
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      this.news.changed()
    })
  }

  /** Reads from what is connected, too. */
  unstick(): void {
    this.stuck = false
    for (const served of this.connections) this.read(served)
  }

  /** Waits until the connection of this number (from 0) has got exactly these bytes. */
  got(index: number, bytes: Buffer): Promise<void> {
    return this.news.until(() => {
      const { chunks } = this.connections[index] ?? { chunks: [] }
      return Buffer.concat(chunks).equals(bytes)
    })
  }

  ended(index: number): Promise<void> {
    return this.news.until(() => this.connections[index]?.ended === true)
  }

  connected(index: number): Promise<void> {
    return this.news.until(() => this.connections[index] !== undefined)
  }

  async stop(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy()
    if (!this.server.listening) return
    this.server.close()
    await once(this.server, 'close')
  }
}
