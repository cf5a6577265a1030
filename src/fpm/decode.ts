import { FPM_HEADER, FpmFormat, frameFormat } from './frame.js'
import type { FpmMessage } from './message.js'
import { decodeNetlink } from './netlink.js'
import { decodeProtobuf } from './protobuf.js'

/** Decodes the messages of a whole frame, as views of it. Never throws: errors become `malformed` messages. */
export function decodeFrame(frame: Buffer): Iterable<FpmMessage> {
  const payload = frame.subarray(FPM_HEADER)
  return frameFormat(frame) === FpmFormat.protobuf ? [decodeProtobuf(payload)] : decodeNetlink(payload)
}
