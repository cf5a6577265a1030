// Whose socket is at the other end of a TCP connection within this machine: TCP itself does not tell, the kernel does.
import { closeSync } from 'node:fs'
import { decodeSocketUser, encodeSocketQuestion, type TcpEnd } from '../netlink/inet-diag.js'
import * as libc from '../netlink/libc.js'
import { netlinkMessages } from '../netlink/message.js'

const NETLINK_SOCK_DIAG = 4
const MAX_ANSWER = 8192

/** `gone`: it has been closed meanwhile. `unknown`: this kernel does not tell (no CONFIG_INET_DIAG). */
export type PeerUser = number | 'gone' | 'unknown'

/** A look-up in the kernel's table of connections: what it costs does not depend on how many there are. */
export function userOfPeer(own: TcpEnd, peer: TcpEnd): PeerUser {
  return userOf(peer, own) ?? (userOf(own, peer) === undefined ? 'unknown' : 'gone')
}

/** The user of the socket bound to `own` and connected to `peer`. */
function userOf(own: TcpEnd, peer: TcpEnd): number | undefined {
  const question = encodeSocketQuestion(own, peer)
  if (question === undefined) return undefined
  const fd = libc.rawSocket(libc.AF_NETLINK, NETLINK_SOCK_DIAG)
  if (fd === -1) return undefined
  try {
    // the kernel answers before this returns
    if (libc.send(fd, question, question.length, 0) === -1) return undefined
    const answer = Buffer.alloc(MAX_ANSWER)
    const length = libc.recvfrom(fd, answer, answer.length, 0, Buffer.alloc(12), Buffer.from([12, 0, 0, 0]))
    const [message] = length === -1 ? [] : netlinkMessages(answer.subarray(0, length))
    return message && decodeSocketUser(message)
  } finally {
    closeSync(fd)
  }
}
