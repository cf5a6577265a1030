// Netlink framing (linux/netlink.h). Integers are in host byte order, little endian on every platform that we support.
//
//   0  nlmsg_len    u32  header included, padding excluded
//   4  nlmsg_type   u16
//   6  nlmsg_flags  u16
//   8  nlmsg_seq    u32
//  12  nlmsg_pid    u32  port id of the socket that asked, or that caused the event
//  16  family header, then attributes; the next message starts at the next multiple of 4
import { getSystemErrorName } from 'node:util'
import { Attributes } from './attributes.js'
import { NetlinkDecodeError } from './error.js'

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

export const NLM_F_REQUEST = 0x1
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP = 0x300
const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200

const NLMSGERR_ATTR_MSG = 1

export const NLMSG_HDRLEN = 16
const align = (length: number) => (length + 3) & ~3

/** One message inside a datagram; its payload is `bytes` from `start` (after nlmsghdr) to `end`. */
export type NetlinkMessage = {
  type: number
  flags: number
  seq: number
  pid: number
  bytes: Buffer
  start: number
  end: number
}

/** Iterates over the messages of one datagram; throws NetlinkDecodeError at the first header that does not fit. */
export function* netlinkMessages(bytes: Buffer): Generator<NetlinkMessage, void, undefined> {
  let offset = 0
  while (offset < bytes.length) {
    const left = bytes.length - offset
    if (left < NLMSG_HDRLEN)
      throw new NetlinkDecodeError(offset, `${left} bytes left, a netlink header has ${NLMSG_HDRLEN}`)
    const length = bytes.readUInt32LE(offset)
    if (length < NLMSG_HDRLEN || length > left)
      throw new NetlinkDecodeError(offset, `nlmsg_len ${length}, expected ${NLMSG_HDRLEN} to ${left}`)
    yield {
      type: bytes.readUInt16LE(offset + 4),
      flags: bytes.readUInt16LE(offset + 6),
      seq: bytes.readUInt32LE(offset + 8),
      pid: bytes.readUInt32LE(offset + 12),
      bytes,
      start: offset + NLMSG_HDRLEN,
      end: offset + length,
    }
    offset += align(length)
  }
}

/** Returns the offset of the attributes behind a family header of `size` bytes; throws NetlinkDecodeError. */
export function afterFamilyHeader(message: NetlinkMessage, name: string, size: number): number {
  const length = message.end - message.start
  if (length < size) throw new NetlinkDecodeError(message.start, `${name} of ${length} bytes, expected ${size}`)
  return message.start + size
}

/** The kernel's answer in NLMSG_ERROR or NLMSG_DONE. */
export type Result = { errno: number; text: string }

/**
 * Decodes NLMSG_ERROR and NLMSG_DONE: `errno` is positive, 0 for success; `text` is its name, with the kernel's own
 * message (extended acknowledgement) if it sent one.
 */
export function decodeResult(message: NetlinkMessage): Result {
  const { bytes, end, type, flags } = message
  const afterErrno = afterFamilyHeader(message, 'result', 4)
  const errno = Math.abs(bytes.readInt32LE(message.start))
  const name = errno === 0 ? 'success' : getSystemErrorName(-errno)
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: name }
  const attributes = type === NLMSG_ERROR ? afterEcho(message, afterErrno) : afterErrno
  const words = new Attributes(bytes, attributes, end).string(NLMSGERR_ATTR_MSG)
  return { errno, text: words === undefined ? name : `${name}: ${words}` }
}

/** NLMSG_ERROR repeats the request: only its header with NLM_F_CAPPED, all of it otherwise. */
function afterEcho(message: NetlinkMessage, echo: number): number {
  const { bytes, end, flags } = message
  if (end - echo < NLMSG_HDRLEN)
    throw new NetlinkDecodeError(echo, `${end - echo} bytes of the request repeated, expected ${NLMSG_HDRLEN}`)
  const length = (flags & NLM_F_CAPPED) === 0 ? align(bytes.readUInt32LE(echo)) : NLMSG_HDRLEN
  if (length < NLMSG_HDRLEN || length > end - echo)
    throw new NetlinkDecodeError(echo, `repeated request of ${length} bytes, expected at most ${end - echo}`)
  return echo + length
}
