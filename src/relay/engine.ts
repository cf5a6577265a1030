// What the relay knows and decides, over all sessions: views, overlay, journal. Sessions feed it messages, the control
// socket feeds it entries; it answers with verdicts and with frames to inject.
import { overlay as proto } from '../gen/overlay.js'
import type { FrrRelease } from '../zapi/releases.js'
import type { Entry, Key } from '../bindings/model.js'
import { ZERO_ESI } from '../zapi/messages/macip.js'
import { Overlay, INITIAL_SYNC_MS } from './overlay/overlay.js'
import type { Report } from './overlay/entry.js'
import type { Verdict } from '../zapi/scanner.js'
import { Views, viewMessages } from './overlay/views.js'
import { type BgpMessage, type ZebraMessage, encodeMessage, isFromBgpd } from '../zapi/evpn-codec.js'
import { entryToProto, keyToProto } from '../control/relay-codec.js'
import { type ExchangeRecord, RecordKind, encodeGap } from '../record/zapi-records.js'
import type { Opening } from './exchange.js'
import { Journal } from './journal.js'
import { replay } from './recover.js'
import { Ring } from '../record/ring.js'
import type { Session, SessionEvents } from './session.js'

/** Frames injected with one system call: few enough that the kernel takes all or none. */
const INJECTION_BATCH = 256
const NOTHING = Buffer.alloc(0)
/** A frame that passed in parts is missing. */
const PART_GAP = encodeGap({ lost: 0, inParts: 1 })

/** Who wants to know what changes. */
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
  /** What `macipctl zapi dump` shows; undefined if the configuration wants none. */
  readonly recent: Ring | undefined
  main: Session | undefined
  listener: EngineListener | undefined
  private readonly inherited: Map<number, Opening>
  private journal: Journal | undefined
  /** Frames that are being written to bgpd. */
  private injecting: Buffer[] = []
  private initialSync: NodeJS.Timeout | undefined
  private flushScheduled = false

  constructor(
    private readonly options: {
      journal: string
      configured: FrrRelease | undefined
      zebraVersion: string | undefined
      /** Size of `recent` in bytes. */
      recentBytes: number
      onSessionEnd: (session: Session) => void
      onTrouble: (what: string, error: unknown) => void
    },
  ) {
    this.recent = options.recentBytes === 0 ? undefined : new Ring(options.recentBytes)
    this.inherited = replay(Journal.read(options.journal), this.overlay, options, (error) => {
      this.counters.journalErrors++
      options.onTrouble('a record of the journal is left out', error)
    })
  }

  /** How a session began that is older than this process. */
  openingOf(id: number): Opening {
    return this.inherited.get(id) ?? { hello: undefined, capabilities: undefined }
  }

  /** Takes over the sessions that still exist; what the journal says of others is over. */
  begin(sessions: readonly Session[]): void {
    for (const session of sessions) {
      this.sessions.set(session.id, session)
      if (session.handshake.kind === 'main') this.setMain(session)
    }
    if (this.main === undefined) this.overlay.onSessionLost()
    this.journal = new Journal(this.options.journal, () => this.snapshot(), this.onJournalError)
    this.updateGate()
    for (const session of sessions) session.start()
  }

  add(session: Session): void {
    this.sessions.set(session.id, session)
    this.recent?.append(RecordKind.opened, session.id, NOTHING)
    session.start()
  }

  /** zebra has said which release it is. */
  setZebraVersion(release: string | undefined): void {
    for (const session of this.sessions.values()) session.setZebraVersion(release)
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

  nextInjection(session: Session): Buffer | undefined {
    if (session !== this.main || session.release === undefined || !this.overlay.pending) return undefined
    const { release } = session
    const injections = this.overlay.next(INJECTION_BATCH)
    if (injections.length === 0) return undefined
    // a successor must know the entries that bgpd is about to hear of
    this.journal?.flush()
    this.injecting = injections.map((message) => encodeMessage(release, message))
    session.frames.injected += injections.length
    return Buffer.concat(this.injecting)
  }

  onInjected(session: Session): void {
    for (const frame of this.injecting) {
      this.record(RecordKind.injected, session.id, frame)
      this.recent?.append(RecordKind.injected, session.id, frame)
    }
    this.injecting = []
    this.journal?.flush()
    this.scheduleFlush()
  }

  beforeConsume(): void {
    this.journal?.flush()
  }

  onEnded(session: Session): void {
    session.close()
    this.sessions.delete(session.id)
    this.counters.unframedBytes += session.unframed
    this.record(RecordKind.closed, session.id, NOTHING)
    this.recent?.append(RecordKind.closed, session.id, NOTHING)
    this.journal?.flush()
    if (session === this.main) this.clearMain()
    this.updateGate()
    this.options.onSessionEnd(session)
  }

  /** Nothing is left to succeed to. */
  end(): void {
    this.journal?.remove()
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
    this.main = undefined
    this.overlay.onSessionLost()
    this.listener?.onReset()
  }

  private updateGate(): void {
    if (this.main === undefined) this.overlay.setGate('no-session')
    else this.overlay.setGate(this.main.release === undefined ? 'release-uncertain' : 'open')
    this.scheduleFlush()
  }

  /** Lets the main session's channel inject and the listener hear, once for all that has happened in this turn. */
  private scheduleFlush(): void {
    if (this.flushScheduled) return
    this.flushScheduled = true
    queueMicrotask(() => {
      this.flushScheduled = false
      // while nothing can be injected nobody asks for it, but statuses change all the same
      if (this.main?.release === undefined) this.overlay.next(Infinity)
      else this.main.toBgpd.run()
      const reports = this.overlay.takeReports()
      if (reports.length > 0) this.listener?.onReports(reports)
      this.journal?.flush()
    })
  }

  private record(kind: RecordKind, session: number, bytes: Uint8Array): void {
    this.journal?.append({ kind, time: Date.now(), session, bytes: Buffer.from(bytes) })
  }

  private readonly onJournalError = (error: unknown): void => {
    this.counters.journalErrors++
    this.options.onTrouble('the journal cannot be written: a successor of this worker will know nothing', error)
  }

  /** Today's state as the records it could have come from. */
  private *snapshot(): Generator<ExchangeRecord> {
    const time = Date.now()
    const record = (kind: RecordKind, session: number, bytes: Uint8Array): ExchangeRecord => {
      return { kind, time, session, bytes: Buffer.from(bytes) }
    }
    for (const { id, hello, capabilities } of this.sessions.values()) {
      if (hello !== undefined) yield record(RecordKind.toZebra, id, hello)
      if (capabilities !== undefined) yield record(RecordKind.toBgpd, id, capabilities)
    }
    for (const { entry } of this.overlay.entries()) {
      yield record(RecordKind.overlayPut, 0, proto.Entry.encode(entryToProto(entry)).finish())
    }
    if (this.main?.release === undefined) return
    const { id, release } = this.main
    for (const { vni, mac, seq } of this.overlay.heldMinSequences()) {
      const body = { vni, mac, ip: undefined, flags: 0, seq, esi: ZERO_ESI }
      yield record(RecordKind.minSequence, id, encodeMessage(release, { command: 'ZEBRA_MACIP_ADD', vrf: 0, body }))
    }
    for (const message of viewMessages(this.views)) {
      yield record(this.kindOf(message), id, encodeMessage(release, message))
    }
    for (const message of this.overlay.injected())
      yield record(RecordKind.injected, id, encodeMessage(release, message))
  }

  private kindOf(message: ZebraMessage | BgpMessage): RecordKind {
    if (isFromBgpd(message)) return RecordKind.toZebra
    return this.overlay.keepsBack(message) ? RecordKind.dropped : RecordKind.toBgpd
  }
}
