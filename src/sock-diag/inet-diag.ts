// Asks the kernel about one TCP socket (linux/sock_diag.h, linux/inet_diag.h). Ports and addresses are big endian, the
// other fields are in host byte order.
//
//   inet_diag_req_v2                        inet_diag_msg
//    0  sdiag_family    u8  AF_*             0  family, state, timer, retrans  4 × u8
//    1  sdiag_protocol  u8  IPPROTO_TCP      4  inet_diag_sockid
//    2  idiag_ext, pad  u16                 52  expires, rqueue, wqueue  3 × u32
//    4  idiag_states    u32 bits            64  uid    u32
//    8  inet_diag_sockid                    68  inode  u32
//
//   inet_diag_sockid: sport u16, dport u16, src 16 bytes, dst 16 bytes, if u32, cookie 2 × u32
import { parseIp } from '../base/address.js'
import { afterFamilyHeader, NLM_F_REQUEST, NLMSG_HDRLEN, type NetlinkMessage } from '../netlink/message.js'

const SOCK_DIAG_BY_FAMILY = 20
const [AF_INET, AF_INET6] = [2, 10]
const IPPROTO_TCP = 6
const ANY_STATE = 0xffff_ffff
const REQUEST_SIZE = 56
const ANSWER_SIZE = 72
const UID_OFFSET = 64
const INODE_OFFSET = 68

/** One end of a TCP connection; `ip` is IPv4 or IPv6 text. */
export type TcpEnd = { ip: string; port: number }

/** Encodes the question for the socket bound to `own` and connected to `peer`; undefined if these are no addresses. */
export function encodeSocketQuestion(own: TcpEnd, peer: TcpEnd): Buffer | undefined {
  const [source, destination] = [parseIp(own.ip), parseIp(peer.ip)]
  if (source === undefined || destination?.length !== source.length) return undefined
  const bytes = Buffer.alloc(NLMSG_HDRLEN + REQUEST_SIZE)
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4)
  bytes.writeUInt16LE(NLM_F_REQUEST, 6)
  const request = bytes.subarray(NLMSG_HDRLEN)
  request.writeUInt8(source.length === 4 ? AF_INET : AF_INET6, 0)
  request.writeUInt8(IPPROTO_TCP, 1)
  request.writeUInt32LE(ANY_STATE, 4)
  request.writeUInt16BE(own.port, 8)
  request.writeUInt16BE(peer.port, 10)
  source.copy(request, 12)
  destination.copy(request, 28)
  // INET_DIAG_NOCOOKIE
  request.fill(0xff, 48)
  return bytes
}

/**
 * Returns the user of the socket in an answer; undefined for another message, or if no process has the socket any more:
 * without an inode, its user would read as root. Throws NetlinkDecodeError.
 */
export function decodeSocketUser(message: NetlinkMessage): number | undefined {
  if (message.type !== SOCK_DIAG_BY_FAMILY) return undefined
  afterFamilyHeader(message, 'inet_diag_msg', ANSWER_SIZE)
  const { bytes, start } = message
  return bytes.readUInt32LE(start + INODE_OFFSET) === 0 ? undefined : bytes.readUInt32LE(start + UID_OFFSET)
}
