// Turns the records of an exchange into what `macipctl zapi dump` shows.
import { overlay as proto } from '../../../gen/overlay.js'
import { type Direction, type Dissection, dissect, type Json } from '../../../zapi/dissect.js'
import { entryFromProto, keyFromProto } from '../../../control/relay-codec.js'
import { decodeGap, type ExchangeRecord, type Gap, RecordKind } from '../../../record/zapi-records.js'
import type { RecordedSessions } from './sessions.js'

/** A message has `passed` unchanged, or macipd has `injected` or `dropped` it; bgpd does not get what is dropped. */
export type Mark = 'passed' | 'injected' | 'dropped'

type Common = {
  record: ExchangeRecord
  /** Milliseconds since the epoch. */
  time: number
  session: number
  /** `main`, `vnc`, `synchronous`, `other`, `unknown`. */
  kind: string
}
export type MessageEvent = Common & {
  type: 'message'
  direction: Direction
  mark: Mark
  /** The release that the message is decoded with. */
  release: string | undefined
  dissection: Dissection
}
export type OverlayEvent = Common & { type: 'overlay-put' | 'overlay-removed'; fields: { [name: string]: Json } }
export type SessionEvent = Common & { type: 'opened' | 'closed' }
export type GapEvent = Common & Gap & { type: 'gap' }
/** From here on it is not certain what bgpd has been told. */
export type UncertainEvent = Common & { type: 'uncertain'; why: string }
export type DumpEvent = MessageEvent | OverlayEvent | SessionEvent | GapEvent | UncertainEvent

/** So many messages at most wait for the one that tells their release. */
const MAX_WAITING = 1000

export class Decoder {
  private waiting: ExchangeRecord[] = []

  constructor(private readonly sessions: RecordedSessions) {}

  /**
   * Returns the events that are certain after this record: what bgpd says between HELLO and zebra's CAPABILITIES can
   * be decoded only after these. Keeps views of `bytes`.
   */
  feed(record: ExchangeRecord): DumpEvent[] {
    this.sessions.learn(record)
    this.waiting.push(record)
    const ended = record.kind === RecordKind.closed
    const undecided = this.waiting.some(({ session }) => this.sessions.isUndecided(session))
    return !undecided || ended || this.waiting.length >= MAX_WAITING ? this.flush() : []
  }

  /** Returns the events of all records that wait, decoded as well as they can be. */
  flush(): DumpEvent[] {
    const events = this.waiting.flatMap((record) => this.event(record) ?? [])
    for (const { kind, session } of this.waiting) if (kind === RecordKind.closed) this.sessions.forget(session)
    this.waiting = []
    return events
  }

  get isWaiting(): boolean {
    return this.waiting.length > 0
  }

  private event(record: ExchangeRecord): DumpEvent | undefined {
    const { kind, time, session, bytes } = record
    const common = { record, time, session, kind: this.sessions.kindOf(session) }
    switch (kind) {
      case RecordKind.toZebra:
        return this.message(common, 'to-zebra', 'passed')
      case RecordKind.toBgpd:
        return this.message(common, 'to-bgpd', 'passed')
      case RecordKind.dropped:
        return this.message(common, 'to-bgpd', 'dropped')
      case RecordKind.injected:
        return this.message(common, 'to-bgpd', 'injected')
      case RecordKind.overlayPut:
        return { ...common, type: 'overlay-put', fields: attempt(() => entryFromProto(proto.Entry.decode(bytes))) }
      case RecordKind.overlayRemove:
        return { ...common, type: 'overlay-removed', fields: attempt(() => keyFromProto(proto.Key.decode(bytes))) }
      case RecordKind.opened:
        return { ...common, type: 'opened' }
      case RecordKind.closed:
        return { ...common, type: 'closed' }
      case RecordKind.known:
      case RecordKind.minSequence:
      case RecordKind.checksum:
      case RecordKind.written:
        return undefined
      case RecordKind.uncertain:
        return { ...common, type: 'uncertain', why: bytes.toString() }
      case RecordKind.gap:
        return { ...common, type: 'gap', ...decodeGap(bytes) }
    }
  }

  private message(common: Common, direction: Direction, mark: Mark): MessageEvent {
    const release = this.sessions.releaseOf(common.session)
    const dissection = dissect(common.record.bytes, release, direction)
    return { ...common, type: 'message', direction, mark, release: release?.name, dissection }
  }
}

/** Decodes the fields of a record, which may be anything if it is from a file. */
function attempt(decode: () => { [name: string]: Json }): { [name: string]: Json } {
  try {
    return decode()
  } catch (error) {
    return { undecoded: error instanceof Error ? error.message : String(error) }
  }
}
