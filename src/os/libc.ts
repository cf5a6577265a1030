// The system calls that Node lacks, through koffi; no other file loads libc. Each returns -1 on failure; `errno()` then
// gives the reason. koffi gives every function the type (...any) => any: the casts repeat the C declarations.
import { constants } from 'node:os'
import koffi from 'koffi'

const libc = koffi.load('libc.so.6')
const declare = (prototype: string): unknown => libc.func(prototype)

export const AF_NETLINK = 16
const SOCK_RAW = 3
/** O_CLOEXEC and SOCK_CLOEXEC. */
export const AF_UNIX = 1
export const SOCK_DGRAM = 2
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000
export const CLOEXEC = 0o2000000
/** O_NONBLOCK and SOCK_NONBLOCK. */
export const NONBLOCK = 0o4000

type Socket = (domain: number, type: number, protocol: number) => number
export const socket = declare('int socket(int domain, int type, int protocol)') as Socket
/** Opens a non-blocking raw socket that child processes do not inherit. */
export const rawSocket = (domain: number, protocol: number): number =>
  socket(domain, SOCK_RAW | CLOEXEC | NONBLOCK, protocol)

type Bind = (fd: number, address: Buffer, length: number) => number
export const bind = declare('int bind(int fd, void *address, uint32_t length)') as Bind

type Connect = (fd: number, address: Buffer, length: number) => number
export const connect = declare('int connect(int fd, void *address, uint32_t length)') as Connect

type GetSockName = (fd: number, address: Buffer, length: Buffer) => number
export const getsockname = declare('int getsockname(int fd, void *address, void *length)') as GetSockName

type SetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: number) => number
export const setsockopt = declare(
  'int setsockopt(int fd, int level, int name, void *value, uint32_t length)',
) as SetSockOpt

/** `length`: instructions of 8 bytes each. */
type SocketFilter = { length: number; filter: Buffer }
koffi.struct('sock_fprog', { length: 'uint16_t', filter: 'void *' })
type AttachFilter = (fd: number, level: number, name: number, value: SocketFilter, size?: number) => number
const setFilter = declare(
  'int setsockopt(int fd, int level, int name, sock_fprog *value, uint32_t length)',
) as AttachFilter
/** setsockopt with a struct sock_fprog (linux/filter.h). */
export const attachFilter: AttachFilter = (fd, level, name, value) => setFilter(fd, level, name, value, 16)

type GetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number
export const getsockopt = declare(
  'int getsockopt(int fd, int level, int name, void *value, void *length)',
) as GetSockOpt

type Send = (fd: number, bytes: Buffer, length: number, flags: number) => number
export const send = declare('intptr_t send(int fd, void *bytes, size_t length, int flags)') as Send

type SendTo = (fd: number, bytes: Buffer, length: number, flags: number, to: Buffer, toLength: number) => number
export const sendto = declare(
  'intptr_t sendto(int fd, void *bytes, size_t length, int flags, void *to, uint32_t to_length)',
) as SendTo

type RecvFrom = (fd: number, bytes: Buffer, size: number, flags: number, from: Buffer, fromLength: Buffer) => number
export const recvfrom = declare(
  'intptr_t recvfrom(int fd, void *bytes, size_t size, int flags, void *from, void *from_length)',
) as RecvFrom

type Recv = (fd: number, bytes: Buffer, size: number, flags: number) => number
export const recv = declare('intptr_t recv(int fd, void *bytes, size_t size, int flags)') as Recv

type Write = (fd: number, bytes: Buffer, length: number) => number
export const write = declare('intptr_t write(int fd, void *bytes, size_t length)') as Write

type Splice = (from: number, fromOffset: null, to: number, toOffset: null, length: number, flags: number) => number
export const splice = declare(
  'intptr_t splice(int from, void *from_offset, int to, void *to_offset, size_t length, uint32_t flags)',
) as Splice

type MessageHeader = {
  name: Buffer | null
  namelen: number
  iov: { base: Buffer; length: number }
  iovlen: 1
  control: Buffer | null
  /** recvmsg sets it, and `flags`. */
  controllen: number
  flags: number
}
koffi.struct('iovec', { base: 'void *', length: 'size_t' })
koffi.struct('msghdr', {
  ...{ name: 'void *', namelen: 'uint32_t', iov: 'iovec *', iovlen: 'size_t' },
  ...{ control: 'void *', controllen: 'size_t', flags: 'int' },
})
type SendMsg = (fd: number, message: MessageHeader, flags: number) => number
export const sendmsg = declare('intptr_t sendmsg(int fd, msghdr *message, int flags)') as SendMsg

type RecvMsg = (fd: number, message: MessageHeader, flags: number) => number
export const recvmsg = declare('intptr_t recvmsg(int fd, _Inout_ msghdr *message, int flags)') as RecvMsg

type MemfdCreate = (name: string, flags: number) => number
export const memfdCreate = declare('int memfd_create(const char *name, unsigned int flags)') as MemfdCreate

type Close = (fd: number) => number
export const close = declare('int close(int fd)') as Close

type Shutdown = (fd: number, how: number) => number
export const shutdown = declare('int shutdown(int fd, int how)') as Shutdown

type Pipe2 = (ends: Buffer, flags: number) => number
export const pipe2 = declare('int pipe2(void *ends, int flags)') as Pipe2

type Poll = (descriptors: Buffer, count: number, timeoutMs: number) => number
export const poll = declare('int poll(void *descriptors, unsigned long count, int timeout)') as Poll

type Flock = (fd: number, operation: number) => number
export const flock = declare('int flock(int fd, int operation)') as Flock

/** For the commands that take an int. */
type Fcntl = (fd: number, command: number, argument: number) => number
export const fcntl = declare('int fcntl(int fd, int command, int argument)') as Fcntl

/** For the requests that take a pointer. */
type Ioctl = (fd: number, request: number, argument: Buffer) => number
export const ioctl = declare('int ioctl(int fd, uint64_t request, void *argument)') as Ioctl

/** The errno of the call made just before; any other call changes it. */
export const errno = (): number => koffi.errno()

/** A system call failed: `call` names it, `code` is the errno's name. */
export class SystemError extends Error {
  override readonly name = 'SystemError'
  readonly code: string
  constructor(
    readonly call: string,
    errno: number,
  ) {
    const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
    super(`${call}: ${code}`)
    this.code = code
  }
}

const { EAGAIN, EINTR } = constants.errno

/** Returns the call's result; undefined if it would block. Throws SystemError for any other error. */
export function checked(call: string, result: () => number): number | undefined {
  for (;;) {
    const value = result()
    if (value >= 0) return value
    const code = errno()
    if (code === EAGAIN) return undefined
    if (code !== EINTR) throw new SystemError(call, code)
  }
}
