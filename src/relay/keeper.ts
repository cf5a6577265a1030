// The relay's keeper: accepts bgpd's connections, dials zebra for each, holds both descriptors and lends them to the
// worker. It reads no byte of ZAPI, so that nothing in the bytes can end it.
import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { type Server, type Socket, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, FatalError, errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { RelayOptions } from '../config/options.js'
import { type Owner, checkSocketPath, listenAt } from '../os/unix-socket.js'
import { type Connection, closeConnection, dial, openConnection, sweepTransit } from './connections.js'
import { zebraVersion } from './zebra-version.js'
import { type ToKeeper, type ToWorker, sendSocket } from './ipc.js'

/** bgpd runs as the same user as zebra; no other user needs to connect. */
const LISTEN_MODE = 0o600
const ZEBRA_RETRY_MS = 100
/** A worker that dies more often than this within the window is replaced by one that only forwards. */
const MAX_DEATHS = 5
const DEATHS_WINDOW_MS = 10_000

/** Runs until SIGTERM or SIGINT. Rejects with FatalError when it cannot start; then nothing is left behind. */
export async function runKeeper(options: RelayOptions, log: Logger): Promise<void> {
  for (const name of ['listen', 'zebra', 'control'] as const) checkSocketPath(options[name], name)
  prepareRunDir(options.runDir)
  const zebraOwner = await waitForZebra(options)
  const keeper = new Keeper(options, zebraOwner, log)
  const stopped = new Promise<void>((resolve) => {
    // `on`, not `once`: a second signal must not end the process during the cleanup
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve)
  })
  try {
    await keeper.start()
    await stopped
  } finally {
    await keeper.stop()
  }
}

class Keeper {
  private readonly connections = new Map<number, Connection>()
  private readonly server: Server
  private readonly since = Date.now()
  private worker: ChildProcess | undefined
  private workerStarts = 0
  private deaths: number[] = []
  private nextId = 1
  private stopping = false
  /** The release that zebra's vty reports. */
  private zebraVersion: string | undefined

  constructor(
    private readonly options: RelayOptions,
    private readonly zebraOwner: Owner,
    private readonly log: Logger,
  ) {
    this.server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      void this.accept(socket)
    })
  }

  async start(): Promise<void> {
    sweepTransit(this.options.runDir)
    this.zebraVersion = await zebraVersion(this.options.zebra)
    await this.startWorker()
    // bgpd, which runs as zebra's user, must be able to connect even when the relay runs as root
    const owner = process.geteuid?.() === 0 ? this.zebraOwner : undefined
    await listenAt(this.server, this.options.listen, LISTEN_MODE, owner)
    this.log.info({ listen: this.options.listen, zebra: this.options.zebra }, 'bgpd can connect')
  }

  async stop(): Promise<void> {
    this.stopping = true
    if (this.server.listening) this.server.close()
    const { worker } = this
    if (worker?.connected === true) {
      const gone = new Promise((resolve) => worker.once('exit', resolve))
      this.send(worker, { type: 'end' })
      await gone
    }
    for (const connection of this.connections.values()) closeConnection(connection)
  }

  private async accept(bgpd: Socket): Promise<void> {
    const id = this.nextId++
    try {
      const connection = await openConnection(id, bgpd, this.options.zebra, this.options.runDir)
      this.connections.set(id, connection)
      if (this.worker?.connected === true) this.lend(this.worker, connection, false)
      await this.updateZebraVersion()
    } catch (error) {
      // without the relay zebra would refuse the connection; bgpd tries again in both cases
      this.log.warn({ session: id, error: reason(error) }, 'zebra does not answer: the connection of bgpd is closed')
      bgpd.destroy()
    }
  }

  /** zebra may have been upgraded since it was last asked. */
  private async updateZebraVersion(): Promise<void> {
    const version = await zebraVersion(this.options.zebra)
    if (version === undefined || version === this.zebraVersion) return
    this.zebraVersion = version
    if (this.worker?.connected === true) this.send(this.worker, { type: 'zebra-version', version })
  }

  /** Resolves when the worker is ready; rejects if it reports that it cannot work, or ends before it is ready. */
  private startWorker(): Promise<void> {
    this.workerStarts++
    const now = Date.now()
    this.deaths = this.deaths.filter((time) => now - time < DEATHS_WINDOW_MS)
    const plain = this.deaths.length > MAX_DEATHS
    const worker = fork(new URL('./worker.js', import.meta.url), { execArgv: [], stdio: ['ignore', 2, 2, 'ipc'] })
    this.worker = worker
    const { options, workerStarts, since, zebraVersion } = this
    this.send(worker, {
      type: 'options',
      options: { ...options, keeperPid: process.pid, workerStarts, since, zebraVersion, plain },
    })
    for (const connection of this.connections.values()) this.lend(worker, connection, true)
    this.send(worker, { type: 'begin' })
    return new Promise((resolve, reject) => {
      worker.on('message', (message: ToKeeper) => {
        if (message.type === 'ready') resolve()
        else if (message.type === 'failed') reject(new FatalError(asExitCode(message.exitCode), message.message))
        else this.end(message.id)
      })
      worker.on('error', reject)
      worker.on('exit', (code, signal) => {
        reject(
          new FatalError(ExitCode.internal, `the relay's worker ended at once (${signal ?? `code ${code ?? '?'}`})`),
        )
        this.onWorkerExit(code, signal)
      })
    })
  }

  private onWorkerExit(code: number | null, signal: NodeJS.Signals | null): void {
    // before the server listens, the caller of startWorker handles the error
    if (this.stopping || !this.server.listening) return
    this.deaths.push(Date.now())
    this.log.error({ code, signal, sessions: this.connections.size }, 'the worker died; its successor takes over')
    const delay = this.deaths.length > MAX_DEATHS ? 1000 : 0
    setTimeout(() => {
      if (this.stopping) return
      this.startWorker().catch((error: unknown) => {
        this.log.error({ error: reason(error) }, 'the worker could not start')
      })
    }, delay)
  }

  private lend(worker: ChildProcess, { offer, bgpd, zebra }: Connection, inherited: boolean): void {
    sendSocket(worker, { type: 'socket', side: 'bgpd', session: offer, inherited }, bgpd)
    sendSocket(worker, { type: 'socket', side: 'zebra', session: offer, inherited }, zebra)
  }

  private end(id: number): void {
    const connection = this.connections.get(id)
    if (connection === undefined) return
    this.connections.delete(id)
    closeConnection(connection)
  }

  private send(worker: ChildProcess, message: ToWorker): void {
    worker.send(message, (error) => {
      if (error !== null) this.log.debug({ error: error.message }, 'a message did not reach the worker')
    })
  }
}

function prepareRunDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw new FatalError(ExitCode.privilege, `run directory ${path} cannot be made: ${reason(error)}`, { cause: error })
  }
}

/** Resolves with the owner of zebra's socket when zebra accepts connections. */
async function waitForZebra({ zebra, zebraTimeoutMs }: RelayOptions): Promise<Owner> {
  const deadline = performance.now() + zebraTimeoutMs
  for (;;) {
    try {
      const socket = await dial(zebra)
      socket.destroy()
      return statSync(zebra)
    } catch (error) {
      const code = errnoName(error) ?? reason(error)
      if (code === 'EACCES' || code === 'EPERM') {
        const message = `${zebra}: user ${process.geteuid?.() ?? '?'} may not connect to zebra (${code}); run the relay as zebra's user`
        throw new FatalError(ExitCode.privilege, message, { cause: error })
      }
      if (performance.now() >= deadline) {
        const waited = zebraTimeoutMs === 0 ? '' : ` for ${zebraTimeoutMs / 1000} s`
        const message = `zebra does not answer at ${zebra}${waited} (${code}): start zebra first, or name its socket with --zebra`
        throw new FatalError(ExitCode.noZebra, message, { cause: error })
      }
      await sleep(ZEBRA_RETRY_MS)
    }
  }
}

const asExitCode = (code: number): ExitCode =>
  Object.values(ExitCode).find((known) => known === code) ?? ExitCode.internal
