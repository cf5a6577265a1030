// Moves bytes from socket to socket inside the kernel, so that no byte is lost or duplicated if the worker is killed at any
// instruction.
import { endianness } from 'node:os'
import * as libc from './libc.js'
import { SystemError, checked } from './libc.js'

const MSG_PEEK = 0x02
const SPLICE_F_MOVE = 1
const SPLICE_F_NONBLOCK = 2
const SHUT_WR = 1
const SHUT_RDWR = 2
const F_SETPIPE_SZ = 1031
const SOL_SOCKET = 1
const SO_PEEK_OFF = 42
/** So many bytes are written to a pipe as a whole or not at all (pipe(7)). */
export const PIPE_BUF = 4096
const FIONREAD = 0x541b
const SIOCOUTQ = 0x5411

/** Copies the bytes that wait in the socket into `buffer` without consuming them; 0 is the end of the stream. */
export const peek = (socket: number, buffer: Buffer): number | undefined =>
  checked('recv', () => libc.recv(socket, buffer, buffer.length, MSG_PEEK | libc.MSG_DONTWAIT))

/** Reads up to `length` bytes from the socket. */
export const take = (socket: number, buffer: Buffer, length: number): number | undefined =>
  checked('recv', () => libc.recv(socket, buffer, Math.min(length, buffer.length), libc.MSG_DONTWAIT))

/** Writes bytes to a pipe: all or none if there are no more than PIPE_BUF. */
export const write = (pipe: number, bytes: Buffer): number | undefined =>
  checked('write', () => libc.write(pipe, bytes, bytes.length))

/** Moves up to `length` bytes between a socket and a pipe, in either direction. */
export const splice = (from: number, to: number, length: number): number | undefined =>
  checked('splice', () => libc.splice(from, null, to, null, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK))

/** Ends our sending direction of the socket; does nothing if the peer has already gone. */
export function shutdownWrite(socket: number): void {
  shutdown(socket, SHUT_WR)
}

/** Ends both directions, for every process that has the socket; does nothing if the peer has already gone. */
export function shutdownBoth(socket: number): void {
  shutdown(socket, SHUT_RDWR)
}

function shutdown(socket: number, how: number): void {
  try {
    checked('shutdown', () => libc.shutdown(socket, how))
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'ENOTCONN') throw error
  }
}

const isLittleEndian = endianness() === 'LE'
const answer = Buffer.alloc(4)
const readAnswer = (): number => (isLittleEndian ? answer.readInt32LE() : answer.readInt32BE())
const writeInt = (bytes: Buffer, value: number): number =>
  isLittleEndian ? bytes.writeInt32LE(value) : bytes.writeInt32BE(value)

/** Returns the number of bytes in a pipe. */
export const pipeHolds = (pipe: number): number => askInt('ioctl FIONREAD', pipe, FIONREAD)

/** Whether the peer of a Unix socket has read all that was sent. */
export const isAllRead = (socket: number): boolean => askInt('ioctl SIOCOUTQ', socket, SIOCOUTQ) === 0

function askInt(call: string, fd: number, request: number): number {
  checked(call, () => libc.ioctl(fd, request, answer))
  return readAnswer()
}

const option = Buffer.alloc(4)
const answerLength = Buffer.alloc(4)

/** Returns a socket's SO_PEEK_OFF, see `setPeekOffset`. */
export function peekOffset(socket: number): number {
  writeInt(answerLength, answer.length)
  checked('getsockopt SO_PEEK_OFF', () => libc.getsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, answer, answerLength))
  return readAnswer()
}

/**
 * Sets where `peek` begins (socket(7), SO_PEEK_OFF); negative values mean the front. The kernel subtracts from a positive
 * one what is taken out of the socket, by whatever call, until it is 0, and adds what is peeked at. It leaves negative ones
 * alone.
 */
export function setPeekOffset(socket: number, offset: number): void {
  writeInt(option, offset)
  checked('setsockopt SO_PEEK_OFF', () => libc.setsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, option, option.length))
}

/** Enlarges a pipe, as far as the system's limits permit. */
export function growPipe(pipe: number, bytes: number): void {
  // this fails when the user's pipes use too much memory in total; the default size works as well, but more slowly
  libc.fcntl(pipe, F_SETPIPE_SZ, bytes)
}
