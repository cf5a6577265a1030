// Kernel neighbours of a node's bridge: seen as the kernel reports them, and written as cheaply as it can be done.
import { closeSync } from 'node:fs'
import { Attributes } from '../src/netlink/attributes.js'
import * as libc from '../src/os/libc.js'
import { afterFamilyHeader, decodeResult, type NetlinkMessage, netlinkMessages } from '../src/netlink/message.js'
import { RouteSocket } from '../src/rtnetlink/socket.js'
import { parseIp, parseMac } from '../src/base/address.js'
import type { Host } from '../lab/frames.js'
import { inNamespaces } from '../lab/namespaces.js'
import type { Router } from '../lab/router.js'
import { PATIENCE } from '../lab/wait.js'
import * as write from '../test/rtnetlink/writer.js'

const RTM_NEWNEIGH = 28
const RTM_DELNEIGH = 29
const RTNLGRP_NEIGH = 3
const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 3 | 0o2000000
const MSG_DONTWAIT = 0x40
const NLM_F_REQUEST_CREATE_REPLACE = 0x1 | 0x400 | 0x100
const SIZEOF_NDMSG = 12
const NDA_DST = 1
const NDA_LLADDR = 2
/** Two events of each host of a burst. */
const RECEIVE_BUFFER = 64 << 20
const TIMEOUT_MS = 60_000 * PATIENCE

/** NUD_* of linux/neighbour.h. */
export const NeighbourState = { reachable: 0x02, permanent: 0x80 } as const
type NeighbourState = (typeof NeighbourState)[keyof typeof NeighbourState]

type Wait = {
  type: number
  missing: Set<string>
  resolve: (time: number) => void
  reject: (error: Error) => void
}

/** What a node's kernel tells everyone about its neighbours. */
export class NeighbourWatch implements Disposable {
  private readonly socket: RouteSocket
  private wait: Wait | undefined

  constructor(private readonly node: Router) {
    const fail = (error: Error): void => {
      this.wait?.reject(error)
    }
    this.socket = inNamespaces(node.namespaces, () =>
      RouteSocket.open(
        [RTNLGRP_NEIGH],
        {
          event: (message) => {
            this.event(message)
          },
          drained: () => undefined,
          lost: () => {
            fail(new Error(`neighbour events of ${node.name} were lost`))
          },
          malformed: fail,
        },
        RECEIVE_BUFFER,
      ),
    )
  }

  /** Resolves with the time (`performance.now()`) at which the last of these addresses is reported as a neighbour. */
  installed(ips: Iterable<string>): Promise<number> {
    return this.until(RTM_NEWNEIGH, ips)
  }

  /** As `installed`, for their removal. */
  removed(ips: Iterable<string>): Promise<number> {
    return this.until(RTM_DELNEIGH, ips)
  }

  [Symbol.dispose](): void {
    this.socket.close()
  }

  private until(type: number, ips: Iterable<string>): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      const wait: Wait = { type, missing: new Set(ips), resolve, reject }
      const total = wait.missing.size
      this.wait = wait
      const timer = setTimeout(() => {
        const what = type === RTM_NEWNEIGH ? 'installed' : 'removed'
        const text = `${wait.missing.size} of ${total} neighbours were not ${what} on ${this.node.name}`
        reject(new Error(`${text} within ${TIMEOUT_MS / 1000} s`))
      }, TIMEOUT_MS)
      wait.resolve = (time) => {
        clearTimeout(timer)
        resolve(time)
      }
    }).finally(() => {
      this.wait = undefined
    })
  }

  private event(message: NetlinkMessage): void {
    const { wait } = this
    if (message.type !== wait?.type) return
    const now = performance.now()
    const attributes = afterFamilyHeader(message, 'ndmsg', SIZEOF_NDMSG)
    const family = message.bytes.readUInt8(message.start)
    if (family !== AF_INET && family !== AF_INET6) return
    const ip = new Attributes(message.bytes, attributes, message.end).ip(NDA_DST, family === AF_INET ? 4 : 16)
    if (ip !== undefined && wait.missing.delete(ip) && wait.missing.size === 0) wait.resolve(now)
  }
}

/** Writes IPv4 neighbours to a node's br0 as `ip neigh replace` does, from this process and many with one system call. */
export class NeighbourWriter implements Disposable {
  private readonly answer = Buffer.alloc(8192)

  private constructor(
    private readonly fd: number,
    private readonly ifindex: number,
  ) {}

  static async open(node: Router): Promise<NeighbourWriter> {
    const [link] = JSON.parse(await node.exec(['ip', '-j', 'link', 'show', 'dev', 'br0'])) as [{ ifindex: number }]
    const fd = inNamespaces(node.namespaces, () => libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0))
    if (fd < 0) throw new Error(`socket(AF_NETLINK) failed with errno ${libc.errno()}`)
    return new NeighbourWriter(fd, link.ifindex)
  }

  /** `ip neigh replace IP lladdr MAC dev br0 nud STATE` for each host. They are there when this returns. */
  replace(many: readonly Host[], state: NeighbourState): void {
    this.send(many.map((one) => this.request(RTM_NEWNEIGH, one, state)))
  }

  delete(many: readonly Host[]): void {
    this.send(many.map((one) => this.request(RTM_DELNEIGH, one, 0)))
  }

  [Symbol.dispose](): void {
    closeSync(this.fd)
  }

  private request(type: number, { ipv4, mac }: Host, state: number): Buffer {
    const [ip, lladdr] = [parseIp(ipv4), parseMac(mac)]
    if (ip === undefined || lladdr === undefined) throw new Error(`no host: ${ipv4} ${mac}`)
    const ndmsg = [write.u32(AF_INET), write.u32(this.ifindex), write.u16(state), write.u16(0)]
    const attributes = [write.attr(NDA_DST, ip), write.attr(NDA_LLADDR, lladdr)]
    return write.message(type, [...ndmsg, ...attributes], { flags: NLM_F_REQUEST_CREATE_REPLACE })
  }

  private send(requests: readonly Buffer[]): void {
    const bytes = Buffer.concat(requests)
    if (libc.send(this.fd, bytes, bytes.length, 0) !== bytes.length)
      throw new Error(`writing neighbours failed with errno ${libc.errno()}`)
    // the kernel does the work within the call and answers what it could not do
    const length = libc.recvfrom(
      this.fd,
      this.answer,
      this.answer.length,
      MSG_DONTWAIT,
      Buffer.alloc(12),
      write.u32(12),
    )
    if (length < 0) return
    for (const message of netlinkMessages(this.answer.subarray(0, length)))
      throw new Error(`the kernel takes no neighbour: ${decodeResult(message).text}`)
  }
}
