// Ties views, overlay and journal to the sessions. Sessions feed it messages, the control socket feeds it entries; it
// answers with verdicts and with frames to inject.
import { overlay as proto } from '../gen/overlay.js'
import type { FrrRelease } from '../zapi/releases.js'
import type { Entry, Key } from '../bindings/model.js'
import { Overlay, INITIAL_SYNC_MS } from './overlay/overlay.js'
import type { Gate, Report } from './overlay/entry.js'
import type { Orphan } from './overlay/restate.js'
import type { Verdict } from '../zapi/scanner.js'
import { Views } from './overlay/views.js'
import type { BgpMessage, ZebraMessage } from '../zapi/evpn-codec.js'
import { entryToProto, keyToProto } from '../control/relay-codec.js'
import { RecordKind, encodeGap } from '../record/zapi-records.js'
import type { Opening } from './exchange.js'
import { OverlayInjections } from './injections.js'
import { Journal } from './journal.js'
import { addPassed, NOTHING_PASSED, type Passed } from './passed.js'
import { type Recovered, recover } from './recover.js'
import { Relearning, retryDelay } from './relearning.js'
import { Ring } from '../record/ring.js'
import type { Session, SessionEvents } from './session.js'
import { snapshot } from './snapshot.js'

const NO_BYTES = Buffer.alloc(0)
/** Stands for a frame that is missing from the recording because it passed in parts. */
const PART_GAP = encodeGap({ lost: 0, inParts: 1 })

/** Gets what changes. */
export type EngineListener = {
  /** A message has passed, or should have: it makes the views what FRR shows. */
  onMessage(message: ZebraMessage | BgpMessage): void
  onReset(): void
  onReports(reports: (Report & { key: Key })[]): void
  /** bgpd has a MAC-IP that neither zebra nor an entry accounts for; it is withdrawn unless an entry is put. */
  onOrphan(orphan: Orphan): void
}

export class Engine implements SessionEvents {
  readonly views = new Views()
  readonly overlay = new Overlay(this.views)
  readonly sessions = new Map<number, Session>()
  readonly counters = { journalErrors: 0, protocolErrors: 0, uncertainties: 0, framesInParts: 0, unframedBytes: 0 }
  /** What passed in sessions that have ended. */
  readonly passed: Passed = { ...NOTHING_PASSED }
  /** What `macipctl zapi dump` shows; undefined if the configuration sets its size to 0. */
  readonly recent: Ring | undefined
  main: Session | undefined
  listener: EngineListener | undefined
  private readonly recovered: Recovered
  private relearning: Relearning | undefined
  /** How often one was begun anew without having come to its end. */
  private interruptions = 0
  /** Why the last attempt to read from FRR what bgpd has came to nothing. */
  relearningFailure: string | undefined
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
      /** The directory of zebra's and bgpd's vty sockets. */
      vtyDir: string
      onSessionEnd: (session: Session) => void
      /** HELLO or CAPABILITIES of the session has been seen. */
      onOpening: (session: Session) => void
      /** What bgpd has been told in the session is known again. */
      onCertain: (session: Session) => void
      onTrouble: (what: string, error: unknown) => void
    },
  ) {
    this.recent = options.recentBytes === 0 ? undefined : new Ring(options.recentBytes)
    this.recovered = recover(this.readJournal(), this.overlay, options)
  }

  get journalFailure(): Journal['failure'] {
    return this.journal?.failure
  }

  /** What the journal says of a session that is older than this process. */
  openingOf(id: number): Opening {
    return this.recovered.openings.get(id) ?? { hello: undefined, capabilities: undefined }
  }

  /** Why it is not certain what bgpd has been told in a session that is older than this process. */
  uncertaintyOf(id: number): string | undefined {
    const { openings, untrusted } = this.recovered
    if (untrusted !== undefined) return `the journal cannot be trusted: ${untrusted}`
    return openings.get(id)?.uncertain
  }

  /** Takes over the sessions that still exist. Others that the journal knows have ended. */
  begin(sessions: readonly Session[]): void {
    for (const session of sessions) {
      this.sessions.set(session.id, session)
      if (session.handshake.kind === 'main') this.setMain(session)
    }
    if (this.main === undefined) this.overlay.onSessionLost()
    else if (this.main.uncertain !== undefined) this.onUncertain(this.main)
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
    this.options.onOpening(session)
    if (session.handshake.kind !== 'main') return
    if (begins) {
      if (this.main !== undefined) this.clearMain()
      this.setMain(session)
    }
    this.updateGate()
  }

  onZebra(session: Session, message: ZebraMessage, frame: Buffer, hasPassed: boolean): Verdict {
    if (session !== this.main) return 'pass'
    const judged = this.overlay.onZebra(message)
    if (judged === 'defer' && !hasPassed) return judged
    // bgpd has now what zebra says; injections put it right, where they should have come before it as well
    if (judged !== 'pass' && hasPassed) this.overlay.onRecorded(message, false)
    const verdict = hasPassed ? 'pass' : judged
    this.record(verdict === 'drop' ? RecordKind.dropped : RecordKind.toBgpd, session.id, frame)
    this.relearning?.onMessage(message)
    this.listener?.onMessage(message)
    this.scheduleFlush()
    return verdict
  }

  onBgpd(session: Session, message: BgpMessage, frame: Buffer): void {
    if (session !== this.main) return
    const implied = this.overlay.onBgpd(message)
    this.record(RecordKind.toZebra, session.id, frame)
    this.relearning?.onMessage(message)
    if (implied !== undefined) this.listener?.onMessage(implied)
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

  onUncertain(session: Session): void {
    const why = session.uncertain ?? ''
    const what =
      session === this.main
        ? 'it is not certain what bgpd has been told; it is read from FRR'
        : `messages of session ${session.id} have passed that were not understood`
    this.counters.uncertainties++
    this.options.onTrouble(what, new Error(why))
    this.record(RecordKind.uncertain, session.id, Buffer.from(why))
    this.recent?.append(RecordKind.uncertain, session.id, Buffer.from(why))
    if (session !== this.main) return
    if (this.relearning !== undefined) this.interruptions++
    this.relearning?.cancel()
    this.relearning = undefined
    this.overlay.onUncertain()
    this.updateGate()
  }

  beforeConsume(): void {
    this.journal?.flush()
  }

  onEnded(session: Session): void {
    session.close()
    this.sessions.delete(session.id)
    this.counters.unframedBytes += session.unframed
    addPassed(this.passed, session)
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
    this.interruptions = 0
    clearTimeout(this.initialSync)
    this.initialSync = setTimeout(() => {
      this.overlay.onInitialSyncDone()
      this.scheduleFlush()
    }, untilInitialSync(session)).unref()
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
    const gate = gateOf(main)
    this.overlay.setGate(gate)
    if (main !== undefined)
      main.toBgpd.injections =
        gate === 'open' && main.release !== undefined ? this.injectionsFor(main, main.release) : undefined
    if (gate !== 'relearning') {
      this.relearning?.cancel()
      this.relearning = undefined
    } else if (main !== undefined) this.relearning ??= this.relearn(main)
    this.scheduleFlush()
  }

  private relearn(session: Session): Relearning {
    this.relearningFailure = undefined
    return new Relearning({
      overlay: this.overlay,
      vtyDir: this.options.vtyDir,
      // zebra, which has just begun to announce what it has, does not have it all in its tables either
      delayMs: Math.max(untilInitialSync(session), retryDelay(this.interruptions)),
      session,
      onOrphan: (orphan) => this.listener?.onOrphan(orphan),
      onCorrection: (message) => this.listener?.onMessage(message),
      onFailed: (why) => {
        this.relearningFailure = why
        this.options.onTrouble('what bgpd has cannot be read from FRR; it is tried again', new Error(why))
      },
      onDone: () => {
        session.markCertain()
        this.relearning = undefined
        this.interruptions = 0
        this.relearningFailure = undefined
        this.overlay.onInitialSyncDone()
        this.journal?.rewrite()
        this.options.onCertain(session)
        this.updateGate()
      },
    })
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

function gateOf(main: Session | undefined): Gate {
  if (main === undefined) return 'no-session'
  if (main.release === undefined) return 'release-uncertain'
  return main.uncertain === undefined ? 'open' : 'relearning'
}

/** How long zebra may still take to announce all it has. */
const untilInitialSync = ({ since }: Session): number =>
  Math.min(Math.max(since + INITIAL_SYNC_MS - Date.now(), 0), INITIAL_SYNC_MS)
