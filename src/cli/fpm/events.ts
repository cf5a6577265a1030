// Turns the records of FPM connections into what `macipctl fpm dump` shows.
import { decodeFrame } from '../../fpm/decode.js'
import { FPM_HEADER, FpmFormat, frameFormat } from '../../fpm/frame.js'
import type { FpmMessage, FpmMessageKind } from '../../fpm/message.js'
import { type FpmRecord, FpmRecordKind, lostOf } from '../../record/fpm-records.js'

type Common = {
  record: FpmRecord
  /** Milliseconds since the epoch. */
  time: number
  connection: number
}
/** `messages` are those of the frame that are shown. */
export type FrameEvent = Common & { type: 'frame'; format: 'netlink' | 'protobuf'; messages: readonly FpmMessage[] }
/** It is `live` when zebra seems to have told everything. */
export type ConnectionEvent = Common & { type: 'opened' | 'live' | 'closed' }
export type LostEvent = Common & { type: 'lost'; lost: number }
export type FpmDumpEvent = FrameEvent | ConnectionEvent | LostEvent

/** Returns the event of a record; undefined if there is nothing to show. */
export function fpmEvent(record: FpmRecord): FpmDumpEvent | undefined {
  const { kind, time, connection, bytes } = record
  const common = { record, time, connection }
  switch (kind) {
    case FpmRecordKind.frame: {
      if (bytes.length < FPM_HEADER) return undefined
      const format = frameFormat(bytes) === FpmFormat.protobuf ? 'protobuf' : 'netlink'
      return { type: 'frame', format, messages: [...decodeFrame(bytes)], ...common }
    }
    case FpmRecordKind.opened:
      return { type: 'opened', ...common }
    case FpmRecordKind.live:
      return { type: 'live', ...common }
    case FpmRecordKind.closed:
      return { type: 'closed', ...common }
    case FpmRecordKind.lost:
      return { type: 'lost', lost: lostOf(record), ...common }
    case FpmRecordKind.inside:
      return undefined
  }
}

/** The values that `--type` takes. */
export const MESSAGE_TYPES = ['route', 'nexthop', 'mac', 'mpls', 'other'] as const
export type MessageType = (typeof MESSAGE_TYPES)[number]

const TYPE_OF: Readonly<Record<FpmMessageKind, MessageType>> = {
  route: 'route',
  nexthop: 'nexthop',
  mac: 'mac',
  'mpls-route': 'mpls',
  'srv6-localsid': 'other',
  other: 'other',
  malformed: 'other',
}

export const typeOf = ({ kind }: FpmMessage): MessageType => TYPE_OF[kind]
