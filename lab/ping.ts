// ICMP echo from any network namespace, by its own kernel's stack: it resolves the address and routes like any program's.
import { closeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import koffi from 'koffi'
import { parseIp } from '../src/base/address.js'
import { pollReadable } from '../src/os/fd-poll.js'
import * as libc from '../src/os/libc.js'
import { inNamespaces, type Namespaces } from './namespaces.js'
import { PATIENCE } from './wait.js'

type SendTo = (fd: number, bytes: Buffer, length: number, flags: number, to: Buffer, toLength: number) => number
const sendto = koffi
  .load('libc.so.6')
  .func('intptr_t sendto(int, void *, size_t, int, void *, uint32_t)') as unknown as SendTo

const SOCK_RAW_CLOEXEC = 3 | 0o2000000
const MSG_DONTWAIT = 0x40
const HEADER = 8
const MAX_PACKET = 2048

/** Of IPv4 (RFC 792) and IPv6 (RFC 4443 section 4): an IPv4 raw socket delivers the IP header, too. */
const FAMILIES = {
  4: { domain: 2, protocol: 1, request: 8, reply: 0 },
  16: { domain: 10, protocol: 58, request: 128, reply: 129 },
} as const

export interface PingOptions {
  /** Echo requests to send; default 1. */
  count?: number
  /** Milliseconds between two of them; default 100. */
  intervalMs?: number
  /** Milliseconds to wait for answers after the last one, times PATIENCE; default 1000. */
  timeoutMs?: number
}

export interface PingResult {
  readonly sent: number
  readonly received: number
  /** Number of the first request that was answered, from 0. */
  readonly firstAnswered?: number
  /** Milliseconds until the answer to each; undefined where none came. */
  readonly times: readonly (number | undefined)[]
}

let lastIdentifier = 0

/** Resolves as soon as every request is answered. A request that cannot even be sent (no address, no route) is lost. */
export async function ping(namespaces: Namespaces, ip: string, options: PingOptions = {}): Promise<PingResult> {
  const { count = 1, intervalMs = 100, timeoutMs = 1000 } = options
  const address = parseIp(ip)
  if (address === undefined) throw new Error(`${ip} is not an IP address`)
  const { domain, protocol, request, reply } = FAMILIES[address.length as 4 | 16]
  const fd = inNamespaces(namespaces, () => libc.socket(domain, SOCK_RAW_CLOEXEC, protocol))
  if (fd < 0) throw new Error(`socket(SOCK_RAW) failed with errno ${libc.errno()}: this needs root`)

  const identifier = (lastIdentifier = (lastIdentifier + 1) & 0xffff)
  const sent: number[] = []
  const times: (number | undefined)[] = Array.from({ length: count }, () => undefined)
  const complete = new AbortController()
  const poll = pollReadable(fd, () => {
    for (const packet of received(fd)) {
      const message = domain === 2 ? packet.subarray(((packet[0] ?? 0) & 15) * 4) : packet
      if (message.length < HEADER || message[0] !== reply || message.readUInt16BE(4) !== identifier) continue
      const sequence = message.readUInt16BE(6)
      times[sequence] ??= performance.now() - (sent[sequence] ?? NaN)
    }
    if (times.every((time) => time !== undefined)) complete.abort()
  })
  try {
    const to = socketAddress(domain, address)
    for (let sequence = 0; sequence < count; sequence++) {
      if (sequence > 0) await delay(intervalMs)
      const message = echo(request, identifier, sequence)
      sent.push(performance.now())
      sendto(fd, message, message.length, MSG_DONTWAIT, to, to.length)
    }
    await delay(timeoutMs * PATIENCE, undefined, { signal: complete.signal }).catch(() => undefined)
  } finally {
    poll.close()
    closeSync(fd)
  }
  const firstAnswered = times.findIndex((time) => time !== undefined)
  const answered = times.filter((time) => time !== undefined).length
  return { sent: count, received: answered, ...(firstAnswered >= 0 && { firstAnswered }), times }
}

function* received(fd: number): Generator<Buffer> {
  const buffer = Buffer.alloc(MAX_PACKET)
  const from = Buffer.alloc(28)
  const fromLength = Buffer.alloc(4)
  for (;;) {
    fromLength.writeUInt32LE(from.length)
    const size = libc.recvfrom(fd, buffer, buffer.length, MSG_DONTWAIT, from, fromLength)
    if (size < 0) return
    yield Buffer.from(buffer.subarray(0, size))
  }
}

/** Type, code, checksum, identifier, sequence. The kernel writes ICMPv6 checksums itself, over whatever is there. */
function echo(type: number, identifier: number, sequence: number): Buffer {
  const message = Buffer.alloc(HEADER)
  message[0] = type
  message.writeUInt16BE(identifier, 4)
  message.writeUInt16BE(sequence, 6)
  let sum = (type << 8) + identifier + sequence
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  message.writeUInt16BE(~sum & 0xffff, 2)
  return message
}

/** struct sockaddr_in, or sockaddr_in6 (port, flow label before the address, scope behind). */
function socketAddress(domain: number, ip: Buffer): Buffer {
  const family = Buffer.of(domain, 0)
  return ip.length === 4
    ? Buffer.concat([family, Buffer.alloc(2), ip, Buffer.alloc(8)])
    : Buffer.concat([family, Buffer.alloc(6), ip, Buffer.alloc(4)])
}
