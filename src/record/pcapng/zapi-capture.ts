// A recorded exchange as a pcapng file, with one packet per record.
//
// Messages are packets of a TCP connection between bgpd and zebra; the identification field of the IPv4 header holds
// the kind of the record. All other records are on a second interface, in the form that they have in the ring.
import { frameLength, HEADER_SIZE } from '../../zapi/frame.js'
import { decodeRecords, encodeRecord, type ExchangeRecord, RecordKind } from '../zapi-records.js'
import { interfaceBlock, packetBlock, sectionBlock } from './blocks.js'
import { type CapturedPacket, PcapngReader } from './reader.js'
import { decodeSegment, encodeSegment } from './segment.js'

const LINKTYPE_RAW = 101
const LINKTYPE_USER0 = 147
const MESSAGES = 0
const EVENTS = 1

type MessageKind = (typeof RecordKind)['toZebra' | 'toBgpd' | 'dropped' | 'injected']
const MESSAGE_KINDS: readonly number[] = [
  RecordKind.toZebra,
  RecordKind.toBgpd,
  RecordKind.dropped,
  RecordKind.injected,
] satisfies MessageKind[]

export const isMessage = (kind: RecordKind): kind is MessageKind => MESSAGE_KINDS.includes(kind)

export class CaptureWriter {
  /** Number of bytes sent so far in each session, by direction. */
  private readonly sent = new Map<number, { toZebra: number; toBgpd: number }>()

  /** Returns the beginning of the file. */
  begin(application: string): Buffer {
    return Buffer.concat([
      sectionBlock(application),
      interfaceBlock(LINKTYPE_RAW, 'zapi', 'messages between bgpd and zebra, as TCP segments'),
      interfaceBlock(LINKTYPE_USER0, 'macipd', 'sessions and overlay, as records of macipd'),
    ])
  }

  /** Returns one packet; analysers show `comment` with it. */
  packet(record: ExchangeRecord, comment: string): Buffer {
    const { kind, time, session, bytes } = record
    if (!isMessage(kind)) {
      if (kind === RecordKind.closed) this.sent.delete(session)
      return packetBlock({ interfaceId: EVENTS, time, data: encodeRecord(record), direction: undefined, comment })
    }
    const sent = this.sent.get(session) ?? { toZebra: 0, toBgpd: 0 }
    this.sent.set(session, sent)
    const toZebra = kind === RecordKind.toZebra
    const [mine, other] = toZebra ? (['toZebra', 'toBgpd'] as const) : (['toBgpd', 'toZebra'] as const)
    const data = encodeSegment({ session, toZebra, identification: kind, payload: bytes }, sent[mine], sent[other])
    sent[mine] += bytes.length
    return packetBlock({ interfaceId: MESSAGES, time, data, direction: toZebra ? 'outbound' : 'inbound', comment })
  }
}

export class CaptureReader {
  private readonly reader = new PcapngReader()
  /** Number of packets that are not records of macipd. */
  foreign = 0

  /** Number of bytes of a packet that is cut off by the end of the file. */
  get unfinished(): number {
    return this.reader.unfinished
  }

  /** Yields the records completed by `chunk`, as views of it. Throws PcapngError. */
  *feed(chunk: Buffer): Generator<ExchangeRecord> {
    for (const packet of this.reader.feed(chunk)) {
      const record = decodePacket(packet)
      if (record === undefined) this.foreign++
      else yield record
    }
  }
}

function decodePacket({ linkType, time, data }: CapturedPacket): ExchangeRecord | undefined {
  if (linkType === LINKTYPE_USER0) {
    const [record] = decodeRecords(data)
    return record === undefined || isMessage(record.kind) ? undefined : record
  }
  const segment = linkType === LINKTYPE_RAW ? decodeSegment(data) : undefined
  if (segment === undefined) return undefined
  const { session, toZebra, payload } = segment
  const kind = segment.identification
  const isWhole = payload.length >= HEADER_SIZE && frameLength(payload) === payload.length
  if (!isWhole || !MESSAGE_KINDS.includes(kind) || toZebra !== (kind === RecordKind.toZebra)) return undefined
  return { kind: kind as MessageKind, time, session, bytes: payload }
}
