// Makes TCP connections with what Node's own cannot: a key for every segment (TCP MD5, RFC 2385), and in the network
// namespace of the calling thread.
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { FdPoll } from './fd-poll.js'
import * as libc from './libc.js'
import { familyOf, sockaddr } from './sockaddr.js'

const SOCK_STREAM = 1
const SOL_SOCKET = 1
const SO_ERROR = 4
const IPPROTO_TCP = 6
const TCP_MD5SIG = 14
/** TCP_MD5SIG_MAXKEYLEN. */
export const MAX_MD5_KEY = 80
/** struct tcp_md5sig: | sockaddr_storage 128 | flags u8 | prefix length u8 | key length u16 | ifindex s32 | key 80 | */
const SIZEOF_TCP_MD5SIG = 216
const { EINPROGRESS } = constants.errno

export type DialOptions = {
  /** IP address. */
  readonly address: string
  readonly port: number
  /** The connection's own IP address; undefined leaves it to the kernel. */
  readonly source: string | undefined
  /** The TCP MD5 key, at most MAX_MD5_KEY bytes. With a wrong one, the other end is silent. */
  readonly key: Buffer | undefined
}

/**
 * Begins to connect; exactly one of the two is called, later, unless the returned function was, which gives up. Bytes that
 * have come are read when the socket gets a listener for them. Throws RangeError for what is no address or no key.
 */
export function dial(
  options: DialOptions,
  onConnected: (socket: Socket) => void,
  onFailed: (reason: string) => void,
): () => void {
  let fd: number
  try {
    fd = begin(options)
  } catch (error) {
    if (!(error instanceof libc.SystemError)) throw error
    const timer = setImmediate(() => {
      onFailed(error.message)
    })
    return () => {
      clearImmediate(timer)
    }
  }
  const poll = new FdPoll(fd)
  let isOver = false
  poll.writable(() => {
    isOver = true
    poll.close()
    const errno = pendingError(fd)
    if (errno === 0) {
      onConnected(new Socket({ fd, readable: true, writable: true }))
      return
    }
    closeSync(fd)
    onFailed(`connect to ${options.address} port ${options.port}: ${getSystemErrorName(-errno)}`)
  })
  return () => {
    if (isOver) return
    isOver = true
    poll.close()
    closeSync(fd)
  }
}

function begin({ address, port, source, key }: DialOptions): number {
  const fd = libc.socket(familyOf(address), SOCK_STREAM | libc.CLOEXEC | libc.NONBLOCK, 0)
  if (fd === -1) throw new libc.SystemError('socket', libc.errno())
  try {
    if (key !== undefined) setMd5Key(fd, sockaddr(address, port), key)
    if (source !== undefined) {
      const own = sockaddr(source, 0)
      if (libc.bind(fd, own, own.length) === -1) throw new libc.SystemError(`bind to ${source}`, libc.errno())
    }
    const peer = sockaddr(address, port)
    if (libc.connect(fd, peer, peer.length) === -1 && libc.errno() !== EINPROGRESS)
      throw new libc.SystemError(`connect to ${address} port ${port}`, libc.errno())
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function setMd5Key(fd: number, peer: Buffer, key: Buffer): void {
  if (key.length === 0 || key.length > MAX_MD5_KEY)
    throw new RangeError(`a TCP MD5 key has ${key.length} bytes, expected 1 to ${MAX_MD5_KEY}`)
  const option = Buffer.alloc(SIZEOF_TCP_MD5SIG)
  peer.copy(option)
  option.writeUInt16LE(key.length, 130)
  key.copy(option, 136)
  if (libc.setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, option, option.length) === -1)
    throw new libc.SystemError('setsockopt(TCP_MD5SIG)', libc.errno())
}

/** Returns the errno with which the connection has failed; 0 if it is there. */
function pendingError(fd: number): number {
  const value = Buffer.alloc(4)
  const length = Buffer.from([4, 0, 0, 0])
  if (libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, length) === -1) return libc.errno()
  return value.readInt32LE()
}
