// Today's state as the records it could have come from, for a journal that is written anew.
import { entryToProto } from '../control/relay-codec.js'
import { overlay as proto } from '../gen/overlay.js'
import { type ExchangeRecord, RecordKind } from '../record/zapi-records.js'
import { type BgpMessage, type ZebraMessage, encodeMessage, isFromBgpd } from '../zapi/evpn-codec.js'
import { ZERO_ESI } from '../zapi/messages/macip.js'
import type { Overlay } from './overlay/overlay.js'
import { type Views, viewMessages } from './overlay/views.js'
import type { Session } from './session.js'

export type RelayState = {
  readonly sessions: ReadonlyMap<number, Session>
  readonly main: Session | undefined
  readonly overlay: Overlay
  readonly views: Views
}

/**
 * The order matters, because each record is understood by those before it: openings, entries, minimum sequences, views,
 * and what was injected. Without a release there are no messages to write.
 */
export function* snapshot(state: RelayState): Generator<ExchangeRecord> {
  const { sessions, overlay, views } = state
  const time = Date.now()
  const record = (kind: RecordKind, session: number, bytes: Uint8Array): ExchangeRecord => {
    return { kind, time, session, bytes: Buffer.from(bytes) }
  }
  for (const { id, hello, capabilities, uncertain } of sessions.values()) {
    if (hello !== undefined) yield record(RecordKind.toZebra, id, hello)
    if (capabilities !== undefined) yield record(RecordKind.toBgpd, id, capabilities)
    if (uncertain !== undefined) yield record(RecordKind.uncertain, id, Buffer.from(uncertain))
  }
  for (const { entry } of overlay.entries()) {
    yield record(RecordKind.overlayPut, 0, proto.Entry.encode(entryToProto(entry)).finish())
  }
  // read only now: the main session may have changed while the entries were written
  if (state.main?.release === undefined) return
  const { id, release } = state.main
  for (const { vni, mac, seq } of overlay.heldMinSequences()) {
    const body = { vni, mac, ip: undefined, flags: 0, seq, esi: ZERO_ESI }
    yield record(RecordKind.minSequence, id, encodeMessage(release, { command: 'ZEBRA_MACIP_ADD', vrf: 0, body }))
  }
  for (const message of viewMessages(views)) {
    yield record(kindOf(message, overlay), id, encodeMessage(release, message))
  }
  for (const message of overlay.injected()) yield record(RecordKind.injected, id, encodeMessage(release, message))
}

function kindOf(message: ZebraMessage | BgpMessage, overlay: Overlay): RecordKind {
  if (isFromBgpd(message)) return RecordKind.toZebra
  return overlay.isDropped(message) ? RecordKind.dropped : RecordKind.toBgpd
}
