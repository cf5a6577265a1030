// The server that zebra's FPM module connects to. Everything is read at once, because zebra's dataplane stalls if its
// peer does not read.
import { createServer, type Server, type Socket } from 'node:net'
import { endpointText, isLoopback, parseIp } from '../base/address.js'
import { errnoName, ExitCode, FatalError, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { FpmFrameError, FrameScanner } from './frame.js'
import type { TcpEnd } from '../sock-diag/inet-diag.js'
import { tellsUsers, userOfSocket } from '../sock-diag/peer-user.js'
import { enlargeReceiveBuffer } from './receive-buffer.js'

export const FPM_PORT = 2620

export type ListenAddress = {
  ip: string
  port: number
  /** Skips the address if the machine does not have it (for example, if IPv6 is off). */
  optional?: boolean
}

export const DEFAULT_ADDRESSES: readonly ListenAddress[] = [
  { ip: '127.0.0.1', port: FPM_PORT },
  { ip: '::1', port: FPM_PORT, optional: true },
]

/** A new connection becomes current with its first frame, so several may exist at once for a moment. */
const MAX_CONNECTIONS = 8
const KEEP_ALIVE_MS = 10_000

/** Shown as the address of a peer that has reset the connection. */
const GONE = '?'
const REFUSED = 'refused an FPM connection: its user is neither root, nor ours, nor that of FRR'

/** Called in the order opened, then bytes and their frames, then closed. An exception is not caught. */
export type FpmHandler = {
  /** zebra has connected and begins to send everything. */
  opened(peer: string): void
  /** Receives the whole stream in parts, which may be kept. */
  bytes(chunk: Buffer): void
  /** Receives whole frames back to back, completed by the bytes before; they may be kept. */
  frames(frames: Buffer): void
  closed(): void
}

export type FpmListenerOptions = {
  addresses: readonly ListenAddress[]
  /** Allows listening beyond loopback, where every machine that can connect is trusted. */
  allowRemote: boolean
  /** Whether a user of this machine may connect; undefined: every user may. */
  mayConnect?: ((uid: number) => boolean) | undefined
  handler: FpmHandler
  log: Logger
}

export type FpmListenerCounters = {
  /** Connections that were accepted. */
  connections: number
  /** Connections that were refused because of their user. */
  refused: number
  /** Connections that were closed because another zebra began to send. */
  replaced: number
  /** Connections that were closed because of bytes that are no FPM frames. */
  garbage: number
  /** Connections that were closed to make zebra start over. */
  restarts: number
  frames: number
  bytes: number
}

/** One connection. It becomes the current one with its first frame, or at once if there is no other. */
type Connection = { readonly socket: Socket; readonly peer: string; readonly scanner: FrameScanner }

export class FpmListener {
  readonly counters: FpmListenerCounters = {
    connections: 0,
    refused: 0,
    replaced: 0,
    garbage: 0,
    restarts: 0,
    frames: 0,
    bytes: 0,
  }
  private readonly servers: Server[] = []
  private readonly connections = new Set<Connection>()
  private current: Connection | undefined
  /** The user that was refused last. */
  private refused: number | 'unknown' | undefined
  private closing = false

  private constructor(private readonly options: FpmListenerOptions) {}

  /** Starts to listen. Throws FatalError if that is not possible on an address. */
  static async listen(options: FpmListenerOptions): Promise<FpmListener> {
    for (const address of options.addresses) checkAddress(address, options.allowRemote)
    const listener = new FpmListener(options)
    try {
      for (const address of options.addresses) await listener.bind(address)
    } catch (error) {
      await listener.close()
      throw error
    }
    if (listener.servers.length === 0) throw noAddress(options.addresses)
    return listener
  }

  /** The addresses it listens on, with the ports that the kernel chose. */
  get addresses(): ListenAddress[] {
    return this.servers.map(boundTo)
  }

  /** Address of the current connection; undefined if there is none. */
  get peer(): string | undefined {
    return this.current?.peer
  }

  /** Number of bytes of an unfinished frame. */
  get waiting(): number {
    return this.current?.scanner.waiting ?? 0
  }

  /** Closes zebra's connection: zebra connects again after some seconds and sends everything. */
  restart(): void {
    if (this.current === undefined) return
    this.counters.restarts++
    this.end(this.current)
  }

  async close(): Promise<void> {
    this.closing = true
    for (const connection of [...this.connections]) this.end(connection)
    await Promise.all(
      this.servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => {
              resolve()
            })
          }),
      ),
    )
  }

  private async bind(address: ListenAddress): Promise<void> {
    const { log } = this.options
    const server = createServer()
    try {
      await listen(server, address)
    } catch (error) {
      if (address.optional === true && ABSENT.has(errnoName(error) ?? '')) {
        log.info({ address: endpointText(address), error: reason(error) }, 'not listening for FPM there')
        return
      }
      throw explain(error, address)
    }
    enlargeReceiveBuffer(server)
    const checked = this.canCheck(server)
    server.on('connection', (socket) => {
      this.accept(socket, checked)
    })
    server.on('error', (error) => {
      log.error({ address: endpointText(address), error: reason(error) }, 'FPM listener failed to accept')
    })
    this.servers.push(server)
  }

  private canCheck(server: Server): boolean {
    const { mayConnect, log } = this.options
    if (mayConnect === undefined) return false
    const address = boundTo(server)
    const can = tellsUsers(address)
    if (!can)
      log.warn({ address: endpointText(address) }, 'the kernel does not tell who connects: everybody is believed')
    return can
  }

  /** Accepts a connection; `checked` means that its user must be allowed. */
  private accept(socket: Socket, checked: boolean): void {
    const { remoteAddress: ip = GONE, remotePort: port = 0 } = socket
    const peer = endpointText({ ip, port })
    socket.on('error', () => undefined)
    if (checked && (ip === GONE || isLoopback(ip)) && !this.mayConnect(socket, { ip, port })) {
      this.counters.refused++
      socket.destroy()
      return
    }
    const connection = { socket, peer, scanner: new FrameScanner() }
    this.counters.connections++
    this.connections.add(connection)
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
    socket.on('close', () => {
      this.end(connection)
    })
    socket.on('data', (chunk) => {
      this.receive(connection, chunk)
    })
    this.makeRoom()
    if (this.current === undefined) this.adopt(connection)
  }

  private mayConnect({ localAddress: ip = GONE, localPort: port = 0 }: Socket, peer: TcpEnd): boolean {
    const { mayConnect, log } = this.options
    const user = userOfSocket(peer, { ip, port }) ?? 'unknown'
    if (user !== 'unknown' && mayConnect?.(user) === true) return true
    // a user that keeps trying must not fill the log
    if (user !== this.refused) log.warn({ peer: endpointText(peer), user }, REFUSED)
    this.refused = user
    return false
  }

  /** Closes the oldest connections above the maximum, but never the current one. */
  private makeRoom(): void {
    for (const connection of this.connections) {
      if (this.connections.size <= MAX_CONNECTIONS) return
      if (connection !== this.current) this.end(connection)
    }
  }

  /** Makes this connection the current one; `found` are all the frames that it has completed. */
  private adopt(connection: Connection, found: readonly Buffer[] = []): void {
    const before = this.current
    if (before !== undefined) {
      this.counters.replaced++
      this.options.log.warn(
        { peer: connection.peer, before: before.peer },
        'another zebra took over the FPM connection',
      )
      this.current = connection
      this.end(before)
      this.options.handler.closed()
    }
    this.current = connection
    this.options.log.info({ peer: connection.peer }, 'zebra connected to FPM')
    this.options.handler.opened(connection.peer)
    for (const part of [...found, connection.scanner.unfinished]) if (part.length > 0) this.bytes(part)
  }

  private bytes(chunk: Buffer): void {
    this.counters.bytes += chunk.length
    this.options.handler.bytes(chunk)
  }

  private receive(connection: Connection, chunk: Buffer): void {
    const { handler, log } = this.options
    const found: Buffer[] = []
    let count = 0
    let garbage: FpmFrameError | undefined
    try {
      connection.scanner.feed(chunk, (frames, more) => {
        found.push(frames)
        count += more
      })
    } catch (error) {
      if (!(error instanceof FpmFrameError)) throw error
      garbage = error
    }
    if (this.current === connection) this.bytes(chunk)
    else if (count > 0) this.adopt(connection, found)
    this.counters.frames += count
    for (const frames of found) handler.frames(frames)
    if (garbage === undefined) return
    this.counters.garbage++
    log.warn({ peer: connection.peer, error: garbage.message }, 'an FPM connection was closed: that is not FPM')
    this.end(connection)
  }

  /** Ends a connection once, whichever side closed it. */
  private end(connection: Connection): void {
    connection.socket.destroy()
    if (!this.connections.delete(connection) || this.current !== connection) return
    this.current = undefined
    this.options.log.info({ peer: connection.peer }, 'the FPM connection has ended')
    this.options.handler.closed()
    const next = this.closing ? undefined : [...this.connections].at(-1)
    if (next !== undefined) this.adopt(next)
  }
}

function boundTo(server: Server): TcpEnd {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('an FPM server has no address')
  return { ip: bound.address, port: bound.port }
}

function checkAddress({ ip, port }: ListenAddress, allowRemote: boolean): void {
  const text = endpointText({ ip, port })
  if (parseIp(ip) === undefined)
    throw new FatalError(ExitCode.usage, `fpm: ${text}: not an IP address that can be listened on`)
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new FatalError(ExitCode.usage, `fpm: ${text}: a port is a number up to 65535`)
  if (!allowRemote && !isLoopback(ip))
    throw new FatalError(
      ExitCode.usage,
      `fpm: ${text} is not a loopback address: every client that connects there is believed; allow it explicitly if that is meant`,
    )
}

/** The errors of an address that the machine does not have. */
const ABSENT = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'])

function noAddress(addresses: readonly ListenAddress[]): FatalError {
  const tried = addresses.map(endpointText).join(', ') || 'nothing'
  return new FatalError(ExitCode.usage, `fpm: no address to listen on (${tried}): configure one that this machine has`)
}

function explain(error: unknown, address: ListenAddress): FatalError {
  const text = `fpm: ${endpointText(address)}`
  const options = { cause: error }
  const code = errnoName(error)
  if (code === 'EADDRINUSE')
    return new FatalError(
      ExitCode.socketBusy,
      `${text}: another process is listening there (another FPM server?); stop it or choose another port`,
      options,
    )
  if (code === 'EACCES' || code === 'EPERM')
    return new FatalError(ExitCode.privilege, `${text}: not permitted (${code}); choose a port above 1023`, options)
  return new FatalError(ExitCode.usage, `${text}: cannot listen: ${reason(error)}`, options)
}

function listen(server: Server, { ip, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // without ipv6Only, :: would take the port of 0.0.0.0, too
    server.listen({ host: ip, port, ipv6Only: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
