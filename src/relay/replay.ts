// The relay without sockets: it takes the records of an exchange and yields what the relay would do. It is pure; its clock
// is that of the records.
import { reason } from '../base/exit.js'
import type { FrrRelease } from '../zapi/releases.js'
import type { Entry, Key, Status } from '../bindings/model.js'
import { Overlay, INITIAL_SYNC_MS } from './overlay/overlay.js'
import type { Injection } from './overlay/entry.js'
import { Views, sameAttributes } from './overlay/views.js'
import type { ZebraMessage } from '../zapi/evpn-codec.js'
import { type ExchangeEvent, ExchangeReader } from './exchange.js'
import { type ExchangeRecord, RecordKind } from '../record/zapi-records.js'

/** Why a MAC-IP would be withdrawn from bgpd: its status, or that its entry was removed, or that zebra lost it. */
export type Cause = Status | 'removed' | 'lost-by-zebra'

/** What the relay would do or find. `session` is the recorded one. */
export type Act =
  | { type: 'session'; session: number; kind: string; client: string; release: string; releaseReason: string }
  | { type: 'end'; session: number }
  /** A message to bgpd besides zebra's; `cause`: of a withdrawal. */
  | { type: 'inject'; message: Injection; cause: Cause | undefined }
  /** A message of zebra that bgpd would not get, because it has the same from us, or keeps ours. */
  | { type: 'drop'; message: ZebraMessage }
  /** An entry's status has changed. */
  | { type: 'status'; key: Key; status: Status; seq: number }
  /** A message or a record is not what it should be. */
  | { type: 'fault'; session: number; fault: string }
/** What the recorded relay itself injected or dropped. */
export type Done = { type: 'recorded'; act: Extract<Act, { type: 'inject' | 'drop' }> }

/** `time`: milliseconds since the epoch, as recorded. */
export type Timed<T> = T & { time: number }

/**
 * Records closer together than this (milliseconds) are taken for one turn of the relay's event loop, in which it injects
 * once, after all of them; where it did inject is recorded.
 */
const TURN_MS = 2
const BATCH = 256
/** A frame that is deferred so often, for injections that never come, makes the relay lose track. */
const MAX_DEFERRALS = 3
const FROM_THE_PEERS = new Set<RecordKind>([RecordKind.toZebra, RecordKind.toBgpd, RecordKind.dropped])

export type ReplayOptions = {
  /** The release to assume, as `frr.release` of the configuration says. */
  configured: FrrRelease | undefined
  /** Entries that are in the overlay from the start, besides the recorded ones. */
  entries: readonly Entry[]
}

/** What the relay would have done. Frames that the recorded relay injected are not fed to it but yielded as `recorded`. */
export function* replay(
  records: Iterable<ExchangeRecord>,
  { configured, entries }: ReplayOptions,
): Generator<Timed<Act | Done>> {
  const replay = new Replay(configured)
  for (const entry of entries) replay.put(entry)
  let time = 0
  for (const record of records) {
    for (const act of replay.feed(record)) yield { ...act, time: act.time ?? record.time }
    time = record.time
  }
  for (const act of replay.flush()) yield { ...act, time }
}

/** Without `time`, it is that of the record being fed. */
type Result = (Act | Done) & { time?: number }

class Replay {
  private readonly views = new Views()
  private readonly overlay = new Overlay(this.views)
  private readonly reader: ExchangeReader
  /** The last status of each entry, for the cause of a withdrawal. */
  private readonly causes = new Map<string, Cause>()
  private initialSyncAt = Infinity
  private last = 0

  constructor(configured: FrrRelease | undefined) {
    this.reader = new ExchangeReader({ configured, zebraVersions: new Map() })
  }

  put(entry: Entry): void {
    this.causes.delete(keyText(entry))
    this.overlay.put(entry)
  }

  *feed(record: ExchangeRecord): Generator<Result> {
    const { last } = this
    this.last = record.time
    if (record.time - last > TURN_MS || record.kind === RecordKind.injected) {
      for (const act of this.flush()) yield { ...act, time: last === 0 ? record.time : last }
    }
    if (record.time >= this.initialSyncAt) {
      const time = this.initialSyncAt
      this.initialSyncAt = Infinity
      this.overlay.onInitialSyncDone()
      for (const act of this.flush()) yield { ...act, time }
    }
    let event: ExchangeEvent | undefined
    try {
      event = this.reader.read(record)
    } catch (error) {
      yield* this.fault(record, reason(error))
      return
    }
    if (event !== undefined) yield* this.apply(event, record)
  }

  /** Everything that is due now. */
  *flush(): Generator<Act> {
    for (;;) {
      const injections = this.overlay.next(BATCH)
      const reports = this.overlay.takeReports()
      for (const { key, status } of reports) this.causes.set(keyText(key), status)
      for (const message of injections) yield { type: 'inject', message, cause: this.causeOf(message) }
      for (const { key, status, seq } of reports) yield { type: 'status', key, status, seq }
      if (injections.length === 0) return
    }
  }

  private *apply(event: ExchangeEvent, record: ExchangeRecord): Generator<Act | Done> {
    const { session } = record
    switch (event.type) {
      case 'put':
        this.put(event.entry)
        return
      case 'uncertain':
        this.becomeUncertain()
        return
      case 'remove':
        this.causes.set(keyText(event.key), 'removed')
        this.overlay.remove(event.key)
        return
      case 'begun': {
        const { kind, client, releaseReason } = event.handshake
        if (event.again) this.overlay.onSessionLost()
        if (kind === 'main') {
          this.initialSyncAt = record.time + INITIAL_SYNC_MS
          this.overlay.setGate('release-uncertain')
        } else yield { type: 'session', session, kind, client, release: '', releaseReason }
        return
      }
      case 'handshake': {
        const { kind, client, release, releaseName, releaseReason } = event.handshake
        this.overlay.setGate(release === undefined ? 'release-uncertain' : 'open')
        yield { type: 'session', session, kind, client, release: releaseName, releaseReason }
        return
      }
      case 'lost':
        this.initialSyncAt = Infinity
        this.overlay.onSessionLost()
        yield { type: 'end', session }
        return
      case 'bgpd':
        this.overlay.onBgpd(event.message)
        return
      case 'zebra':
        yield* this.zebra(event.message, record)
        if (event.dropped) yield { type: 'recorded', act: { type: 'drop', message: event.message } }
        return
      case 'injected':
        // the relay injects exactly what zebra announces only after it has dropped it; otherwise the message belongs to the
        // snapshot in a journal that was written anew
        if (this.isState(event.message)) this.overlay.onInjected(event.message)
        else yield { type: 'recorded', act: { type: 'inject', message: event.message, cause: undefined } }
        return
      case 'min-sequence':
        this.overlay.onMinSequence(event)
        return
    }
  }

  private *zebra(message: ZebraMessage, record: ExchangeRecord): Generator<Act> {
    for (let deferrals = 0; deferrals < MAX_DEFERRALS; deferrals++) {
      const verdict = this.overlay.onZebra(message)
      if (verdict === 'drop') yield { type: 'drop', message }
      if (verdict !== 'defer') return
      yield* this.flush()
    }
    yield { type: 'fault', session: record.session, fault: 'a frame could not be passed on' }
    this.becomeUncertain()
    this.overlay.onZebra(message)
  }

  /** What the relay reads from FRR then is not in the recording. */
  private becomeUncertain(): void {
    this.overlay.onUncertain()
    this.overlay.setGate('relearning')
  }

  /** A frame of the main session that cannot be decoded ends all injection into it. */
  private *fault({ kind, session }: ExchangeRecord, fault: string): Generator<Act> {
    yield { type: 'fault', session, fault }
    if (!FROM_THE_PEERS.has(kind) || !this.reader.isMain(session)) return
    this.reader.distrust()
    this.overlay.setGate('release-uncertain')
  }

  private isState({ command, body }: Injection): boolean {
    const { vni, mac, ip } = body
    if (ip === undefined || command !== 'ZEBRA_MACIP_ADD' || this.overlay.isOurs({ vni, mac, ip })) return false
    const zebras = this.views.get(vni)?.macIps.get(ip)?.get(mac)
    return zebras !== undefined && sameAttributes(zebras, body)
  }

  private causeOf({ command, body }: Injection): Cause | undefined {
    return command === 'ZEBRA_MACIP_ADD' ? undefined : (this.causes.get(keyText(body)) ?? 'lost-by-zebra')
  }
}

const keyText = ({ vni, mac, ip }: { vni: number; mac: string; ip: string | undefined }): string =>
  `${vni} ${mac} ${ip ?? ''}`
