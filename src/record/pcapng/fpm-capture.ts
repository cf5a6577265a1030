// Recent FPM frames as a pcapng file, with one packet per record. Netlink frames are packets that analysers know; all
// other records, protobuf frames included, are on a second interface in the form that they have in the ring.
import { FPM_HEADER, FPM_VERSION, FpmFormat, frameFormat, MAX_FRAME } from '../../fpm/frame.js'
import { decodeFpmRecords, encodeFpmRecord, type FpmRecord, FpmRecordKind } from '../fpm-records.js'
import { interfaceBlock, packetBlock, sectionBlock } from './blocks.js'
import { decodeNetlinkPacket, encodeNetlinkPacket, LINKTYPE_NETLINK } from './netlink.js'
import { type CapturedPacket, PcapngReader } from './reader.js'

const LINKTYPE_USER0 = 147
const FRAMES = 0
const EVENTS = 1

export class FpmCaptureWriter {
  /** Number of the connection of the last record. */
  private connection = 0

  /** Returns the beginning of the file. */
  begin(application: string): Buffer {
    return Buffer.concat([
      sectionBlock(application),
      interfaceBlock(LINKTYPE_NETLINK, 'fpm', 'what zebra programs: netlink messages of its FPM connection'),
      interfaceBlock(LINKTYPE_USER0, 'macipd', 'connections, and frames of protobuf, as records of macipd'),
    ])
  }

  /** Returns one packet, preceded by one that names its connection if the connection has changed. */
  packet(record: FpmRecord, comment: string): Buffer {
    const { kind, time, connection, bytes } = record
    const before = kind === FpmRecordKind.frame && connection !== this.connection ? [inside(record)] : []
    if (kind !== FpmRecordKind.lost) this.connection = connection
    if (kind !== FpmRecordKind.frame || frameFormat(bytes) !== FpmFormat.netlink)
      return Buffer.concat([...before, event(record, comment)])
    const data = encodeNetlinkPacket(bytes.subarray(FPM_HEADER))
    return Buffer.concat([...before, packetBlock({ interfaceId: FRAMES, time, data, direction: 'inbound', comment })])
  }
}

const event = (record: FpmRecord, comment: string): Buffer =>
  packetBlock({
    interfaceId: EVENTS,
    time: record.time,
    data: encodeFpmRecord(record),
    direction: undefined,
    comment,
  })

const inside = ({ time, connection }: FpmRecord): Buffer =>
  event(
    { kind: FpmRecordKind.inside, time, connection, bytes: Buffer.alloc(0) },
    'the recording begins inside a connection',
  )

export class FpmCaptureReader {
  private readonly reader = new PcapngReader()
  private connection = 0
  /** Number of packets that are not records of macipd. */
  foreign = 0

  /** Number of bytes of a packet that is cut off by the end of the file. */
  get unfinished(): number {
    return this.reader.unfinished
  }

  /** Yields the records completed by `chunk`. Throws PcapngError. */
  *feed(chunk: Buffer): Generator<FpmRecord, void, undefined> {
    for (const packet of this.reader.feed(chunk)) {
      const record = this.decode(packet)
      if (record === undefined) {
        this.foreign++
        continue
      }
      if (record.kind !== FpmRecordKind.lost) this.connection = record.connection
      if (record.kind !== FpmRecordKind.inside) yield record
    }
  }

  private decode({ linkType, time, data }: CapturedPacket): FpmRecord | undefined {
    if (linkType === LINKTYPE_USER0) {
      const [record] = decodeFpmRecords(data)
      return record === undefined || !isWhole(record) ? undefined : record
    }
    const messages = linkType === LINKTYPE_NETLINK ? decodeNetlinkPacket(data) : undefined
    if (messages === undefined || messages.length > MAX_FRAME - FPM_HEADER) return undefined
    const header = Buffer.from([FPM_VERSION, FpmFormat.netlink, 0, 0])
    header.writeUInt16BE(FPM_HEADER + messages.length, 2)
    const bytes = Buffer.concat([header, messages])
    return { kind: FpmRecordKind.frame, time, connection: this.connection, bytes }
  }
}

/** Whether the bytes of a frame have the length that its header gives. */
const isWhole = ({ kind, bytes }: FpmRecord): boolean =>
  kind !== FpmRecordKind.frame || (bytes.length >= FPM_HEADER && bytes.readUInt16BE(2) === bytes.length)
