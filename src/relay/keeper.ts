// The relay's keeper: accepts bgpd's connections, dials zebra for each, holds the descriptors and lends them to the worker.
// It understands nothing of ZAPI, so that nothing in the bytes can end it. While no worker serves, it moves them itself.
import { type Socket, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, FatalError, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { RelayOptions } from '../config/options.js'
import { shutdownBoth } from '../os/splice.js'
import { type BoundSocket, ListeningSocket, type Owner, type SocketOptions } from '../os/unix-socket.js'
import { type Connection, closeConnection, openEnds } from './connections.js'
import type { DescriptorStore } from './descriptor-store.js'
import type { Held } from './hand-over.js'
import { DESCRIPTORS, type SessionOffer, newOffer, rawHandle } from './ipc.js'
import { KeeperStatus } from './keeper-status.js'
import { PlainForwarding } from './plain-forwarding.js'
import { Refusals } from './refusals.js'
import { RestartDelay } from './restart-delay.js'
import type { RunDirLock } from './run-dir-lock.js'
import type { Descriptors } from './stored-names.js'
import { WorkerProcess } from './worker-process.js'
import { zebraVersion } from './zebra-version.js'

/** bgpd runs as the same user as zebra; no other user needs to connect. */
const LISTEN_MODE = 0o600
/** Bytes wait so long for a worker; then the keeper forwards them itself. */
const PLAIN_AFTER_MS = 3000
/** The same while a worker starts, which takes its time on a busy machine: waiting costs less than bytes unseen. */
const PLAIN_AFTER_START_MS = 10_000
const UPKEEP_MS = 1000
/** zebra's vty is asked again after this time if it has not answered. */
const VERSION_RETRY_MS = 5000
/** A keeper in which bytes stand still for so long is not well. */
const STANDSTILL_MS = 30_000
/** How long connections that begin while another relay takes over may take. */
const LATE_MS = 1000

/** What the keeper has from a predecessor. */
export type Inheritance = {
  connections: readonly Connection[]
  listener: BoundSocket | undefined
}

export class Keeper {
  /** Resolves when bytes move for the first time: a worker has the connections, or the keeper forwards them itself. */
  readonly moving: Promise<void>
  private readonly byId = new Map<number, Connection>()
  /** Connections that the keeper forwards itself; undefined while a worker serves, or is about to. */
  private plain: Map<number, PlainForwarding> | undefined
  private readonly status: KeeperStatus
  private readonly refusals: Refusals
  private readonly delay = new RestartDelay()
  /** Connections of bgpd for which zebra is dialled. */
  private readonly arriving = new Set<Promise<void>>()
  private listening: ListeningSocket | undefined
  private worker: WorkerProcess | undefined
  private plainTimer: NodeJS.Timeout | undefined
  private upkeep: NodeJS.Timeout | undefined
  private nextId: number
  private stopping = false
  private leaving = false
  private stopped: Promise<void> | undefined
  private movedAt = performance.now()
  private onMoving: () => void = () => undefined

  constructor(
    private readonly options: RelayOptions,
    private readonly owner: Owner | undefined,
    private readonly lock: RunDirLock,
    private readonly inheritance: Inheritance,
    private readonly store: DescriptorStore | undefined,
    private readonly log: Logger,
  ) {
    this.moving = new Promise((resolve) => {
      this.onMoving = resolve
    })
    this.status = new KeeperStatus(options, log)
    this.refusals = new Refusals(log)
    const ids = inheritance.connections.map(({ offer }) => offer.id)
    // above those of any earlier keeper: connections do not come faster than once a second for long
    this.nextId = Math.max(Math.floor(Date.now() / 1000), ...ids.map((id) => id + 1))
    for (const connection of inheritance.connections) this.byId.set(connection.offer.id, connection)
    this.status.connections = this.byId.size
  }

  async start(): Promise<void> {
    if (this.tookOver) {
      this.startWorker()
      this.awaitWorker()
    } else await this.startFirstWorker()
    const options: SocketOptions = {
      path: this.options.listen,
      mode: LISTEN_MODE,
      owner: this.owner,
      replaceLinkTo: this.options.zebra,
      createServer: () =>
        createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
          const arriving = this.accept(socket)
          this.arriving.add(arriving)
          void arriving.finally(() => this.arriving.delete(arriving))
        }).on('error', this.onServerError),
      inherited: this.inheritance.listener,
      onBound: (bound) => this.store?.setListener(bound),
      onTrouble: this.onTrouble,
    }
    this.listening = await (this.tookOver ? ListeningSocket.openLater(options) : ListeningSocket.open(options))
    await this.status.listen()
    this.upkeep = setInterval(() => {
      this.status.isAlone = this.lock.renew()
      if (this.isMoving) this.movedAt = performance.now()
    }, UPKEEP_MS)
    this.log.info({ listen: this.options.listen, zebra: this.options.zebra }, 'bgpd can connect')
  }

  /** Whether bytes do not stand still for long. */
  get isHealthy(): boolean {
    return this.isMoving || performance.now() - this.movedAt < STANDSTILL_MS
  }

  /** In words, for the service manager. */
  get summary(): string {
    const { plain, worker } = this.status
    const mover =
      plain === undefined ? `worker ${worker?.pid ?? '?'}: ${worker?.state ?? 'gone'}` : `no worker: ${plain}`
    const lost = this.store?.isKept === false ? '; a restart would cost bgpd zebra' : ''
    return `${this.byId.size} connections of bgpd; ${mover}${lost}`
  }

  get bound(): BoundSocket | undefined {
    return this.listening?.bound
  }

  get connections(): readonly Connection[] {
    return [...this.byId.values()]
  }

  get held(): readonly Held[] {
    return this.connections.map(({ offer, ends }) => ({ offer, descriptors: descriptorsOf(ends) }))
  }

  /**
   * Moves no more bytes, and accepts nothing more. The connections, the journal and the path of bgpd's socket are left to
   * a successor, or end.
   */
  stop({ leaves }: { leaves: boolean }): Promise<void> {
    this.stopped ??= this.stopOnce(leaves)
    return this.stopped
  }

  /** Closes this process's copies of everything. */
  close(): void {
    for (const connection of this.byId.values()) closeConnection(connection)
  }

  private async stopOnce(leaves: boolean): Promise<void> {
    this.stopping = true
    this.leaving = leaves
    clearInterval(this.upkeep)
    clearTimeout(this.plainTimer)
    // its connections are closed later
    void this.listening?.close({ leavePath: leaves })
    await this.worker?.end({ handsOver: leaves })
    this.endPlain()
    this.status.close()
    if (leaves) await Promise.race([Promise.allSettled(this.arriving), sleep(LATE_MS)])
    // a connection that comes later is closed
    this.leaving = false
  }

  private get tookOver(): boolean {
    return this.inheritance.connections.length > 0
  }

  private get isMoving(): boolean {
    return this.byId.size === 0 || this.plain !== undefined || this.worker?.hasConnections === true
  }

  private async accept(bgpd: Socket): Promise<void> {
    try {
      const ends = await openEnds(bgpd, this.options.zebra)
      this.refusals.connected()
      const id = this.nextId++
      const connection: Connection = { offer: newOffer(id), ends }
      // only now: a connection to zebra shows which zebra is meant, which may have been upgraded
      connection.offer.zebraVersion = await zebraVersion(this.options.zebra)
      if (this.stopping && !this.leaving) {
        closeConnection(connection)
        return
      }
      this.byId.set(id, connection)
      this.store?.add(connection)
      this.status.connections = this.byId.size
      if (this.plain !== undefined) this.forwardPlainly(connection)
      else if (this.worker?.hasConnections === true) this.worker.lend(connection)
      if (connection.offer.zebraVersion === undefined) this.askVersionAgain(id)
    } catch (error) {
      // without the relay zebra would refuse the connection; bgpd tries again in both cases
      this.refusals.refused(error)
      bgpd.destroy()
    }
  }

  private askVersionAgain(id: number): void {
    setTimeout(() => {
      const connection = this.byId.get(id)
      if (connection === undefined) return
      void zebraVersion(this.options.zebra).then((version) => {
        if (version === undefined) {
          this.askVersionAgain(id)
          return
        }
        this.note(id, { zebraVersion: version })
        this.worker?.send({ type: 'zebra-version', id, version })
      })
    }, VERSION_RETRY_MS).unref()
  }

  /** More is known of a connection; a successor is to know it, too. */
  private note(id: number, change: Partial<SessionOffer>): void {
    const connection = this.byId.get(id)
    if (connection === undefined) return
    Object.assign(connection.offer, change)
    this.store?.update(connection)
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
    const zebraVersions = [...this.byId.values()].flatMap(({ offer: { id, zebraVersion } }) =>
      zebraVersion === undefined ? [] : ([[id, zebraVersion]] as const),
    )
    let waiting = first
    const worker = new WorkerProcess(
      {
        ...options,
        ...{ keeperPid: process.pid, workerStarts: status.workerStarts, since: status.since },
        ...{ tookOver: this.tookOver, zebraVersions },
      },
      this.lock.descriptor,
      {
        onRecovered: () => {
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
          this.note(id, { opening })
        },
        onCertain: (id) => {
          this.note(id, { unseen: false })
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
    for (const connection of this.byId.values()) {
      worker.lend(connection)
      connection.offer.inherited = true
    }
    worker.send({ type: 'begin' })
    this.onMoving()
  }

  private onWorkerGone(worker: WorkerProcess, why: string): void {
    if (this.stopping) return
    for (const { offer } of this.byId.values()) offer.inherited = true
    const { failure } = worker
    const delay = this.delay.next(worker.livedMs, failure !== undefined)
    this.log.error({ why, sessions: this.byId.size, delayMs: delay }, 'the worker ended; its successor takes over')
    this.status.onWorkerGone(failure ?? why)
    if (this.delay.isFailing) this.startPlain(failure ?? 'workers end at once')
    else this.awaitWorker()
    setTimeout(() => {
      if (!this.stopping) this.startWorker()
    }, delay)
  }

  /** From now on the bytes wait for a worker. */
  private awaitWorker(): void {
    const afterMs = (ms: number, isPatient: boolean): NodeJS.Timeout =>
      setTimeout(() => {
        if (isPatient && this.worker?.state === 'starting')
          this.plainTimer = afterMs(PLAIN_AFTER_START_MS - PLAIN_AFTER_MS, false)
        else this.startPlain(`no worker has served for ${(isPatient ? PLAIN_AFTER_MS : PLAIN_AFTER_START_MS) / 1000} s`)
      }, ms)
    this.plainTimer ??= afterMs(PLAIN_AFTER_MS, true)
  }

  private startPlain(why: string): void {
    clearTimeout(this.plainTimer)
    this.plainTimer = undefined
    if (this.stopping || this.plain !== undefined || this.worker?.hasConnections === true) return
    this.log.error(
      { why, sessions: this.byId.size },
      'the keeper forwards the bytes itself, unseen, until a worker serves',
    )
    this.plain = new Map()
    this.status.plain = why
    for (const connection of this.byId.values()) this.forwardPlainly(connection)
    this.onMoving()
  }

  private forwardPlainly(connection: Connection): void {
    const { id } = connection.offer
    this.note(id, { unseen: true, inherited: true })
    try {
      this.plain?.set(
        id,
        new PlainForwarding(connection, {
          onNoted: () => {
            this.note(id, {})
          },
          onEnded: () => {
            this.end(id)
          },
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
    const connection = this.byId.get(id)
    if (connection === undefined) return
    this.plain?.get(id)?.close()
    this.plain?.delete(id)
    this.byId.delete(id)
    this.status.connections = this.byId.size
    // other processes may have copies
    for (const { fd } of [rawHandle(connection.ends.bgpd), rawHandle(connection.ends.zebra)]) shutdownBoth(fd)
    this.store?.remove(connection)
    closeConnection(connection)
  }

  private readonly onServerError = (error: Error): void => {
    if (this.listening !== undefined)
      this.log.error({ error: reason(error) }, 'a connection of bgpd could not be accepted')
  }

  private readonly onTrouble = (what: string, error?: unknown): void => {
    this.log.warn({ error: error === undefined ? undefined : reason(error) }, what)
  }
}

function descriptorsOf(ends: Connection['ends']): Descriptors {
  return Object.fromEntries(DESCRIPTORS.map((name) => [name, rawHandle(ends[name]).fd])) as Descriptors
}

const asExitCode = (code: number): ExitCode =>
  Object.values(ExitCode).find((known) => known === code) ?? ExitCode.internal
