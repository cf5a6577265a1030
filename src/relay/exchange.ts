// What the records of an exchange mean: which session is the main one, which line speaks, what was said in it.
import { overlay as proto } from '../gen/overlay.js'
import { HEADER_SIZE, frameCommand, frameLength, headerFault } from '../zapi/frame.js'
import { type Introduction, answers, introduce } from '../zapi/handshake.js'
import type { ReleaseLine } from '../zapi/releases.js'
import type { Key } from './overlay/index-of-records.js'
import type { Injection, OverlayEntry } from './overlay/entry.js'
import { type BgpMessage, Watch, type ZebraMessage } from '../zapi/evpn-codec.js'
import { entryFromProto, keyFromProto } from '../control/relay-codec.js'
import { type ExchangeRecord, RecordKind } from '../record/zapi-records.js'

/**
 * One record, understood. Messages are those of the main session while its line is certain; what the recorded relay
 * injected is understood even when this reader has its doubts.
 */
export type ExchangeEvent =
  | { type: 'put'; entry: OverlayEntry }
  | { type: 'remove'; key: Key }
  /** A session has begun; `again`: it is the main one, and the earlier one has not been seen to end. */
  | { type: 'begun'; introduction: Introduction; again: boolean }
  /** zebra has answered in the main session. */
  | { type: 'introduced'; introduction: Introduction }
  | { type: 'lost' }
  | { type: 'bgpd'; message: BgpMessage }
  | { type: 'zebra'; message: ZebraMessage; held: boolean }
  | { type: 'injected'; message: Injection }
  /** bgpd has the MAC with `seq` or more, because an entry demanded it. */
  | { type: 'floor'; vni: number; mac: string; seq: number }

/** A session's first frames, as far as they were seen. */
export type Opening = { hello: Buffer | undefined; capabilities: Buffer | undefined }

type FrameRecord = ExchangeRecord & {
  kind: (typeof RecordKind)['toZebra' | 'toBgpd' | 'held' | 'injected' | 'floor']
}
/** What is known of the line besides the frames: from the configuration, and from zebra itself. */
export type KnownLine = { configured: ReleaseLine | undefined; running: string | undefined }
type Watches = { zebra: Watch<ZebraMessage>; bgpd: Watch<BgpMessage> }

export class ExchangeReader {
  readonly openings = new Map<number, Opening>()
  private main: { id: number; watches: Watches | undefined; injected: Watch<ZebraMessage> | undefined } | undefined

  constructor(private readonly known: KnownLine) {}

  /** Undefined for a record that changes nothing. Throws on one that cannot be understood. */
  read(record: ExchangeRecord): ExchangeEvent | undefined {
    const { kind, session, bytes } = record
    switch (kind) {
      case RecordKind.overlayPut:
        return { type: 'put', entry: entryFromProto(proto.Entry.decode(bytes)) }
      case RecordKind.overlayRemove:
        return { type: 'remove', key: keyFromProto(proto.Key.decode(bytes)) }
      case RecordKind.closed:
        this.openings.delete(session)
        if (this.main?.id !== session) return undefined
        this.main = undefined
        return { type: 'lost' }
      case RecordKind.toZebra:
      case RecordKind.toBgpd:
      case RecordKind.held:
      case RecordKind.injected:
      case RecordKind.floor:
        return this.readFrame({ kind, session, bytes, time: record.time })
      case RecordKind.known:
        return this.join(session, bytes)
      case RecordKind.opened:
      case RecordKind.gap:
        return undefined
    }
  }

  /** The recording begins inside a session: what came before its first message is not known, but its line is. */
  private join(session: number, frames: Buffer): ExchangeEvent | undefined {
    const hello = frames.subarray(0, frames.length < HEADER_SIZE ? 0 : frameLength(frames))
    const capabilities = frames.subarray(hello.length)
    if (hello.length === 0) return undefined
    const begun = this.readFrame({ kind: RecordKind.toZebra, session, bytes: hello, time: 0 })
    if (capabilities.length === 0) return begun
    return this.readFrame({ kind: RecordKind.toBgpd, session, bytes: capabilities, time: 0 }) ?? begun
  }

  isMain(session: number): boolean {
    return this.main?.id === session
  }

  /** Nothing more of the main session is understood. */
  doubt(): void {
    if (this.main !== undefined) this.main.watches = undefined
  }

  private readFrame(record: FrameRecord): ExchangeEvent | undefined {
    const { kind, session, bytes } = record
    checkFrame(bytes)
    const opening = this.openings.get(session) ?? { hello: undefined, capabilities: undefined }
    this.openings.set(session, opening)
    if (opening.hello === undefined && kind === RecordKind.toZebra) {
      opening.hello = Buffer.from(bytes)
      const introduction = introduce(opening.hello, undefined, undefined)
      const again = introduction.kind === 'main' && this.main !== undefined
      if (introduction.kind === 'main') this.main = { id: session, watches: undefined, injected: undefined }
      return { type: 'begun', introduction, again }
    }
    if (opening.capabilities === undefined && opening.hello !== undefined && kind === RecordKind.toBgpd) {
      if (!answers(opening.hello, bytes)) return undefined
      opening.capabilities = Buffer.from(bytes)
      if (this.main?.id !== session) return undefined
      const { configured, running } = this.known
      const introduction = introduce(opening.hello, opening.capabilities, configured, running)
      const spoken = introduce(opening.hello, opening.capabilities, undefined).line
      this.main.injected = spoken && Watch.zebra(spoken)
      this.main.watches = introduction.line && watchesOf(introduction.line)
      return { type: 'introduced', introduction }
    }
    return this.readMessage(record)
  }

  private readMessage({ kind, session, bytes }: FrameRecord): ExchangeEvent | undefined {
    if (this.main?.id !== session) return undefined
    const { watches, injected } = this.main
    const command = frameCommand(bytes)
    if (kind === RecordKind.injected || kind === RecordKind.floor) {
      const message = injected?.has(command) === true ? injected.decode(bytes) : undefined
      if (message?.command !== 'ZEBRA_MACIP_ADD' && message?.command !== 'ZEBRA_MACIP_DEL') return undefined
      if (kind === RecordKind.injected) return { type: 'injected', message }
      const { vni, mac } = message.body
      return message.command === 'ZEBRA_MACIP_ADD' ? { type: 'floor', vni, mac, seq: message.body.seq } : undefined
    }
    if (kind === RecordKind.toZebra) {
      return watches?.bgpd.has(command) === true ? { type: 'bgpd', message: watches.bgpd.decode(bytes) } : undefined
    }
    if (watches?.zebra.has(command) !== true) return undefined
    return { type: 'zebra', message: watches.zebra.decode(bytes), held: kind === RecordKind.held }
  }
}

const watchesOf = (line: ReleaseLine): Watches => ({ zebra: Watch.zebra(line), bgpd: Watch.bgpd(line) })

function checkFrame(bytes: Buffer): void {
  if (bytes.length < HEADER_SIZE) throw new RangeError(`a frame has at least ${HEADER_SIZE} bytes, not ${bytes.length}`)
  const fault = headerFault(bytes, 0)
  if (fault !== undefined) throw new RangeError(fault)
  if (frameLength(bytes) !== bytes.length) {
    throw new RangeError(`a frame of length ${frameLength(bytes)} was recorded with ${bytes.length} bytes`)
  }
}
