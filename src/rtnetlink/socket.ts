// The NETLINK_ROUTE socket: receives events of multicast groups, and performs dumps between them.
import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { NetlinkDecodeError } from '../netlink/error.js'
import * as libc from '../os/libc.js'
import {
  decodeResult,
  type NetlinkMessage,
  netlinkMessages,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
} from '../netlink/message.js'
import { pollReadable } from '../os/fd-poll.js'
import { encodeDump, type Request } from './message.js'

const NETLINK_ROUTE = 0
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const SOL_NETLINK = 270
const NETLINK_ADD_MEMBERSHIP = 1
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12
const MSG_TRUNC = 0x20
const SIZEOF_SOCKADDR_NL = 12

/** Room for the events of some 2,000 link changes while the event loop is busy; the kernel accounts double the size. */
export const RECEIVE_BUFFER = 4 << 20
/** For dumps alone, which wait for their reader: the size is left to the kernel, and no privilege is needed. */
export const KERNELS_OWN_BUFFER = 0
/** The kernel dumps in parts of at most 32 KiB; a single event is larger only with thousands of VLANs. */
const MAX_DATAGRAM = 256 << 10
/** Datagrams read before other work of the process can run. */
const DATAGRAMS_AT_ONCE = 64

const { EAGAIN, EINTR, ENOBUFS, ENOMEM } = constants.errno

/** Every method is called from the event loop, never while a method of the socket is running. */
export type RouteSocketHandler = {
  /** Receives an event; its bytes are valid during the call only. */
  event(message: NetlinkMessage): void
  /** Called after one or more events, when the socket has no more to read at the moment. */
  drained(): void
  /** Events were lost: only dumps that begin after this call give the current state. */
  lost(): void
  /** The kernel sent a message that cannot be decoded; it was left out. */
  malformed(error: NetlinkDecodeError): void
}

type Dump = {
  request: Request
  /** Called when the dump starts, and each time it starts again. */
  begin: () => void
  receive: (message: NetlinkMessage) => void
  resolve: () => void
  reject: (error: Error) => void
}

export class RouteSocket {
  private readonly poll: { close(): void }
  private readonly buffer = Buffer.alloc(MAX_DATAGRAM)
  private readonly from = Buffer.alloc(SIZEOF_SOCKADDR_NL)
  private readonly fromLength = Buffer.alloc(4)
  private dumping: (Dump & { seq: number; interrupted: boolean }) | undefined
  private seq = 0
  private overflowed = false
  private closed = false

  private constructor(
    private readonly fd: number,
    /** nlmsg_pid of answers to us; an event has the port id of the process that caused it. */
    private readonly portId: number,
    private readonly handler: RouteSocketHandler,
  ) {
    this.poll = pollReadable(fd, () => {
      this.read()
    })
  }

  /**
   * Opens the socket in the network namespace of the calling thread and joins `groups` (RTNLGRP_*). `receiveBuffer` is
   * set with SO_RCVBUFFORCE, in bytes. `protocol` is another netlink family than NETLINK_ROUTE. Throws SystemError if
   * privilege or the kernel does not allow it; its `call` names the system call or the option.
   */
  static open(
    groups: number[],
    handler: RouteSocketHandler,
    receiveBuffer = RECEIVE_BUFFER,
    protocol = NETLINK_ROUTE,
  ): RouteSocket {
    const fd = libc.rawSocket(libc.AF_NETLINK, protocol)
    if (fd === -1) throw failed('socket(AF_NETLINK)')
    try {
      if (receiveBuffer !== KERNELS_OWN_BUFFER)
        setOption(fd, 'SO_RCVBUFFORCE', SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer)
      setOption(fd, 'NETLINK_EXT_ACK', SOL_NETLINK, NETLINK_EXT_ACK, 1)
      setOption(fd, 'NETLINK_GET_STRICT_CHK', SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
      const portId = bindAnyPort(fd)
      for (const group of groups)
        setOption(fd, `NETLINK_ADD_MEMBERSHIP ${group}`, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
      return new RouteSocket(fd, portId, handler)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  /**
   * Requests a dump and resolves with what `decode` made of its messages (without undefined), after the events that
   * came during the dump were delivered. Interrupted dumps (NLM_F_DUMP_INTR) are repeated. Only one dump may run at a
   * time. Rejects with an Error that has the kernel's answer, and when the socket is closed.
   */
  dump<T>(request: Request, decode: (message: NetlinkMessage) => T | undefined): Promise<T[]> {
    if (this.dumping !== undefined) throw new Error('a netlink dump is under way already')
    let results: T[] = []
    const begin = (): void => {
      results = []
    }
    const receive = (message: NetlinkMessage): void => {
      const result = decode(message)
      if (result !== undefined) results.push(result)
    }
    return new Promise<void>((resolve, reject) => {
      this.startDump({ request, begin, receive, resolve, reject })
    }).then(() => results)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.poll.close()
    closeSync(this.fd)
    this.endDump()?.reject(new Error('the netlink socket was closed'))
  }

  private startDump(dump: Dump): void {
    this.seq = (this.seq % 0xffffffff) + 1
    const bytes = encodeDump(dump.request, this.seq)
    if (libc.send(this.fd, bytes, bytes.length, 0) === -1) {
      dump.reject(new Error(`netlink dump request: ${getSystemErrorName(-libc.errno())}`))
      return
    }
    dump.begin()
    this.dumping = { ...dump, seq: this.seq, interrupted: false }
  }

  private endDump(): (Dump & { interrupted: boolean }) | undefined {
    const dump = this.dumping
    this.dumping = undefined
    return dump
  }

  private read(): void {
    const drained = this.readSome()
    if (this.closed) return
    this.handler.drained()
    // the kernel drops further events silently until the queue has been empty once (NETLINK_S_CONGESTED)
    if (drained && this.overflowed) {
      this.overflowed = false
      this.handler.lost()
    }
  }

  /** Reads some datagrams; returns true when nothing is left to read. */
  private readSome(): boolean {
    for (let count = 0; count < DATAGRAMS_AT_ONCE && !this.closed; count++) {
      this.fromLength.writeUInt32LE(SIZEOF_SOCKADDR_NL)
      // MSG_TRUNC returns the true length of a datagram that did not fit
      const length = libc.recvfrom(this.fd, this.buffer, MAX_DATAGRAM, MSG_TRUNC, this.from, this.fromLength)
      if (length === -1) {
        const errno = libc.errno()
        if (errno === EAGAIN) return true
        this.readFailed(errno)
      } else if (length > MAX_DATAGRAM) this.overflowed = true
      // only the kernel has nl_pid 0, and any process may send to us
      else if (this.from.readUInt32LE(4) === 0) this.datagram(this.buffer.subarray(0, length))
    }
    return false
  }

  private readFailed(errno: number): void {
    if (errno === EINTR) return
    if (errno !== ENOBUFS && errno !== ENOMEM) throw new Error(`netlink recv: ${getSystemErrorName(-errno)}`)
    this.overflowed = true
  }

  private datagram(bytes: Buffer): void {
    this.decoding(() => {
      for (const message of netlinkMessages(bytes)) this.decoding(this.message, message)
    })
  }

  private decoding<A extends unknown[]>(decode: (...args: A) => void, ...args: A): void {
    try {
      decode(...args)
    } catch (error) {
      if (!(error instanceof NetlinkDecodeError)) throw error
      this.handler.malformed(error)
    }
  }

  private readonly message = (message: NetlinkMessage): void => {
    // the process that causes an event chooses its nlmsg_seq, so only the port id identifies an answer
    if (message.pid === this.portId) this.answer(message)
    else this.handler.event(message)
  }

  private answer(message: NetlinkMessage): void {
    const dump = this.dumping
    // the message is left over from an earlier dump
    if (dump?.seq !== message.seq) return
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) dump.interrupted = true
    switch (message.type) {
      case NLMSG_ERROR:
      case NLMSG_DONE:
        this.result(message)
        return
      default:
        dump.receive(message)
    }
  }

  private result(message: NetlinkMessage): void {
    const { errno, text } = decodeResult(message)
    const dump = this.endDump()
    if (errno !== 0) dump?.reject(new Error(`netlink dump: ${text}`))
    else if (dump?.interrupted) this.startDump(dump)
    else dump?.resolve()
  }
}

function bindAnyPort(fd: number): number {
  const address = Buffer.alloc(SIZEOF_SOCKADDR_NL)
  address.writeUInt16LE(libc.AF_NETLINK)
  if (libc.bind(fd, address, address.length) === -1) throw failed('bind(AF_NETLINK)')
  const length = Buffer.alloc(4)
  length.writeUInt32LE(address.length)
  if (libc.getsockname(fd, address, length) === -1) throw failed('getsockname(AF_NETLINK)')
  return address.readUInt32LE(4)
}

function setOption(fd: number, what: string, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  if (libc.setsockopt(fd, level, name, bytes, bytes.length) === -1) throw failed(what)
}

/** The error of the call just made. */
const failed = (call: string): libc.SystemError => new libc.SystemError(call, libc.errno())
