// Forwards zebra's stream to another FPM server, byte for byte: `fpm.forward`. That server sees what it would see of
// zebra itself: a connection when zebra connects, a stream from its very beginning, and an end when zebra's ends.
//
//   idle          zebra is not connected
//   connecting    zebra is connected, the consumer is not yet; zebra's bytes wait in the queue
//   forwarding    the consumer has the stream from its beginning
//   missed        the consumer has lost the beginning (it was absent or too slow): we try to connect to it
//   fresh         the consumer is connected again, and zebra was, or will be, asked to start over
//
// Nothing of this ever delays zebra: a queue that is full is discarded, together with the consumer's connection.
import { connect, type Socket } from 'node:net'
import { errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { monotonicMs } from '../base/clock.js'
import { endpointText } from '../base/address.js'

export type TeeState = 'idle' | 'connecting' | 'forwarding' | 'missed' | 'fresh'

export type TeeOptions = {
  ip: string
  port: number
  /** Maximum size of the queue for the consumer. */
  queueBytes: number
  /** Time between two attempts to connect, in milliseconds. */
  retryMs: number
  /** Minimum time between two restarts, in milliseconds: each costs zebra work and makes all FPM state stale. */
  restartIntervalMs: number
  /** Asks zebra to start over; `end` and `begin` are called as a result. */
  restart: () => void
  log: Logger
}

export const TEE_DEFAULTS: Pick<TeeOptions, 'queueBytes' | 'retryMs' | 'restartIntervalMs'> = {
  queueBytes: 8 << 20,
  retryMs: 1000,
  restartIntervalMs: 60_000,
}

export type TeeCounters = {
  /** Connections made to the consumer. */
  connections: number
  /** Attempts to connect that failed. */
  refused: number
  /** Connections that were closed because the queue was full. */
  slow: number
  /** How often zebra was asked to start over. */
  restarts: number
  /** Bytes sent to the consumer. */
  bytes: number
  /** Bytes that the consumer sent; they are not passed on. */
  ignored: number
}

export class FpmTee {
  readonly counters: TeeCounters = { connections: 0, refused: 0, slow: 0, restarts: 0, bytes: 0, ignored: 0 }
  private current: TeeState = 'idle'
  /** Whether zebra is connected. */
  private streaming = false
  private socket: Socket | undefined
  private retry: NodeJS.Timeout | undefined
  private asking: NodeJS.Timeout | undefined
  private askedAt = -Infinity
  private complained = false
  private closed = false

  constructor(private readonly options: TeeOptions) {}

  get state(): TeeState {
    return this.current
  }

  /** Bytes in the queue for the consumer. */
  get queued(): number {
    return this.socket?.writableLength ?? 0
  }

  /** Must be called when zebra has connected. */
  begin(): void {
    this.streaming = true
    clearTimeout(this.asking)
    if (this.current === 'fresh') {
      this.current = 'forwarding'
      return
    }
    clearTimeout(this.retry)
    // an attempt to connect that was under way begins anew, now with the beginning of the stream
    this.drop()
    this.current = 'connecting'
    this.connect()
  }

  /** Forwards a part of zebra's stream. */
  write(chunk: Buffer): void {
    if (this.socket === undefined || (this.current !== 'connecting' && this.current !== 'forwarding')) return
    // the socket itself queues until it is connected
    this.socket.write(chunk)
    this.counters.bytes += chunk.length
    if (this.socket.writableLength <= this.options.queueBytes) return
    this.counters.slow++
    this.miss(`${this.socket.writableLength} bytes wait for it`)
  }

  /** Must be called when zebra's connection has ended. */
  end(): void {
    this.streaming = false
    clearTimeout(this.asking)
    // a consumer that waits for zebra to start over keeps waiting
    if (this.current === 'fresh') return
    clearTimeout(this.retry)
    const { socket } = this
    this.socket = undefined
    this.current = 'idle'
    if (socket !== undefined) finish(socket)
  }

  close(): void {
    this.closed = true
    clearTimeout(this.retry)
    clearTimeout(this.asking)
    this.drop()
    this.current = 'idle'
  }

  private connect(): void {
    const { ip, port, log } = this.options
    const socket = connect({ host: ip, port, noDelay: true })
    this.socket = socket
    socket.on('connect', () => {
      if (this.socket === socket) this.connected()
    })
    socket.on('data', (chunk: Buffer) => (this.counters.ignored += chunk.length))
    socket.on('error', (error) => {
      if (this.socket === socket) this.failed(errnoName(error) ?? reason(error))
      else log.debug({ error: reason(error) }, 'an earlier connection to the FPM consumer broke')
    })
    socket.on('close', () => {
      if (this.socket === socket) this.failed('it closed the connection')
    })
  }

  private connected(): void {
    this.counters.connections++
    this.complained = false
    this.options.log.info({ consumer: endpointText(this.options) }, 'connected to the FPM consumer')
    if (this.current === 'connecting') {
      this.current = 'forwarding'
      return
    }
    this.current = 'fresh'
    if (this.streaming) this.askRestart()
  }

  private askRestart(): void {
    const wait = this.askedAt + this.options.restartIntervalMs - monotonicMs()
    if (wait > 0) {
      this.asking = setTimeout(() => {
        this.askRestart()
      }, wait)
      return
    }
    this.askedAt = monotonicMs()
    this.counters.restarts++
    this.options.log.info('asking zebra to start over for the FPM consumer')
    this.options.restart()
  }

  private failed(why: string): void {
    if (this.current === 'connecting' || this.current === 'missed') this.counters.refused++
    clearTimeout(this.asking)
    this.miss(why)
  }

  /** Handles that the consumer has lost the beginning of the stream, if there is a stream. */
  private miss(why: string): void {
    const { log } = this.options
    if (!this.complained) log.warn({ consumer: endpointText(this.options) }, `no FPM consumer (${why}); still trying`)
    this.complained = true
    this.drop()
    this.current = this.streaming ? 'missed' : 'idle'
    if (!this.streaming || this.closed) return
    this.retry = setTimeout(() => {
      this.connect()
    }, this.options.retryMs)
  }

  private drop(): void {
    const { socket } = this
    this.socket = undefined
    socket?.destroy()
  }
}

/** After the end of zebra's connection, the consumer has this long to read what is queued. */
const LINGER_MS = 5000

function finish(socket: Socket): void {
  socket.end()
  setTimeout(() => {
    socket.destroy()
  }, LINGER_MS).unref()
}
