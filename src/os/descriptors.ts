// Descriptors as the kernel sees them: handing them to another process (SCM_RIGHTS, unix(7)), and who uses one.
import * as libc from './libc.js'
import { checked } from './libc.js'

const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_CTRUNC = 0x08
const MSG_CMSG_CLOEXEC = 0x40000000
/** struct cmsghdr: length, level, type. */
const CMSG_HEADER = 16
/** SCM_MAX_FD. */
const MAX_DESCRIPTORS = 253

const F_SETFD = 2
const FD_CLOEXEC = 1
const F_SETOWN = 8
const F_GETOWN = 9

/**
 * Sends bytes with copies of descriptors, which stay open here. `to` is a socket address, for a socket that is not connected.
 * Returns how many bytes went; undefined if it would block. Throws SystemError.
 */
export function sendWithDescriptors(
  socket: number,
  bytes: Buffer,
  descriptors: readonly number[],
  to: Buffer | null = null,
): number | undefined {
  const control = descriptors.length === 0 ? null : rights(descriptors)
  const message = {
    ...{ name: to, namelen: to?.length ?? 0 },
    ...{ iov: { base: bytes, length: bytes.length }, iovlen: 1 as const },
    ...{ control, controllen: control?.length ?? 0, flags: 0 },
  }
  return checked('sendmsg', () => libc.sendmsg(socket, message, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL))
}

/**
 * Reads into `bytes`; 0 bytes are the end of the stream. The descriptors that came are the caller's to close. Undefined if
 * nothing is there. Throws SystemError, and Error if descriptors were lost because too many are open.
 */
export function receiveWithDescriptors(
  socket: number,
  bytes: Buffer,
): { size: number; descriptors: readonly number[] } | undefined {
  const control = Buffer.alloc(CMSG_HEADER + align(4 * MAX_DESCRIPTORS))
  const message = {
    ...{ name: null, namelen: 0 },
    ...{ iov: { base: bytes, length: bytes.length }, iovlen: 1 as const },
    ...{ control, controllen: control.length, flags: 0 },
  }
  const size = checked('recvmsg', () => libc.recvmsg(socket, message, libc.MSG_DONTWAIT | MSG_CMSG_CLOEXEC))
  if (size === undefined) return undefined
  const descriptors = [...received(control.subarray(0, message.controllen))]
  if ((message.flags & MSG_CTRUNC) === 0) return { size, descriptors }
  for (const fd of descriptors) closeDescriptor(fd)
  throw new Error('descriptors were lost on the way')
}

/** For a descriptor that was inherited: child processes do not get it. False if there is none with this number. */
export const closeOnExec = (fd: number): boolean => libc.fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0

export function closeDescriptor(fd: number): void {
  libc.close(fd)
}

/**
 * Writes down at a socket itself which process moves its bytes. Every process that has a copy of the descriptor can ask for
 * it, without a file that could be missing. (The kernel would send SIGIO and SIGURG there; neither is switched on.)
 */
export function setUser(socket: number, pid: number): void {
  checked('fcntl F_SETOWN', () => libc.fcntl(socket, F_SETOWN, pid))
}

/** The process that was written down last; undefined if it has ended, even when its number is another's by now. */
export function userOf(socket: number): number | undefined {
  const pid = checked('fcntl F_GETOWN', () => libc.fcntl(socket, F_GETOWN, 0))
  return pid === 0 ? undefined : pid
}

const align = (bytes: number): number => Math.ceil(bytes / 8) * 8

function rights(descriptors: readonly number[]): Buffer {
  const control = Buffer.from(new ArrayBuffer(CMSG_HEADER + align(4 * descriptors.length)))
  const { buffer } = control
  new BigUint64Array(buffer, 0, 1).set([BigInt(CMSG_HEADER + 4 * descriptors.length)])
  new Int32Array(buffer, 8).set([SOL_SOCKET, SCM_RIGHTS, ...descriptors])
  return control
}

function* received(control: Buffer): Generator<number> {
  const bytes = Uint8Array.from(control).buffer
  for (let offset = 0; offset + CMSG_HEADER <= bytes.byteLength; ) {
    const length = Number(new BigUint64Array(bytes, offset, 1)[0])
    if (length < CMSG_HEADER || offset + length > bytes.byteLength) return
    const [level, type] = new Int32Array(bytes, offset + 8, 2)
    if (level === SOL_SOCKET && type === SCM_RIGHTS)
      yield* new Int32Array(bytes, offset + CMSG_HEADER, Math.floor((length - CMSG_HEADER) / 4))
    offset += align(length)
  }
}
