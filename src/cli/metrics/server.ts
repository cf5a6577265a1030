// Answers Prometheus over HTTP, on an address of this machine or a Unix socket. One question is worked on at a time, however
// many ask.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import type { MetricsOptions } from '../../config/options.js'
import { ListeningSocket } from '../../os/unix-socket.js'
import { countDifferences, measure, type Sockets } from './collect.js'
import { CONTENT_TYPE, renderFamilies } from './exposition.js'
import { familiesOf, type Measured } from './metrics.js'

const MAX_CONNECTIONS = 16
const MAX_HEADER_BYTES = 8192
/** Node looks for requests that take too long this often. */
const CHECK_CONNECTIONS_MS = 1000
const REQUEST_MS = 5000
const RETRY_MS = 10_000
/** The relay counts what it knows at most once in this time, however often it is asked. */
const FRESH_MS = 1000
/** A comparison costs in proportion to all that is known. */
const COMPARE_MS = 300_000
/** The group, which may read the control sockets, may read this one. */
const SOCKET_MODE = 0o660

export class MetricsServer {
  private server: Server | undefined
  private socket: ListeningSocket | undefined
  private retry: NodeJS.Timeout | undefined
  private complained = false
  private closed = false

  private constructor(
    private readonly options: MetricsOptions,
    private readonly scrape: () => Promise<string>,
    private readonly log: Logger,
  ) {}

  /**
   * Resolves when it listens, or has found that it cannot now: the snooper does its work without, and it is tried again.
   */
  static async open(options: MetricsOptions, sockets: Sockets, log: Logger): Promise<MetricsServer> {
    const server = new MetricsServer(options, scraper(sockets, options), log)
    await server.listen()
    return server
  }

  /** Where it listens; undefined while it does not, and for a path. */
  get port(): number | undefined {
    const address = this.server?.address()
    return typeof address === 'object' ? address?.port : undefined
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.retry)
    this.server?.closeAllConnections()
    this.server?.close()
    await this.socket?.close()
  }

  private async listen(): Promise<void> {
    try {
      const { listen } = this.options
      if ('path' in listen) {
        this.socket = await ListeningSocket.open({
          path: listen.path,
          mode: SOCKET_MODE,
          createServer: () => (this.server = this.create()),
          onTrouble: (what, error) => {
            this.log.warn({ error: error === undefined ? undefined : reason(error) }, what)
          },
        })
      } else await this.listenAt(listen.ip, listen.port)
      this.log.info({ listen: textOf(listen) }, 'metrics can be read')
    } catch (error) {
      if (!this.complained) this.log.error({ error: reason(error) }, 'metrics cannot be read; still trying')
      this.complained = true
      if (!this.closed) this.retry = setTimeout(() => void this.listen(), RETRY_MS).unref()
    }
  }

  private listenAt(host: string, port: number): Promise<void> {
    const server = this.create()
    this.server = server
    return new Promise((resolve, reject) => {
      server.once('error', reject).listen({ host, port }, () => {
        server.off('error', reject).on('error', (error) => {
          this.log.error({ error: reason(error) }, 'a reader of metrics could not be accepted')
        })
        resolve()
      })
    })
  }

  private create(): Server {
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
    }
    const server = createServer(limits, (request, response) => {
      this.answer(request, response).catch((error: unknown) => {
        this.log.error({ error: reason(error) }, 'a question for metrics could not be answered')
        response.destroy()
      })
    })
    server.maxConnections = MAX_CONNECTIONS
    return server
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = request
    request.resume()
    if (method !== 'GET' && method !== 'HEAD') {
      end(response, 405, 'only GET\n')
      return
    }
    if (url.split('?')[0] !== '/metrics') {
      end(response, 404, 'only /metrics\n')
      return
    }
    const text = await this.scrape()
    response.setHeader('Content-Type', CONTENT_TYPE)
    end(response, 200, method === 'HEAD' ? '' : text)
  }
}

function end(response: ServerResponse, code: number, text: string): void {
  response.statusCode = code
  response.setHeader('Connection', 'close')
  response.end(text)
}

const textOf = (listen: MetricsOptions['listen']): string =>
  'path' in listen
    ? listen.path
    : listen.ip.includes(':')
      ? `[${listen.ip}]:${listen.port}`
      : `${listen.ip}:${listen.port}`

/** Returns what gives the text. Who asks while it is made, or soon after, gets the same text. */
function scraper(sockets: Sockets, { perPort }: MetricsOptions): () => Promise<string> {
  let pending: Promise<string> | undefined
  let made: { readonly at: number; readonly text: string } | undefined
  let compared: { at: number; differences: number | undefined } | undefined
  const differencesOf = async (measured: Pick<Measured, 'relay' | 'snooper'>): Promise<number | undefined> => {
    if (!measured.snooper.running || measured.snooper.fpm.phase !== 'live') return undefined
    const now = performance.now()
    if (compared === undefined || now - compared.at >= COMPARE_MS)
      compared = { at: now, differences: await countDifferences(measured) }
    return compared.differences
  }
  const make = async (): Promise<string> => {
    const measured = await measure(sockets)
    return renderFamilies(familiesOf({ ...measured, differences: await differencesOf(measured), perPort }))
  }
  return async () => {
    if (made !== undefined && performance.now() - made.at < FRESH_MS) return made.text
    pending ??= make().finally(() => (pending = undefined))
    const text = await pending
    made = { at: performance.now(), text }
    return text
  }
}
