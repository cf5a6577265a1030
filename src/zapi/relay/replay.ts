// Rebuilds what a predecessor knew from its journal.
import { overlay as proto } from '../../gen/overlay.js'
import { introduce } from '../introduce.js'
import type { ReleaseLine } from '../lines.js'
import type { Overlay } from '../overlay.js'
import { type BgpMessage, Watch, type ZebraMessage } from '../watch.js'
import { entryFromProto, keyFromProto } from './entries.js'
import { type ExchangeRecord, RecordKind } from './records.js'
import { journalRecords } from './journal.js'

type FrameKind = (typeof RecordKind)['toZebra' | 'toBgpd' | 'held' | 'injected']

/** A session's first frames, as far as they were seen. */
export type Opening = { hello: Buffer | undefined; capabilities: Buffer | undefined }

/**
 * Feeds the records of `file` to `overlay` (and through it to the views); the sessions' first frames are returned.
 * A record that cannot be understood is reported and left out.
 */
export function replay(
  file: Buffer,
  overlay: Overlay,
  configured: ReleaseLine | undefined,
  onBad: (error: unknown) => void,
): Map<number, Opening> {
  const history = new History(overlay, configured)
  for (const record of journalRecords(file)) {
    try {
      history.apply(record)
    } catch (error) {
      onBad(error)
    }
  }
  return history.openings
}

class History {
  readonly openings = new Map<number, Opening>()
  private main: { id: number; zebra: Watch<ZebraMessage>; bgpd: Watch<BgpMessage> } | { id: number } | undefined

  constructor(
    private readonly overlay: Overlay,
    private readonly configured: ReleaseLine | undefined,
  ) {}

  apply({ kind, session, bytes }: ExchangeRecord): void {
    switch (kind) {
      case RecordKind.overlayPut:
        this.overlay.put(entryFromProto(proto.Entry.decode(bytes)))
        return
      case RecordKind.overlayRemove:
        this.overlay.remove(keyFromProto(proto.Key.decode(bytes)))
        return
      case RecordKind.closed:
        this.openings.delete(session)
        if (this.main?.id === session) this.loseMain()
        return
      case RecordKind.toZebra:
      case RecordKind.toBgpd:
      case RecordKind.held:
      case RecordKind.injected:
        if (!this.introduces(kind, session, bytes)) this.frame(kind, session, bytes)
        return
      case RecordKind.opened:
      case RecordKind.known:
      case RecordKind.gap:
        // of use to readers of recordings; the journal has none
        return
    }
  }

  /** The first frame of each direction is HELLO and CAPABILITIES. */
  private introduces(kind: FrameKind, session: number, frame: Buffer): boolean {
    const opening = this.openings.get(session) ?? { hello: undefined, capabilities: undefined }
    this.openings.set(session, opening)
    if (opening.hello === undefined && kind === RecordKind.toZebra) {
      opening.hello = Buffer.from(frame)
      if (introduce(opening.hello, undefined, this.configured).kind !== 'main') return true
      this.loseMain()
      this.main = { id: session }
      return true
    }
    if (opening.capabilities === undefined && kind === RecordKind.toBgpd) {
      opening.capabilities = Buffer.from(frame)
      const { line } = introduce(opening.hello, opening.capabilities, this.configured)
      if (this.main?.id === session && line !== undefined) {
        this.main = { id: session, zebra: Watch.zebra(line), bgpd: Watch.bgpd(line) }
      }
      return true
    }
    return false
  }

  private frame(kind: FrameKind, session: number, frame: Buffer): void {
    if (this.main?.id !== session || !('zebra' in this.main)) return
    const { overlay } = this
    const { zebra, bgpd } = this.main
    switch (kind) {
      case RecordKind.toZebra:
        overlay.onBgpd(bgpd.decode(frame))
        return
      case RecordKind.toBgpd:
      case RecordKind.held:
        overlay.onZebra(zebra.decode(frame))
        return
      case RecordKind.injected: {
        const message = zebra.decode(frame)
        if (message.command === 'ZEBRA_MACIP_ADD' || message.command === 'ZEBRA_MACIP_DEL') overlay.onInjected(message)
        return
      }
    }
  }

  private loseMain(): void {
    if (this.main !== undefined) this.overlay.onSessionLost()
    this.main = undefined
  }
}
