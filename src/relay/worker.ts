// The relay's worker: it forwards, decodes and injects. The keeper starts it and hands it every connection.
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, FatalError, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { setUser } from '../os/descriptors.js'
import { collectAfterStart } from '../os/garbage.js'
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
  WORKER_PROTOCOL,
  type WorkerOptions,
  isRawHandle,
} from './ipc.js'
import { HandOver } from './hand-over.js'
import { Session } from './session.js'
import { statusSource } from './status.js'
import type { Descriptors } from './stored-names.js'

type Handles = Record<DescriptorName, RawHandle>
type Held = { offer: SessionOffer; handles: Handles }

/** Less than the keeper waits for the end. */
const STOP_MS = 1500

const OTHER_VERSION =
  'macipd was replaced by another version while the relay runs, and its keeper is too old for new workers: restart the relay'

class Worker {
  private readonly engine: Engine
  private readonly control: RelayControl
  /** Handles of the connection whose last one has not arrived yet. */
  private arriving: Partial<Handles> = {}
  private readonly held = new Map<number, Held>()
  /** Sessions that have arrived before `begin`; undefined afterwards. */
  private waiting: Session[] | undefined = []
  private handOver: HandOver | undefined
  private isEnding = false

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
        const opening = { toZebra: toText(hello), toBgpd: toText(capabilities) }
        this.change(id, { opening })
        tellKeeper({ type: 'opening', id, opening })
      },
      onCertain: ({ id }) => {
        log.info({ session: id }, 'what bgpd has is known again')
        this.change(id, { unseen: false })
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
    await this.control.listen(this.options.control, this.options.workerStarts === 1 && !this.options.tookOver)
    tellKeeper({ type: 'ready' })
    collectAfterStart()
  }

  descriptor(name: DescriptorName, offer: SessionOffer, handle: RawHandle): void {
    this.arriving[name] = handle
    if (name !== DESCRIPTORS.at(-1)) return
    const handles = complete(this.arriving)
    this.arriving = {}
    if (handles === undefined) throw new Error(`session ${offer.id} has come without all of its descriptors`)
    this.held.set(offer.id, { offer, handles })
    this.signConnection(offer, handles)
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
    this.change(id, { zebraVersion: version })
  }

  /**
   * Without a keeper no more connections come, but FRR still depends on those that exist: the worker ends after them, or
   * when another keeper has them.
   */
  onKeeperLost(): void {
    if (this.isEnding) return
    this.log.fatal({ sessions: this.held.size }, 'the keeper has gone; its connections are served until they end')
    if (this.held.size === 0) {
      void this.end({ handsOver: false })
      return
    }
    this.handOver = new HandOver(
      this.options.runDir,
      {
        role: 'worker',
        listener: () => undefined,
        connections: () =>
          [...this.held.values()].map(({ offer, handles }) => ({ offer, descriptors: fdsOf(handles) })),
        stop: () => this.stop(),
        resume: undefined,
        onDone: () => process.exit(ExitCode.ok),
      },
      this.log,
    )
    void this.handOver.listen()
  }

  async end({ handsOver }: { handsOver: boolean }): Promise<void> {
    if (handsOver) await this.stop()
    else {
      this.isEnding = true
      await this.control.close()
      this.engine.end()
    }
    process.exit(ExitCode.ok)
  }

  /** Leaves the connections to another process. A sink that takes nothing must not delay it for ever. */
  private async stop(): Promise<void> {
    this.isEnding = true
    this.handOver?.closePath()
    await Promise.race([this.engine.handOver(), sleep(STOP_MS)])
    await this.control.close()
  }

  /** What another process is to know of the connection if this one hands it over. */
  private change(id: number, change: Partial<SessionOffer>): void {
    const held = this.held.get(id)
    if (held !== undefined) Object.assign(held.offer, change)
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

  /** For a keeper that gets the connection while this process lives on. */
  private signConnection({ id }: SessionOffer, { bgpd }: Handles): void {
    try {
      setUser(bgpd.fd, process.pid)
    } catch (error) {
      this.log.warn({ session: id, error: reason(error) }, 'another keeper would not find this worker')
    }
  }

  private closeHandles(id: number): void {
    const held = this.held.get(id)
    if (held === undefined) return
    this.held.delete(id)
    for (const handle of Object.values(held.handles)) handle.close()
    tellKeeper({ type: 'ended', id })
    if (!process.connected && this.held.size === 0) void this.end({ handsOver: false })
  }
}

const toText = (frame: Buffer | undefined): string => frame?.toString('base64') ?? ''
const fromText = (text: string): Buffer => Buffer.from(text, 'base64')

function complete(handles: Partial<Handles>): Handles | undefined {
  const isComplete = (some: Partial<Handles>): some is Handles => DESCRIPTORS.every((name) => some[name] !== undefined)
  return isComplete(handles) ? handles : undefined
}

const fdsOf = ({ bgpd, zebra, ...pipes }: Handles): Descriptors => ({
  ...{ bgpd: bgpd.fd, zebra: zebra.fd },
  ...{ toZebraReadEnd: pipes.toZebraReadEnd.fd, toZebraWriteEnd: pipes.toZebraWriteEnd.fd },
  ...{ toBgpdReadEnd: pipes.toBgpdReadEnd.fd, toBgpdWriteEnd: pipes.toBgpdWriteEnd.fd },
})

/** A keeper that has gone is told nothing: `disconnect` tells of it, and the bytes go on. */
function tellKeeper(message: ToKeeper): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}

function fail(log: Logger, error: unknown): never {
  log.fatal({ error: reason(error), stack: error instanceof Error ? error.stack : undefined }, 'the worker ends')
  const exitCode = error instanceof FatalError ? error.exitCode : ExitCode.internal
  if (error instanceof FatalError) tellKeeper({ type: 'failed', exitCode, message: error.message })
  process.exit(exitCode)
}

ignoreSignals()
let worker: Worker | undefined
/** What both processes of the relay are called in the journal. */
const IDENTIFIER = 'macipd-relay'
const log = createLogger('macipd-relay-worker', 'info', IDENTIFIER)

process.on('message', (message: ToWorker, handle: unknown) => {
  switch (message.type) {
    case 'options':
      log.level = message.options.logLevel
      if (message.protocol !== WORKER_PROTOCOL) fail(log, new FatalError(ExitCode.internal, OTHER_VERSION))
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
      void worker?.end(message)
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
  if (!process.connected) void worker?.end({ handsOver: true })
})
