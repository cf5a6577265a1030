// Hands what zebra says to another FPM server, byte for byte: `fpm.forward`. That server sees what it would see of
// zebra itself: a connection when zebra has one, a stream from its very beginning, an end when it ends.
//
//   idle          zebra is not connected
//   connecting    zebra is, the consumer is not yet; what zebra has said waits in the queue
//   forwarding    the consumer has the stream from its beginning
//   missed        the beginning is lost to the consumer (it was not there, or too slow): it is sought
//   fresh         it is there again, and zebra has been, or will be, asked to start over
//
// Nothing of this ever holds zebra up: a queue that is full is thrown away, together with the consumer's connection.
import { connect, type Socket } from 'node:net'
import { errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { monotonicMs } from '../base/clock.js'
import { addressText } from './listener.js'

export type TeeState = 'idle' | 'connecting' | 'forwarding' | 'missed' | 'fresh'

export type TeeOptions = {
  ip: string
  port: number
  /** Bytes that may wait for the consumer. */
  queueBytes: number
  /** Between two attempts to connect. */
  retryMs: number
  /** zebra is not asked to start over more often: that costs it work, and macipd the certainty of what it was told. */
  restartIntervalMs: number
  /** Asks zebra to start over; `closed` and `opened` follow. */
  restart: () => void
  log: Logger
}

export const TEE_DEFAULTS: Pick<TeeOptions, 'queueBytes' | 'retryMs' | 'restartIntervalMs'> = {
  queueBytes: 8 << 20,
  retryMs: 1000,
  restartIntervalMs: 60_000,
}

export type TeeCounters = {
  /** Connections to the consumer. */
  connections: number
  /** Attempts that failed. */
  refused: number
  /** Connections closed because the queue was full. */
  slow: number
  /** Times that zebra was asked to start over. */
  restarts: number
  /** Bytes given to the consumer. */
  bytes: number
  /** Bytes the consumer has sent, which are not passed on. */
  ignored: number
}

export class FpmTee {
  readonly counters: TeeCounters = { connections: 0, refused: 0, slow: 0, restarts: 0, bytes: 0, ignored: 0 }
  private current: TeeState = 'idle'
  /** zebra's connection is there. */
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

  /** Bytes that wait for the consumer. */
  get queued(): number {
    return this.socket?.writableLength ?? 0
  }

  /** zebra has connected. */
  begin(): void {
    this.streaming = true
    clearTimeout(this.asking)
    if (this.current === 'fresh') {
      this.current = 'forwarding'
      return
    }
    clearTimeout(this.retry)
    // whoever was sought is sought anew, with the stream's beginning
    this.drop()
    this.current = 'connecting'
    this.connect()
  }

  /** zebra says something. */
  write(chunk: Buffer): void {
    if (this.socket === undefined || (this.current !== 'connecting' && this.current !== 'forwarding')) return
    // until it is connected the socket queues by itself
    this.socket.write(chunk)
    this.counters.bytes += chunk.length
    if (this.socket.writableLength <= this.options.queueBytes) return
    this.counters.slow++
    this.miss(`${this.socket.writableLength} bytes wait for it`)
  }

  /** zebra's connection has ended. */
  end(): void {
    this.streaming = false
    clearTimeout(this.asking)
    // the consumer that waits for zebra to start over goes on waiting
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
    this.options.log.info({ consumer: addressText(this.options) }, 'connected to the FPM consumer')
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

  /** The consumer has lost the stream's beginning, if zebra has one. */
  private miss(why: string): void {
    const { log } = this.options
    if (!this.complained) log.warn({ consumer: addressText(this.options) }, `no FPM consumer (${why}); still trying`)
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

/** How long the consumer is given to take what is queued when zebra's connection has ended. */
const LINGER_MS = 5000

function finish(socket: Socket): void {
  socket.end()
  setTimeout(() => {
    socket.destroy()
  }, LINGER_MS).unref()
}
