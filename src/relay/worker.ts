// The relay's worker: it forwards, decodes and injects. The keeper starts it and hands it every connection.
import { dirname, join } from 'node:path'
import { ExitCode, FatalError, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { createLogger } from '../os/log.js'
import { ignoreSignals } from '../os/signals.js'
import { findOpening } from '../zapi/handshake.js'
import { type FrrRelease, frrRelease } from '../zapi/releases.js'
import { RelayControl } from './control.js'
import { Engine } from './engine.js'
import type { Opening } from './exchange.js'
import {
  DESCRIPTORS,
  type DescriptorName,
  type RawHandle,
  type SessionOffer,
  type ToKeeper,
  type ToWorker,
  type WorkerOptions,
  isRawHandle,
} from './ipc.js'
import { Session } from './session.js'
import { statusSource } from './status.js'

type Handles = Record<DescriptorName, RawHandle>

class Worker {
  private readonly engine: Engine
  private readonly control: RelayControl
  /** Handles of the connection whose last one has not arrived yet. */
  private arriving: Partial<Handles> = {}
  private readonly handles = new Map<number, Handles>()
  /** Sessions that have arrived before `begin`; undefined afterwards. */
  private waiting: Session[] | undefined = []

  constructor(
    private readonly options: WorkerOptions,
    private readonly log: Logger,
  ) {
    this.engine = new Engine({
      journal: join(options.runDir, 'journal'),
      configured: this.configured,
      zebraVersions: new Map(options.zebraVersions),
      recentBytes: options.recentBytes,
      vtyDir: dirname(options.zebra),
      onSessionEnd: (session) => {
        this.closeHandles(session.id)
      },
      onOpening: ({ id, hello, capabilities }) => {
        tellKeeper({ type: 'opening', id, opening: { toZebra: toText(hello), toBgpd: toText(capabilities) } })
      },
      onCertain: ({ id }) => {
        log.info({ session: id }, 'what bgpd has is known again')
        tellKeeper({ type: 'certain', id })
      },
      onTrouble: (what, error) => {
        log.error({ error: reason(error) }, what)
      },
    })
    this.control = new RelayControl(this.engine, options.staleMs, statusSource(this.engine, options), log)
    tellKeeper({ type: 'recovered' })
  }

  async begin(): Promise<void> {
    const sessions = this.waiting ?? []
    this.waiting = undefined
    // the bytes go first: nothing that can fail comes before them
    this.engine.begin(sessions)
    await this.control.listen(this.options.control, this.options.workerStarts === 1)
    tellKeeper({ type: 'ready' })
  }

  descriptor(name: DescriptorName, offer: SessionOffer, handle: RawHandle): void {
    this.arriving[name] = handle
    if (name !== DESCRIPTORS.at(-1)) return
    const handles = complete(this.arriving)
    this.arriving = {}
    if (handles === undefined) throw new Error(`session ${offer.id} has come without all of its descriptors`)
    this.handles.set(offer.id, handles)
    const session = new Session({
      id: offer.id,
      since: offer.since,
      descriptors: {
        bgpd: handles.bgpd.fd,
        zebra: handles.zebra.fd,
        toZebra: { readEnd: handles.toZebraReadEnd.fd, writeEnd: handles.toZebraWriteEnd.fd },
        toBgpd: { readEnd: handles.toBgpdReadEnd.fd, writeEnd: handles.toBgpdWriteEnd.fd },
      },
      inherited: offer.inherited ? this.openingOf(offer) : undefined,
      configured: this.configured,
      uncertain: offer.inherited ? this.uncertaintyOf(offer) : undefined,
      zebraVersion: offer.zebraVersion,
      events: this.engine,
    })
    if (this.waiting !== undefined) this.waiting.push(session)
    else this.engine.add(session)
  }

  setZebraVersion(id: number, version: string): void {
    this.engine.setZebraVersion(id, version)
  }

  /** Without a keeper no more connections come, but FRR still depends on those that exist: the worker ends after them. */
  onKeeperLost(): void {
    this.log.fatal({ sessions: this.handles.size }, 'the keeper has gone; its connections are served until they end')
    if (this.handles.size === 0) void this.end()
  }

  async end(): Promise<void> {
    await this.control.close()
    this.engine.end()
    process.exit(ExitCode.ok)
  }

  /** What the journal does not know the keeper may: it is lost sometimes, or no worker has seen the session begin. */
  private openingOf({ id, opening }: SessionOffer): Opening {
    const known = this.engine.openingOf(id)
    const noted = findOpening(known.hello ?? fromText(opening.toZebra), fromText(opening.toBgpd))
    return { hello: noted.hello, capabilities: known.capabilities ?? noted.capabilities }
  }

  private uncertaintyOf(offer: SessionOffer): string | undefined {
    if (offer.unseen) return 'frames have passed while no worker served'
    // before HELLO nothing has passed
    return this.openingOf(offer).hello === undefined ? undefined : this.engine.uncertaintyOf(offer.id)
  }

  private get configured(): FrrRelease | undefined {
    const { frrRelease: name } = this.options
    return name === undefined ? undefined : frrRelease(name)
  }

  private closeHandles(id: number): void {
    const handles = this.handles.get(id)
    if (handles === undefined) return
    this.handles.delete(id)
    for (const handle of Object.values(handles)) handle.close()
    if (process.connected) tellKeeper({ type: 'ended', id })
    else if (this.handles.size === 0) void this.end()
  }
}

const toText = (frame: Buffer | undefined): string => frame?.toString('base64') ?? ''
const fromText = (text: string): Buffer => Buffer.from(text, 'base64')

function complete(handles: Partial<Handles>): Handles | undefined {
  const isComplete = (some: Partial<Handles>): some is Handles => DESCRIPTORS.every((name) => some[name] !== undefined)
  return isComplete(handles) ? handles : undefined
}

function tellKeeper(message: ToKeeper): void {
  process.send?.(message)
}

function fail(log: Logger, error: unknown): void {
  log.fatal({ error: reason(error), stack: error instanceof Error ? error.stack : undefined }, 'the worker ends')
  const exitCode = error instanceof FatalError ? error.exitCode : ExitCode.internal
  if (error instanceof FatalError) tellKeeper({ type: 'failed', exitCode, message: error.message })
  process.exit(exitCode)
}

ignoreSignals()
let worker: Worker | undefined
let log = createLogger('macipd-relay-worker', 'info')

process.on('message', (message: ToWorker, handle: unknown) => {
  switch (message.type) {
    case 'options':
      log = createLogger('macipd-relay-worker', message.options.logLevel)
      worker = new Worker(message.options, log)
      return
    case 'descriptor':
      if (!isRawHandle(handle)) throw new Error(`session ${message.session.id}: no descriptor came with the message`)
      worker?.descriptor(message.name, message.session, handle)
      return
    case 'begin':
      worker?.begin().catch((error: unknown) => {
        fail(log, error)
      })
      return
    case 'zebra-version':
      worker?.setZebraVersion(message.id, message.version)
      return
    case 'ping':
      tellKeeper({ type: 'pong' })
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
