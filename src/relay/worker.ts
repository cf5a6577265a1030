// The relay's worker: forwards, codecs, injects. Started by the keeper, which hands it every connection.
import { constants, openSync } from 'node:fs'
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
import { closeSync } from 'node:fs'

/** Descriptors of one session, to be closed when it ends. */
type Held = { bgpd: RawHandle; zebra: RawHandle; transitToZebra: number; transitToBgpd: number }

class Worker {
  private readonly engine: Engine
  private readonly control: RelayControl
  /** Sessions of which the first socket has arrived. */
  private readonly arriving = new Map<number, RawHandle>()
  private readonly held = new Map<number, Held>()
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
        this.letGo(session.id)
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
    const held = {
      bgpd,
      zebra: handle,
      transitToZebra: openPipe(offer.transitToZebra),
      transitToBgpd: openPipe(offer.transitToBgpd),
    }
    this.held.set(offer.id, held)
    const session = new Session({
      id: offer.id,
      since: offer.since,
      descriptors: { ...held, bgpd: bgpd.fd, zebra: handle.fd },
      inherited: inherited ? this.engine.openingOf(offer.id) : undefined,
      configured: this.options.frrRelease === undefined ? undefined : frrRelease(this.options.frrRelease),
      zebraVersion: this.options.zebraVersion,
      plain: this.options.plain,
      events: this.engine,
    })
    if (this.waiting !== undefined) this.waiting.push(session)
    else this.engine.add(session)
  }

  setZebraVersion(release: string | undefined): void {
    this.options.zebraVersion = release
    this.engine.setZebraVersion(release)
  }

  /** Without a keeper there will be no more connections, but those that exist are still FRR's path: they end first. */
  onKeeperLost(): void {
    this.log.fatal({ sessions: this.held.size }, 'the keeper has gone; its connections are served until they end')
    if (this.held.size === 0) void this.end()
  }

  async end(): Promise<void> {
    await this.control.close()
    this.engine.end()
    process.exit(ExitCode.ok)
  }

  private letGo(id: number): void {
    const held = this.held.get(id)
    if (held === undefined) return
    this.held.delete(id)
    held.bgpd.close()
    held.zebra.close()
    closeSync(held.transitToZebra)
    closeSync(held.transitToBgpd)
    if (process.connected) tellKeeper({ type: 'ended', id })
    else if (this.held.size === 0) void this.end()
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
