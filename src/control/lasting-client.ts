// A client of a control socket that connects as soon as there is a server, and again whenever it has lost it.
import type { Logger } from '../base/log.js'
import { errnoName, reason } from '../base/exit.js'
import { connectControl } from './client.js'
import type { Codec, ControlStream } from './stream.js'

const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 2000

export type LastingClientOptions<In, Out> = Codec<In, Out> & {
  readonly path: string
  /** Who is at the other end, for the log: `the relay`. */
  readonly server: string
  /** Called before anything is received. */
  onConnected(stream: ControlStream<In, Out>): void
  onMessage(message: In): void
  /** Called after each `onConnected`, in the end. */
  onLost(): void
  readonly log: Logger
}

export class LastingClient<In, Out> {
  private current: ControlStream<In, Out> | undefined
  private retryMs = RETRY_MIN_MS
  private retry: NodeJS.Timeout | undefined
  private hasComplained = false
  private isClosed = false

  constructor(private readonly options: LastingClientOptions<In, Out>) {}

  /** undefined while there is no connection. */
  get stream(): ControlStream<In, Out> | undefined {
    return this.current
  }

  start(): void {
    void this.connect()
  }

  /** The server is well: if the connection is lost, the next attempt comes soon. */
  settle(): void {
    this.retryMs = RETRY_MIN_MS
  }

  /** Sends what is queued, and closes for good. */
  close(): void {
    this.isClosed = true
    clearTimeout(this.retry)
    this.current?.close()
  }

  private async connect(): Promise<void> {
    const { path, server, decode, encode, log } = this.options
    try {
      const stream = await connectControl<In, Out>({
        ...{ path, decode, encode },
        onMessage: (message) => {
          this.options.onMessage(message)
        },
        onClose: (error) => {
          this.lost(error)
        },
      })
      if (this.isClosed) {
        stream.destroy()
        return
      }
      this.current = stream
      this.hasComplained = false
      log.info({ path }, `connected to ${server}`)
      this.options.onConnected(stream)
    } catch (error) {
      this.complain(`${server} does not answer at ${path} (${errnoName(error) ?? reason(error)}); still trying`)
      this.tryAgain()
    }
  }

  private lost(error: Error | undefined): void {
    if (this.current === undefined) return
    this.current = undefined
    this.options.onLost()
    if (this.isClosed) return
    this.complain(`lost ${this.options.server} (${error?.message ?? 'it closed the connection'}); still trying`)
    this.tryAgain()
  }

  private tryAgain(): void {
    if (this.isClosed) return
    this.retry = setTimeout(() => void this.connect(), this.retryMs)
    this.retryMs = Math.min(2 * this.retryMs, RETRY_MAX_MS)
  }

  /** Logs a failure once, until the connection works again. */
  private complain(message: string): void {
    const { path, log } = this.options
    if (!this.hasComplained && !this.isClosed) log.warn({ path }, message)
    this.hasComplained = true
  }
}
