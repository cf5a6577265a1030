// Decodes the records of an exchange: which session is the main one, which release it uses, which messages it carried.
import { overlay as proto } from '../gen/overlay.js'
import { HEADER_SIZE, frameCommand, frameLength, headerFault } from '../zapi/frame.js'
import { type Handshake, answers, handshakeOf } from '../zapi/handshake.js'
import type { FrrRelease } from '../zapi/releases.js'
import type { Entry, Key } from '../bindings/model.js'
import type { Injection } from './overlay/entry.js'
import { type BgpMessage, EvpnCodec, type ZebraMessage } from '../zapi/evpn-codec.js'
import { entryFromProto, keyFromProto } from '../control/relay-codec.js'
import { type ExchangeRecord, RecordKind } from '../record/zapi-records.js'

/**
 * One record, decoded. Messages are those of the main session while its release is certain. What the recorded relay
 * injected is decoded even when this reader does not trust the session.
 */
export type ExchangeEvent =
  | { type: 'put'; entry: Entry }
  | { type: 'remove'; key: Key }
  /** A session has begun; `again`: it is the main one, and the earlier one has not been seen to end. */
  | { type: 'begun'; handshake: Handshake; again: boolean }
  /** zebra has answered in the main session. */
  | { type: 'handshake'; handshake: Handshake }
  | { type: 'lost' }
  /** It is not certain any more what bgpd has been told in the main session. */
  | { type: 'uncertain' }
  | { type: 'bgpd'; message: BgpMessage }
  | { type: 'zebra'; message: ZebraMessage; dropped: boolean }
  | { type: 'injected'; message: Injection }
  /** bgpd has the MAC with `seq` or more, because an entry required it. */
  | { type: 'min-sequence'; vni: number; mac: string; seq: number }

/** How a session began: HELLO and CAPABILITIES, as far as they were seen, and why it has become uncertain, if it has. */
export type Opening = { hello: Buffer | undefined; capabilities: Buffer | undefined; uncertain?: string }

type FrameRecord = ExchangeRecord & {
  kind: (typeof RecordKind)['toZebra' | 'toBgpd' | 'dropped' | 'injected' | 'minSequence']
}
/** What is known of the release besides the frames: from the configuration, and from zebra's vty. */
export type KnownRelease = {
  configured: FrrRelease | undefined
  /** By the number of the session. */
  zebraVersions: ReadonlyMap<number, string>
}
type Codecs = { zebra: EvpnCodec<ZebraMessage>; bgpd: EvpnCodec<BgpMessage> }

export class ExchangeReader {
  readonly openings = new Map<number, Opening>()
  private main: { id: number; codecs: Codecs | undefined; injected: EvpnCodec<ZebraMessage> | undefined } | undefined

  constructor(private readonly known: KnownRelease) {}

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
      case RecordKind.dropped:
      case RecordKind.injected:
      case RecordKind.minSequence:
        return this.readFrame({ kind, session, bytes, time: record.time })
      case RecordKind.known:
        return this.join(session, bytes)
      case RecordKind.uncertain: {
        const opening = this.openings.get(session)
        if (opening !== undefined) opening.uncertain = bytes.toString()
        return this.isMain(session) ? { type: 'uncertain' } : undefined
      }
      case RecordKind.checksum:
      case RecordKind.written:
      case RecordKind.opened:
      case RecordKind.gap:
        return undefined
    }
  }

  /** The recording begins inside a session: earlier messages are not known, but its release is. */
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

  /** No more messages of the main session are decoded. */
  distrust(): void {
    if (this.main !== undefined) this.main.codecs = undefined
  }

  private readFrame(record: FrameRecord): ExchangeEvent | undefined {
    const { kind, session, bytes } = record
    checkFrame(bytes)
    const opening: Opening = this.openings.get(session) ?? { hello: undefined, capabilities: undefined }
    this.openings.set(session, opening)
    if (opening.hello === undefined && kind === RecordKind.toZebra) {
      opening.hello = Buffer.from(bytes)
      const handshake = handshakeOf(opening.hello, undefined, undefined)
      const again = handshake.kind === 'main' && this.main !== undefined
      if (handshake.kind === 'main') this.main = { id: session, codecs: undefined, injected: undefined }
      return { type: 'begun', handshake, again }
    }
    if (opening.capabilities === undefined && opening.hello !== undefined && kind === RecordKind.toBgpd) {
      if (!answers(opening.hello, bytes)) return undefined
      opening.capabilities = Buffer.from(bytes)
      if (this.main?.id !== session) return undefined
      const { configured, zebraVersions } = this.known
      const handshake = handshakeOf(opening.hello, opening.capabilities, configured, zebraVersions.get(session))
      const onWire = handshakeOf(opening.hello, opening.capabilities, undefined).release
      this.main.injected = onWire && EvpnCodec.zebra(onWire)
      this.main.codecs = handshake.release && codecsOf(handshake.release)
      return { type: 'handshake', handshake }
    }
    return this.readMessage(record)
  }

  private readMessage({ kind, session, bytes }: FrameRecord): ExchangeEvent | undefined {
    if (this.main?.id !== session) return undefined
    const { codecs, injected } = this.main
    const command = frameCommand(bytes)
    if (kind === RecordKind.injected || kind === RecordKind.minSequence) {
      const message = injected?.has(command) === true ? injected.decode(bytes) : undefined
      if (message?.command !== 'ZEBRA_MACIP_ADD' && message?.command !== 'ZEBRA_MACIP_DEL') return undefined
      if (kind === RecordKind.injected) return { type: 'injected', message }
      const { vni, mac } = message.body
      return message.command === 'ZEBRA_MACIP_ADD'
        ? { type: 'min-sequence', vni, mac, seq: message.body.seq }
        : undefined
    }
    if (kind === RecordKind.toZebra) {
      return codecs?.bgpd.has(command) === true ? { type: 'bgpd', message: codecs.bgpd.decode(bytes) } : undefined
    }
    if (codecs?.zebra.has(command) !== true) return undefined
    return { type: 'zebra', message: codecs.zebra.decode(bytes), dropped: kind === RecordKind.dropped }
  }
}

const codecsOf = (release: FrrRelease): Codecs => ({ zebra: EvpnCodec.zebra(release), bgpd: EvpnCodec.bgpd(release) })

function checkFrame(bytes: Buffer): void {
  if (bytes.length < HEADER_SIZE) throw new RangeError(`a frame has at least ${HEADER_SIZE} bytes, not ${bytes.length}`)
  const fault = headerFault(bytes, 0)
  if (fault !== undefined) throw new RangeError(fault)
  if (frameLength(bytes) !== bytes.length) {
    throw new RangeError(`a frame of length ${frameLength(bytes)} was recorded with ${bytes.length} bytes`)
  }
}
