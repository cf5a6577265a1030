// The relay's worker: it forwards, decodes and injects. The keeper starts it and hands it every connection.
import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { ExitCode, FatalError, reason } from '../base/exit.js'
import { type Logger, createLogger } from '../base/log.js'
import { frrRelease } from '../zapi/releases.js'
import { RelayControl } from './control.js'
import { Engine } from './engine.js'
import {
  type RawHandle,
  type SessionOffer,
  type ToKeeper,
  type ToWorker,
  type WorkerOptions,
  isRawHandle,
} from './ipc.js'
import { Session } from './session.js'
import { relayStatus } from './status.js'

/** Descriptors of one session, to be closed when it ends. */
type Descriptors = { bgpd: RawHandle; zebra: RawHandle; transitToZebra: number; transitToBgpd: number }

class Worker {
  private readonly engine: Engine
  private readonly control: RelayControl
  /** bgpd's sockets of sessions whose socket of zebra has not arrived yet. */
  private readonly arriving = new Map<number, RawHandle>()
  private readonly descriptors = new Map<number, Descriptors>()
  /** Sessions that have arrived before `begin`; undefined afterwards. */
  private waiting: Session[] | undefined = []

  constructor(
    private readonly options: WorkerOptions,
    private readonly log: Logger,
  ) {
    this.engine = new Engine({
      journal: join(options.runDir, 'journal'),
      configured: options.frrRelease === undefined ? undefined : frrRelease(options.frrRelease),
      zebraVersion: options.zebraVersion,
      recentBytes: options.recentBytes,
      onSessionEnd: (session) => {
        this.closeDescriptors(session.id)
      },
      onTrouble: (what, error) => {
        log.error({ error: reason(error) }, what)
      },
    })
    this.control = new RelayControl(this.engine, options.staleMs, () => relayStatus(this.engine, options), log)
  }

  async begin(): Promise<void> {
    this.engine.begin(this.waiting ?? [])
    this.waiting = undefined
    await this.control.listen(this.options.control)
    tellKeeper({ type: 'ready' })
  }

  socket(side: 'bgpd' | 'zebra', offer: SessionOffer, inherited: boolean, handle: RawHandle): void {
    if (side === 'bgpd') {
      this.arriving.set(offer.id, handle)
      return
    }
    const bgpd = this.arriving.get(offer.id)
    this.arriving.delete(offer.id)
    if (bgpd === undefined) throw new Error(`session ${offer.id} has no socket of bgpd`)
    const descriptors = {
      bgpd,
      zebra: handle,
      transitToZebra: openPipe(offer.transitToZebra),
      transitToBgpd: openPipe(offer.transitToBgpd),
    }
    this.descriptors.set(offer.id, descriptors)
    const session = new Session({
      id: offer.id,
      since: offer.since,
      descriptors: { ...descriptors, bgpd: bgpd.fd, zebra: handle.fd },
      inherited: inherited ? this.engine.openingOf(offer.id) : undefined,
      configured: this.options.frrRelease === undefined ? undefined : frrRelease(this.options.frrRelease),
      zebraVersion: this.options.zebraVersion,
      plain: this.options.plain,
      events: this.engine,
    })
    if (this.waiting !== undefined) this.waiting.push(session)
    else this.engine.add(session)
  }

  setZebraVersion(version: string | undefined): void {
    this.options.zebraVersion = version
    this.engine.setZebraVersion(version)
  }

  /** Without a keeper no more connections come, but FRR still depends on those that exist: the worker ends after them. */
  onKeeperLost(): void {
    this.log.fatal(
      { sessions: this.descriptors.size },
      'the keeper has gone; its connections are served until they end',
    )
    if (this.descriptors.size === 0) void this.end()
  }

  async end(): Promise<void> {
    await this.control.close()
    this.engine.end()
    process.exit(ExitCode.ok)
  }

  private closeDescriptors(id: number): void {
    const descriptors = this.descriptors.get(id)
    if (descriptors === undefined) return
    this.descriptors.delete(id)
    descriptors.bgpd.close()
    descriptors.zebra.close()
    closeSync(descriptors.transitToZebra)
    closeSync(descriptors.transitToBgpd)
    if (process.connected) tellKeeper({ type: 'ended', id })
    else if (this.descriptors.size === 0) void this.end()
  }
}

/** Read and write, so that opening does not wait and the pipe never ends. */
const openPipe = (path: string): number => openSync(path, constants.O_RDWR | constants.O_NONBLOCK)

function tellKeeper(message: ToKeeper): void {
  process.send?.(message)
}

function fail(log: Logger, error: unknown): void {
  log.fatal({ error: reason(error), stack: error instanceof Error ? error.stack : undefined }, 'the worker ends')
  const exitCode = error instanceof FatalError ? error.exitCode : ExitCode.internal
  if (error instanceof FatalError) tellKeeper({ type: 'failed', exitCode, message: error.message })
  process.exit(exitCode)
}

let worker: Worker | undefined
let log = createLogger('macipd-relay-worker', 'info')

process.on('message', (message: ToWorker, handle: unknown) => {
  switch (message.type) {
    case 'options':
      log = createLogger('macipd-relay-worker', message.options.logLevel)
      worker = new Worker(message.options, log)
      return
    case 'socket':
      if (!isRawHandle(handle)) throw new Error(`session ${message.session.id}: no descriptor came with the message`)
      worker?.socket(message.side, message.session, message.inherited, handle)
      return
    case 'begin':
      worker?.begin().catch((error: unknown) => {
        fail(log, error)
      })
      return
    case 'zebra-version':
      worker?.setZebraVersion(message.version)
      return
    case 'end':
      void worker?.end()
      return
  }
})
process.on('disconnect', () => worker?.onKeeperLost())
process.on('uncaughtException', (error) => {
  fail(log, error)
})
// a terminal's Ctrl-C reaches the whole process group; the keeper decides when this process ends
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => {
  if (!process.connected) void worker?.end()
})
