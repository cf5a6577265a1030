// One connection of bgpd and the one to zebra that belongs to it: two channels, and the release that their first messages
// reveal.
import { reason } from '../base/exit.js'
import { AbsentAddressError, DecodeError } from '../zapi/cursor.js'
import { frameCommand } from '../zapi/frame.js'
import { type Handshake, answers, handshakeOf } from '../zapi/handshake.js'
import type { FrrRelease } from '../zapi/releases.js'
import { FrameScanner, type FrameVisitor, type Verdict } from '../zapi/scanner.js'
import { type BgpMessage, EvpnCodec, type ZebraMessage } from '../zapi/evpn-codec.js'
import { type Boundary, readBoundary } from './boundary-mark.js'
import { Channel } from './channel.js'
import { RecordKind } from '../record/zapi-records.js'
import { FdPoll } from '../os/fd-poll.js'
import { isAllRead } from '../os/splice.js'
import type { Pipe } from '../os/pipe.js'
import { Transit } from './transit.js'

type FrameKind = (typeof RecordKind)['toZebra' | 'toBgpd' | 'dropped']

/** What a session tells its owner. Frames are views, valid during the call. */
export type SessionEvents = {
  /** A whole frame, at [offset, offset + length) of `bytes`, goes on or is dropped. */
  onFrame(session: Session, kind: FrameKind, bytes: Buffer, offset: number, length: number): void
  /** A frame has passed in parts. */
  onPart(session: Session): void
  /** HELLO or CAPABILITIES has been seen, and `handshake` is up to date. */
  onHandshake(session: Session, frame: Buffer, direction: 'toZebra' | 'toBgpd'): void
  /** `hasPassed`: the message has passed in parts, whatever the verdict. */
  onZebra(session: Session, message: ZebraMessage, frame: Buffer, hasPassed: boolean): Verdict
  onBgpd(session: Session, message: BgpMessage, frame: Buffer): void
  /** A message contradicts the release: none is decoded any more. */
  onProtocolError(session: Session, why: string): void
  /** It is not certain any more what bgpd has been told; see `uncertain`. */
  onUncertain(session: Session): void
  beforeConsume(): void
  onEnded(session: Session): void
}

export type SessionOptions = {
  id: number
  /** Milliseconds since the epoch. */
  since: number
  /** Sockets that only the session reads, and the transit pipes of the two directions. */
  descriptors: { bgpd: number; zebra: number; toZebra: Pipe; toBgpd: Pipe }
  /** Defined if the connection is older than this worker: HELLO and CAPABILITIES, if a predecessor saw them. */
  inherited: { hello: Buffer | undefined; capabilities: Buffer | undefined } | undefined
  /** The release from the configuration. */
  configured: FrrRelease | undefined
  /** Why it is not certain what bgpd has been told in this session; undefined if it is certain. */
  uncertain: string | undefined
  /** The release that zebra's vty reports. */
  zebraVersion: string | undefined
  events: SessionEvents
}

export class Session {
  readonly id: number
  readonly since: number
  handshake: Handshake
  private zebraVersion: string | undefined
  hello: Buffer | undefined
  capabilities: Buffer | undefined
  readonly frames = { toZebra: 0, toBgpd: 0, injected: 0, dropped: 0 }
  readonly toZebra: Channel
  readonly toBgpd: Channel
  private readonly scanners: { toZebra: FrameScanner; toBgpd: FrameScanner }
  private zebraCodec: EvpnCodec<ZebraMessage> | undefined
  private bgpdCodec: EvpnCodec<BgpMessage> | undefined
  private readonly polls: { bgpd: FdPoll; zebra: FdPoll }
  /** Why it is not certain what bgpd has been told; undefined while it is. Messages are decoded, nothing is injected. */
  uncertain: string | undefined
  /** Why the session is not trusted any more: something contradicted the release. */
  untrusted: string | undefined
  private endsSeen = 0
  private inParts = 0
  private losses = 0
  private wasInSync: boolean
  private ended = false

  constructor(private readonly options: SessionOptions) {
    const { descriptors, inherited, events } = options
    this.id = options.id
    this.zebraVersion = options.zebraVersion
    this.since = options.since
    this.polls = { bgpd: new FdPoll(descriptors.bgpd), zebra: new FdPoll(descriptors.zebra) }
    const fresh: Boundary = { known: true, bytesAhead: 0, unseen: false }
    const boundaries = {
      toZebra: inherited === undefined ? fresh : readBoundary(descriptors.bgpd),
      toBgpd: inherited === undefined ? fresh : readBoundary(descriptors.zebra),
    }
    this.scanners = {
      toZebra: new FrameScanner(
        this.guarded(this.visitToZebra),
        (command) => this.awaitsHello || (this.bgpdCodec?.has(command) ?? false),
        !boundaries.toZebra.known,
      ),
      toBgpd: new FrameScanner(
        this.guarded(this.visitToBgpd),
        (command) => this.awaitsCapabilities || (this.zebraCodec?.has(command) ?? false),
        !boundaries.toBgpd.known,
      ),
    }
    this.wasInSync = this.inSync
    const common = {
      beforeConsume: () => {
        this.followScanners()
        const inParts = this.scanners.toZebra.inParts + this.scanners.toBgpd.inParts
        for (; this.inParts < inParts; this.inParts++) events.onPart(this)
        events.beforeConsume()
      },
      onStuck: () => {
        this.markUncertain('a frame could not be passed on')
      },
      onEnd: this.onEnd,
      onBroken: this.onBroken,
    }
    this.toZebra = new Channel({
      ...common,
      source: this.polls.bgpd,
      sink: this.polls.zebra,
      transit: new Transit(descriptors.toZebra),
      scanner: this.scanners.toZebra,
      bytesAhead: bytesAhead(boundaries.toZebra),
    })
    this.toBgpd = new Channel({
      ...common,
      source: this.polls.zebra,
      sink: this.polls.bgpd,
      transit: new Transit(descriptors.toBgpd),
      scanner: this.scanners.toBgpd,
      bytesAhead: bytesAhead(boundaries.toBgpd),
    })
    this.handshake = handshakeOf(undefined, undefined, undefined)
    if (inherited?.hello !== undefined) this.detectRelease(inherited.hello, inherited.capabilities)
    this.uncertain = options.uncertain
    for (const boundary of Object.values(boundaries)) {
      if (!boundary.known) this.uncertain ??= 'it was not known where messages begin'
      else if (boundary.unseen) this.uncertain ??= 'a message was half through when the worker ended'
    }
  }

  start(): void {
    this.toZebra.run()
    this.toBgpd.run()
  }

  /** The release in use; undefined while nothing may be injected. */
  get release(): FrrRelease | undefined {
    return this.handshake.release
  }

  /** The first frames have passed in the time of a predecessor, and the journal does not have them. */
  get hasLostOpening(): boolean {
    return this.hello === undefined && this.options.inherited !== undefined
  }

  /** Bytes that passed while frame boundaries were not known. */
  get unframed(): number {
    return this.scanners.toZebra.unframed + this.scanners.toBgpd.unframed
  }

  /** Whether frame boundaries are known in both directions. */
  get inSync(): boolean {
    return this.scanners.toZebra.inSync && this.scanners.toBgpd.inSync
  }

  /** zebra's vty reports another release after the session began. */
  setZebraVersion(zebraVersion: string | undefined): void {
    if (zebraVersion === this.zebraVersion) return
    this.zebraVersion = zebraVersion
    if (this.hello === undefined || this.untrusted !== undefined) return
    const before = this.release
    this.detectRelease(this.hello, this.capabilities)
    if (this.capabilities !== undefined && this.release !== undefined && this.release !== before)
      this.markUncertain('messages have passed before it was certain which release of FRR speaks')
  }

  /**
   * Messages have passed that were not understood, or what was understood of them is in doubt; the release is not. Messages
   * are decoded as before, and nothing is injected until `markCertain`.
   */
  markUncertain(why: string): void {
    this.uncertain = why
    this.options.events.onUncertain(this)
  }

  /** What bgpd has is known again. */
  markCertain(): void {
    this.uncertain = undefined
  }

  /** Whether each daemon has read all that was sent to it. */
  get isAllRead(): boolean {
    const { bgpd, zebra } = this.options.descriptors
    return isAllRead(bgpd) && isAllRead(zebra)
  }

  /** Stops moving bytes as soon as no frame of ours is half written. */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.toBgpd.finish(resolve)
    })
    this.close()
  }

  /** Stops moving bytes; the descriptors are the caller's to close. */
  close(): void {
    if (this.ended) return
    this.ended = true
    this.toZebra.close()
    this.toBgpd.close()
    this.polls.bgpd.close()
    this.polls.zebra.close()
  }

  /** Whether the next frame of bgpd tells what the session is for. */
  private get awaitsHello(): boolean {
    return this.hello === undefined && this.untrusted === undefined
  }

  /** Whether a frame of zebra may be its answer to HELLO. */
  private get awaitsCapabilities(): boolean {
    const { kind } = this.handshake
    return this.capabilities === undefined && this.untrusted === undefined && (kind === 'main' || kind === 'unknown')
  }

  /** Where messages were not seen because boundaries were lost, it is not certain what they have changed. */
  private followScanners(): void {
    const { toZebra, toBgpd } = this.scanners
    const fault = toZebra.fault ?? toBgpd.fault
    const { inSync } = this
    if (inSync && !this.wasInSync) {
      const why = 'messages have passed while it was not known where they begin'
      this.markUncertain(fault === undefined ? why : `${why}: ${fault}`)
    } else if (toZebra.losses + toBgpd.losses > this.losses)
      this.markUncertain(`it is not known where messages begin: ${fault ?? ''}`)
    this.losses = toZebra.losses + toBgpd.losses
    this.wasInSync = inSync
  }

  /** Forwarding comes first: a frame that cannot be handled passes. */
  private guarded(visit: FrameVisitor): FrameVisitor {
    return (bytes, offset, length, command, hasPassed) => {
      try {
        return visit(bytes, offset, length, command, hasPassed)
      } catch (error) {
        const why = `command ${command} could not be handled: ${reason(error)}`
        // anything else is a mistake of ours
        if (error instanceof DecodeError) this.protocolError(why)
        else this.markUncertain(why)
        return 'pass'
      }
    }
  }

  private readonly visitToZebra = (bytes: Buffer, offset: number, length: number, command: number): Verdict => {
    this.frames.toZebra++
    this.options.events.onFrame(this, RecordKind.toZebra, bytes, offset, length)
    if (this.hello === undefined) {
      const frame = Buffer.from(bytes.subarray(offset, offset + length))
      this.detectRelease(frame, undefined)
      this.options.events.onHandshake(this, frame, 'toZebra')
    } else if (this.bgpdCodec?.has(command) === true) {
      const frame = bytes.subarray(offset, offset + length)
      const message = this.decode(this.bgpdCodec, frame)
      if (message !== undefined) this.options.events.onBgpd(this, message, frame)
    }
    return 'pass'
  }

  private readonly visitToBgpd: FrameVisitor = (bytes, offset, length, command, hasPassed) => {
    const judged = this.judge(bytes, offset, length, command, hasPassed)
    const verdict = hasPassed ? 'pass' : judged
    if (verdict === 'defer') return verdict // the frame comes again
    this.frames.toBgpd++
    if (verdict === 'drop') this.frames.dropped++
    const kind = verdict === 'drop' ? RecordKind.dropped : RecordKind.toBgpd
    this.options.events.onFrame(this, kind, bytes, offset, length)
    return verdict
  }

  private judge(bytes: Buffer, offset: number, length: number, command: number, hasPassed: boolean): Verdict {
    if (this.capabilities === undefined && this.hello !== undefined) {
      if (!answers(this.hello, bytes.subarray(offset, offset + length))) return 'pass'
      const frame = Buffer.from(bytes.subarray(offset, offset + length))
      this.detectRelease(this.hello, frame)
      this.options.events.onHandshake(this, frame, 'toBgpd')
      return 'pass'
    }
    if (this.zebraCodec?.has(command) !== true) return 'pass'
    const frame = bytes.subarray(offset, offset + length)
    const message = this.decode(this.zebraCodec, frame)
    return message === undefined ? 'pass' : this.options.events.onZebra(this, message, frame, hasPassed)
  }

  /** A message that cannot be decoded passes all the same, and nothing more is injected. */
  private decode<M extends ZebraMessage | BgpMessage>(codec: EvpnCodec<M>, frame: Buffer): M | undefined {
    try {
      return codec.decode(frame)
    } catch (error) {
      if (error instanceof AbsentAddressError) return undefined
      const { release } = this.handshake
      const name = release?.commandName(frameCommand(frame)) ?? `command ${frameCommand(frame)}`
      this.protocolError(`${name} is not what FRR ${release?.name ?? ''} sends: ${reason(error)}`)
      return undefined
    }
  }

  private protocolError(why: string): void {
    this.distrust(why)
    this.options.events.onProtocolError(this, why)
  }

  private distrust(why: string): void {
    this.untrusted = why
    this.handshake = { ...this.handshake, release: undefined, releaseName: '', releaseReason: why }
    this.zebraCodec = undefined
    this.bgpdCodec = undefined
  }

  private detectRelease(hello: Buffer, capabilities: Buffer | undefined): void {
    this.hello = hello
    this.capabilities = capabilities
    this.handshake = handshakeOf(hello, capabilities, this.options.configured, this.zebraVersion)
    const { release } = this.handshake
    this.zebraCodec = release === undefined ? undefined : EvpnCodec.zebra(release)
    this.bgpdCodec = release === undefined ? undefined : EvpnCodec.bgpd(release)
    if (this.untrusted !== undefined) this.distrust(this.untrusted)
  }

  /** When both directions have ended in order, nothing can come any more. */
  private readonly onEnd = (): void => {
    this.endsSeen++
    if (this.endsSeen === 2) this.options.events.onEnded(this)
  }

  private readonly onBroken = (): void => {
    if (!this.ended) this.options.events.onEnded(this)
  }
}

const bytesAhead = (boundary: Boundary): number => (boundary.known ? boundary.bytesAhead : 0)
