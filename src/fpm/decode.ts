import { FPM_HEADER, FpmFormat, frameFormat } from './frame.js'
import type { FpmMessage } from './message.js'
import { decodeNetlink } from './netlink.js'
import { decodeProtobuf } from './protobuf.js'

/** The messages of a whole frame. Their bytes are views of it; whatever it holds, nothing is thrown. */
export function decodeFrame(frame: Buffer): Iterable<FpmMessage> {
  const payload = frame.subarray(FPM_HEADER)
  return frameFormat(frame) === FpmFormat.protobuf ? [decodeProtobuf(payload)] : decodeNetlink(payload)
}
