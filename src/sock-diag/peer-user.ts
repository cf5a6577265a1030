// Finds the owner of the other end of a TCP connection within this machine, which only the kernel knows.
import { closeSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { decodeSocketUser, encodeSocketQuestion, type TcpEnd } from './inet-diag.js'
import * as libc from '../os/libc.js'
import { netlinkMessages } from '../netlink/message.js'

const NETLINK_SOCK_DIAG = 4
const MAX_ANSWER = 8192

const NO_PEER = { 4: { ip: '0.0.0.0', port: 0 }, 6: { ip: '::', port: 0 } } as const

/** Whether this kernel answers such questions (CONFIG_INET_DIAG); it is asked about a listening socket. */
export const tellsUsers = (listening: TcpEnd): boolean =>
  userOfSocket(listening, NO_PEER[isIPv6(listening.ip) ? 6 : 4]) !== undefined

/**
 * Returns the user who has the socket bound to `own` and connected to `peer`; undefined if it is not open any more. The
 * cost does not depend on the number of connections.
 */
export function userOfSocket(own: TcpEnd, peer: TcpEnd): number | undefined {
  const question = encodeSocketQuestion(own, peer)
  if (question === undefined) return undefined
  const fd = libc.rawSocket(libc.AF_NETLINK, NETLINK_SOCK_DIAG)
  if (fd === -1) return undefined
  try {
    // the kernel has queued its answer when this returns
    if (libc.send(fd, question, question.length, 0) === -1) return undefined
    const answer = Buffer.alloc(MAX_ANSWER)
    const length = libc.recvfrom(fd, answer, answer.length, 0, Buffer.alloc(12), Buffer.from([12, 0, 0, 0]))
    const [message] = length === -1 ? [] : netlinkMessages(answer.subarray(0, length))
    return message && decodeSocketUser(message)
  } finally {
    closeSync(fd)
  }
}
