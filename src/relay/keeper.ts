// The relay's keeper: accepts bgpd's connections, dials zebra for each, holds the descriptors and lends them to the worker.
// It reads no byte of ZAPI, so that nothing in the bytes can end it. While no worker serves, it moves the bytes unseen.
import { mkdirSync, statSync } from 'node:fs'
import { type Socket, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { ExitCode, FatalError, errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { RelayOptions } from '../config/options.js'
import { LockFile } from '../os/lock-file.js'
import { ignoreSignals } from '../os/signals.js'
import { ListeningSocket, type Owner, checkSocketPath } from '../os/unix-socket.js'
import { type Connection, closeConnection, dial, openConnection } from './connections.js'
import { KeeperStatus } from './keeper-status.js'
import { PlainForwarding } from './plain-forwarding.js'
import { RestartDelay } from './restart-delay.js'
import { WorkerProcess } from './worker-process.js'
import { zebraVersion } from './zebra-version.js'

/** bgpd runs as the same user as zebra; no other user needs to connect. */
const LISTEN_MODE = 0o600
/** Bytes wait for a worker twice as long as the last one took to start, within these; then the keeper forwards them itself. */
const PLAIN_AFTER_MS = { min: 3000, max: 10_000 }
const UPKEEP_MS = 1000
/** zebra's vty is asked again after this time if it has not answered. */
const VERSION_RETRY_MS = 5000

/** Runs until SIGTERM or SIGINT. Rejects with FatalError when it cannot start; then nothing is left behind. */
export async function runKeeper(options: RelayOptions, log: Logger): Promise<void> {
  ignoreSignals()
  for (const name of ['listen', 'zebra', 'control'] as const) checkSocketPath(options[name], name)
  prepareRunDir(options.runDir)
  const lock = takeLock(options.runDir)
  const owner = await ownerOfListener(options, log).catch((error: unknown) => {
    lock.release()
    throw error
  })
  const keeper = new Keeper(options, owner, lock, log)
  const stopped = new Promise<void>((resolve) => {
    // `on`, not `once`: a second signal must not end the process during the cleanup
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve)
  })
  try {
    await keeper.start()
    // from here on bgpd depends on this process
    process.removeAllListeners('uncaughtException')
    for (const event of ['uncaughtException', 'unhandledRejection'] as const)
      process.on(event, (error: unknown) => {
        log.error(
          { error: reason(error), stack: stackOf(error) },
          'internal error, please report it; the keeper goes on',
        )
      })
    await stopped
  } finally {
    await keeper.stop()
    lock.release()
  }
}

class Keeper {
  private readonly connections = new Map<number, Connection>()
  /** Connections that the keeper forwards itself; undefined while a worker serves, or is about to. */
  private plain: Map<number, PlainForwarding> | undefined
  private readonly status: KeeperStatus
  private readonly delay = new RestartDelay()
  private listening: ListeningSocket | undefined
  private worker: WorkerProcess | undefined
  private plainTimer: NodeJS.Timeout | undefined
  private upkeep: NodeJS.Timeout | undefined
  private lastStartMs = 0
  private nextId = 1
  private stopping = false

  constructor(
    private readonly options: RelayOptions,
    private readonly owner: Owner | undefined,
    private readonly lock: LockFile,
    private readonly log: Logger,
  ) {
    this.status = new KeeperStatus(options, log)
  }

  async start(): Promise<void> {
    await this.startFirstWorker()
    this.listening = await ListeningSocket.open({
      path: this.options.listen,
      mode: LISTEN_MODE,
      owner: this.owner,
      replaceLinkTo: this.options.zebra,
      createServer: () =>
        createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
          void this.accept(socket)
        }).on('error', this.onServerError),
      onTrouble: this.onTrouble,
    })
    await this.status.listen()
    this.upkeep = setInterval(() => {
      this.renewLock()
    }, UPKEEP_MS)
    this.log.info({ listen: this.options.listen, zebra: this.options.zebra }, 'bgpd can connect')
  }

  async stop(): Promise<void> {
    this.stopping = true
    clearInterval(this.upkeep)
    clearTimeout(this.plainTimer)
    // its connections are closed below
    void this.listening?.close()
    await this.worker?.end()
    this.endPlain()
    for (const connection of this.connections.values()) closeConnection(connection)
    this.status.close()
  }

  private async accept(bgpd: Socket): Promise<void> {
    const id = this.nextId++
    try {
      const connection = await openConnection(id, bgpd, this.options.zebra)
      // only now: a connection to zebra shows which zebra is meant, which may have been upgraded
      connection.offer.zebraVersion = await zebraVersion(this.options.zebra)
      if (this.stopping) {
        closeConnection(connection)
        return
      }
      this.connections.set(id, connection)
      this.status.connections = this.connections.size
      if (this.plain !== undefined) this.forwardPlainly(connection)
      else if (this.worker?.hasConnections === true) this.worker.lend(connection)
      if (connection.offer.zebraVersion === undefined) this.askVersionAgain(id)
    } catch (error) {
      // without the relay zebra would refuse the connection; bgpd tries again in both cases
      this.log.warn({ session: id, error: reason(error) }, 'zebra does not answer: the connection of bgpd is closed')
      bgpd.destroy()
    }
  }

  private askVersionAgain(id: number): void {
    setTimeout(() => {
      const connection = this.connections.get(id)
      if (connection === undefined) return
      void zebraVersion(this.options.zebra).then((version) => {
        if (version === undefined) {
          this.askVersionAgain(id)
          return
        }
        connection.offer.zebraVersion = version
        this.worker?.send({ type: 'zebra-version', id, version })
      })
    }, VERSION_RETRY_MS).unref()
  }

  /** Rejects if the first worker cannot work: then nothing depends on this process yet. */
  private startFirstWorker(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.startWorker({
        onServing: resolve,
        onFailed: (exitCode, message) => {
          this.stopping = true
          reject(new FatalError(asExitCode(exitCode), message))
        },
        onGone: (why) => {
          this.stopping = true
          reject(new FatalError(ExitCode.internal, `the relay's worker ended at once (${why})`))
        },
      })
    })
  }

  private startWorker(first?: {
    onServing(): void
    onFailed(exitCode: number, message: string): void
    onGone(why: string): void
  }): void {
    const { options, status } = this
    status.workerStarts++
    const zebraVersions = [...this.connections.values()].flatMap(({ offer: { id, zebraVersion } }) =>
      zebraVersion === undefined ? [] : ([[id, zebraVersion]] as const),
    )
    let waiting = first
    const worker = new WorkerProcess(
      { ...options, keeperPid: process.pid, workerStarts: status.workerStarts, since: status.since, zebraVersions },
      {
        onRecovered: () => {
          this.lastStartMs = worker.startMs ?? 0
          this.lendAll(worker)
        },
        onServing: () => {
          clearTimeout(this.plainTimer)
          this.plainTimer = undefined
          waiting?.onServing()
          waiting = undefined
        },
        onFailed: (exitCode, message) => {
          this.log.error({ exitCode, error: message }, 'the worker cannot work')
          waiting?.onFailed(exitCode, message)
        },
        onSessionEnded: (id) => {
          this.end(id)
        },
        onOpening: (id, opening) => {
          const connection = this.connections.get(id)
          if (connection !== undefined) connection.offer.opening = opening
        },
        onCertain: (id) => {
          const connection = this.connections.get(id)
          if (connection !== undefined) connection.offer.unseen = false
        },
        onGone: (why) => {
          waiting?.onGone(why)
          this.onWorkerGone(worker, why)
        },
      },
      this.log,
    )
    this.worker = worker
    status.worker = worker
  }

  /** The bytes wait while the connections change hands. */
  private lendAll(worker: WorkerProcess): void {
    this.endPlain()
    for (const connection of this.connections.values()) {
      worker.lend(connection)
      connection.offer.inherited = true
    }
    worker.send({ type: 'begin' })
  }

  private onWorkerGone(worker: WorkerProcess, why: string): void {
    if (this.stopping) return
    for (const { offer } of this.connections.values()) offer.inherited = true
    const delay = this.delay.next(worker.livedMs)
    this.log.error(
      { why, sessions: this.connections.size, delayMs: delay },
      'the worker ended; its successor takes over',
    )
    this.status.onWorkerGone(why)
    if (this.delay.isFailing) this.startPlain('workers end at once')
    else {
      const waitMs = Math.min(Math.max(2 * this.lastStartMs, PLAIN_AFTER_MS.min), PLAIN_AFTER_MS.max)
      this.plainTimer ??= setTimeout(() => {
        this.startPlain(`no worker has served for ${Math.round(waitMs / 1000)} s`)
      }, waitMs)
    }
    setTimeout(() => {
      if (!this.stopping) this.startWorker()
    }, delay)
  }

  private startPlain(why: string): void {
    this.plainTimer = undefined
    if (this.stopping || this.plain !== undefined || this.worker?.hasConnections === true) return
    this.log.error(
      { why, sessions: this.connections.size },
      'the keeper forwards the bytes itself, unseen, until a worker serves',
    )
    this.plain = new Map()
    this.status.plain = why
    for (const connection of this.connections.values()) this.forwardPlainly(connection)
  }

  private forwardPlainly(connection: Connection): void {
    const { id } = connection.offer
    connection.offer.unseen = true
    connection.offer.inherited = true
    try {
      this.plain?.set(
        id,
        new PlainForwarding(connection, () => {
          this.end(id)
        }),
      )
    } catch (error) {
      this.log.error({ session: id, error: reason(error) }, 'the connection cannot be forwarded now; its bytes wait')
    }
  }

  private endPlain(): void {
    for (const forwarding of this.plain?.values() ?? []) forwarding.close()
    this.plain = undefined
    this.status.plain = undefined
  }

  private end(id: number): void {
    const connection = this.connections.get(id)
    if (connection === undefined) return
    this.plain?.get(id)?.close()
    this.plain?.delete(id)
    this.connections.delete(id)
    this.status.connections = this.connections.size
    closeConnection(connection)
  }

  private renewLock(): void {
    try {
      this.status.isAlone = this.lock.renew()
    } catch (error) {
      this.log.debug({ error: reason(error) }, 'the lock file cannot be checked')
    }
  }

  private readonly onServerError = (error: Error): void => {
    if (this.listening !== undefined)
      this.log.error({ error: reason(error) }, 'a connection of bgpd could not be accepted')
  }

  private readonly onTrouble = (what: string, error?: unknown): void => {
    this.log.warn({ error: error === undefined ? undefined : reason(error) }, what)
  }
}

function prepareRunDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw new FatalError(ExitCode.privilege, `run directory ${path} cannot be made: ${reason(error)}`, { cause: error })
  }
}

/** Nothing is touched before the lock is ours: another relay may live on what is there. */
function takeLock(runDir: string): LockFile {
  const path = join(runDir, 'relay.lock')
  try {
    const lock = LockFile.take(path)
    if (lock !== undefined) return lock
  } catch (error) {
    throw new FatalError(ExitCode.privilege, `${path}: cannot be locked: ${reason(error)}`, { cause: error })
  }
  throw new FatalError(
    ExitCode.socketBusy,
    `${path}: another relay uses this run directory; stop it, or choose another one with --run-dir`,
  )
}

/**
 * bgpd, which runs as zebra's user, must be able to connect even when the relay runs as root. zebra need not run yet: then
 * its directory tells the user.
 */
async function ownerOfListener({ zebra }: RelayOptions, log: Logger): Promise<Owner | undefined> {
  try {
    const socket = await dial(zebra)
    socket.destroy()
  } catch (error) {
    const code = errnoName(error) ?? reason(error)
    if (code === 'EACCES' || code === 'EPERM') {
      const message = `${zebra}: user ${process.geteuid?.() ?? '?'} may not connect to zebra (${code}); run the relay as zebra's user`
      throw new FatalError(ExitCode.privilege, message, { cause: error })
    }
    log.warn({ zebra, error: code }, 'zebra does not answer yet: connections of bgpd are closed until it does')
  }
  if (process.geteuid?.() !== 0) return undefined
  return [zebra, dirname(zebra)]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .find((found) => found !== undefined)
}

const stackOf = (error: unknown): string | undefined => (error instanceof Error ? error.stack : undefined)

const asExitCode = (code: number): ExitCode =>
  Object.values(ExitCode).find((known) => known === code) ?? ExitCode.internal
