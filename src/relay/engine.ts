// Ties views, overlay and journal to the sessions. Sessions feed it messages, the control socket feeds it entries; it
// answers with verdicts and with frames to inject.
import { overlay as proto } from '../gen/overlay.js'
import type { FrrRelease } from '../zapi/releases.js'
import type { Entry, Key } from '../bindings/model.js'
import { Overlay, INITIAL_SYNC_MS } from './overlay/overlay.js'
import type { Report } from './overlay/entry.js'
import type { Verdict } from '../zapi/scanner.js'
import { Views } from './overlay/views.js'
import type { BgpMessage, ZebraMessage } from '../zapi/evpn-codec.js'
import { entryToProto, keyToProto } from '../control/relay-codec.js'
import { RecordKind, encodeGap } from '../record/zapi-records.js'
import type { Opening } from './exchange.js'
import { OverlayInjections } from './injections.js'
import { Journal } from './journal.js'
import { recover } from './recover.js'
import { Ring } from '../record/ring.js'
import type { Session, SessionEvents } from './session.js'
import { snapshot } from './snapshot.js'

const NO_BYTES = Buffer.alloc(0)
/** Stands for a frame that is missing from the recording because it passed in parts. */
const PART_GAP = encodeGap({ lost: 0, inParts: 1 })

/** Gets what changes. */
export type EngineListener = {
  onMessage(message: ZebraMessage | BgpMessage): void
  onReset(): void
  onReports(reports: (Report & { key: Key })[]): void
}

export class Engine implements SessionEvents {
  readonly views = new Views()
  readonly overlay = new Overlay(this.views)
  readonly sessions = new Map<number, Session>()
  readonly counters = { journalErrors: 0, protocolErrors: 0, framesInParts: 0, unframedBytes: 0 }
  /** What `macipctl zapi dump` shows; undefined if the configuration sets its size to 0. */
  readonly recent: Ring | undefined
  main: Session | undefined
  listener: EngineListener | undefined
  private readonly inherited: Map<number, Opening>
  private journal: Journal | undefined
  private initialSync: NodeJS.Timeout | undefined
  private flushScheduled = false

  constructor(
    private readonly options: {
      journal: string
      configured: FrrRelease | undefined
      /** What zebra's vty has reported for the sessions that exist, by their numbers. */
      zebraVersions: ReadonlyMap<number, string>
      /** Size of `recent` in bytes. */
      recentBytes: number
      onSessionEnd: (session: Session) => void
      onTrouble: (what: string, error: unknown) => void
    },
  ) {
    this.recent = options.recentBytes === 0 ? undefined : new Ring(options.recentBytes)
    this.inherited = recover(this.readJournal(), this.overlay, options, (error) => {
      this.counters.journalErrors++
      options.onTrouble('a record of the journal is left out', error)
    })
  }

  /** The first frames of a session that is older than this process. */
  openingOf(id: number): Opening {
    return this.inherited.get(id) ?? { hello: undefined, capabilities: undefined }
  }

  /** Takes over the sessions that still exist. Others that the journal knows have ended. */
  begin(sessions: readonly Session[]): void {
    for (const session of sessions) {
      this.sessions.set(session.id, session)
      if (session.handshake.kind === 'main') this.setMain(session)
    }
    if (this.main === undefined) this.overlay.onSessionLost()
    this.journal = new Journal(this.options.journal, () => snapshot(this), this.onJournalError)
    this.updateGate()
    for (const session of sessions) session.start()
  }

  add(session: Session): void {
    this.sessions.set(session.id, session)
    this.recent?.append(RecordKind.opened, session.id, NO_BYTES)
    session.start()
  }

  /** zebra's vty has answered for a session that began without its answer. */
  setZebraVersion(session: number, version: string): void {
    this.sessions.get(session)?.setZebraVersion(version)
    this.updateGate()
  }

  put(entry: Entry): void {
    this.overlay.put(entry)
    const bytes = proto.Entry.encode(entryToProto(entry)).finish()
    this.record(RecordKind.overlayPut, 0, bytes)
    this.recent?.append(RecordKind.overlayPut, 0, bytes)
    this.scheduleFlush()
  }

  remove(key: Key): void {
    this.overlay.remove(key)
    const bytes = proto.Key.encode(keyToProto(key)).finish()
    this.record(RecordKind.overlayRemove, 0, bytes)
    this.recent?.append(RecordKind.overlayRemove, 0, bytes)
    this.scheduleFlush()
  }

  onFrame({ id }: Session, kind: RecordKind, bytes: Buffer, offset: number, length: number): void {
    this.recent?.append(kind, id, bytes, offset, length)
  }

  onPart({ id }: Session): void {
    this.counters.framesInParts++
    this.recent?.append(RecordKind.gap, id, PART_GAP)
  }

  onHandshake(session: Session, frame: Buffer, direction: 'toZebra' | 'toBgpd'): void {
    const begins = direction === 'toZebra'
    this.record(begins ? RecordKind.toZebra : RecordKind.toBgpd, session.id, frame)
    if (session.handshake.kind !== 'main') return
    if (begins) {
      if (this.main !== undefined) this.clearMain()
      this.setMain(session)
    }
    this.updateGate()
  }

  onZebra(session: Session, message: ZebraMessage, frame: Buffer): Verdict {
    if (session !== this.main) return 'pass'
    const verdict = this.overlay.onZebra(message)
    if (verdict === 'defer') return verdict
    this.record(verdict === 'drop' ? RecordKind.dropped : RecordKind.toBgpd, session.id, frame)
    this.listener?.onMessage(message)
    this.scheduleFlush()
    return verdict
  }

  onBgpd(session: Session, message: BgpMessage, frame: Buffer): void {
    if (session !== this.main) return
    this.overlay.onBgpd(message)
    this.record(RecordKind.toZebra, session.id, frame)
    this.listener?.onMessage(message)
    this.scheduleFlush()
  }

  onProtocolError(session: Session, why: string): void {
    this.counters.protocolErrors++
    this.options.onTrouble(
      `session ${session.id} is not understood; its bytes pass, nothing is injected`,
      new Error(why),
    )
    this.updateGate()
  }

  beforeConsume(): void {
    this.journal?.flush()
  }

  onEnded(session: Session): void {
    session.close()
    this.sessions.delete(session.id)
    this.counters.unframedBytes += session.unframed
    this.record(RecordKind.closed, session.id, NO_BYTES)
    this.recent?.append(RecordKind.closed, session.id, NO_BYTES)
    this.journal?.flush()
    if (session === this.main) this.clearMain()
    this.updateGate()
    this.options.onSessionEnd(session)
  }

  /** Deletes the journal: there will be no successor. */
  end(): void {
    this.journal?.remove()
  }

  /** The journal is a successor's. Resolves when no session moves bytes any more, and nothing of ours is half written. */
  async handOver(): Promise<void> {
    await Promise.all([...this.sessions.values()].map((session) => session.finish()))
    this.journal?.flush()
  }

  private setMain(session: Session): void {
    this.main = session
    clearTimeout(this.initialSync)
    this.initialSync = setTimeout(() => {
      this.overlay.onInitialSyncDone()
      this.scheduleFlush()
    }, INITIAL_SYNC_MS).unref()
  }

  private clearMain(): void {
    clearTimeout(this.initialSync)
    if (this.main !== undefined) this.main.toBgpd.injections = undefined
    this.main = undefined
    this.overlay.onSessionLost()
    this.listener?.onReset()
  }

  private updateGate(): void {
    const { main } = this
    if (main === undefined) this.overlay.setGate('no-session')
    else {
      const { release } = main
      this.overlay.setGate(release === undefined ? 'release-uncertain' : 'open')
      main.toBgpd.injections = release && this.injectionsFor(main, release)
    }
    this.scheduleFlush()
  }

  private injectionsFor(session: Session, release: FrrRelease): OverlayInjections {
    return new OverlayInjections(this.overlay, release, {
      beforeWrite: (count) => {
        // a successor must know the entries before bgpd gets the routes made of them
        this.journal?.flush()
        session.frames.injected += count
      },
      onWritten: (frames) => {
        for (const frame of frames) {
          this.record(RecordKind.injected, session.id, frame)
          this.recent?.append(RecordKind.injected, session.id, frame)
        }
        this.journal?.flush()
        this.scheduleFlush()
      },
    })
  }

  /** Lets the main session's channel inject, and reports statuses, once for all changes of this turn. */
  private scheduleFlush(): void {
    if (this.flushScheduled) return
    this.flushScheduled = true
    queueMicrotask(() => {
      this.flushScheduled = false
      const channel = this.main?.toBgpd
      if (channel?.injections === undefined) this.overlay.refreshStatuses()
      else channel.run()
      const reports = this.overlay.takeReports()
      if (reports.length > 0) this.listener?.onReports(reports)
      this.journal?.flush()
    })
  }

  private record(kind: RecordKind, session: number, bytes: Uint8Array): void {
    this.journal?.append({ kind, time: Date.now(), session, bytes: Buffer.from(bytes) })
  }

  private readJournal(): Buffer {
    try {
      return Journal.read(this.options.journal)
    } catch (error) {
      this.onJournalError(error)
      return Buffer.alloc(0)
    }
  }

  private readonly onJournalError = (error: unknown): void => {
    this.counters.journalErrors++
    this.options.onTrouble('the journal cannot be used: without it a successor of this worker knows nothing', error)
  }
}
