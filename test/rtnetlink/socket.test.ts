// Against the real kernel, in a network namespace of its own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync } from 'node:fs'
import { beforeEach, test, type TestContext } from 'node:test'
import koffi from 'koffi'
import * as libc from '../../src/os/libc.js'
import type { NetlinkMessage } from '../../src/netlink/message.js'
import { decodeRouteMessage, GET_LINKS, RTNLGRP_LINK } from '../../src/rtnetlink/message.js'
import { RouteSocket, type RouteSocketHandler } from '../../src/rtnetlink/socket.js'
import { enterNewNetworkNamespace, ip } from './namespace.js'
import * as write from './writer.js'

beforeEach(enterNewNetworkNamespace)

const AF_NETLINK = 16
const SOCK_RAW = 3
const TINY_BUFFER = 4096
/** More than one part of a dump (32 KiB) holds. */
const MANY = Array.from({ length: 100 }, (_, index) => `t-${index}`)
const addMany = MANY.map((name) => `link add ${name} type ifb`)

/** Of a removed one `-name`. */
function linkName(message: NetlinkMessage): string | undefined {
  const decoded = decodeRouteMessage(message)
  return decoded?.kind === 'link' ? `${decoded.gone ? '-' : ''}${decoded.link.name}` : undefined
}

const nothing = (): void => undefined
/** Opens a socket that is closed after the test: an open one keeps the process alive. */
function open(context: TestContext, handler: Partial<RouteSocketHandler> = {}, receiveBuffer?: number): RouteSocket {
  const malformed = (error: Error): never => {
    throw error
  }
  const complete = { event: nothing, drained: nothing, lost: nothing, malformed, ...handler }
  const socket = RouteSocket.open([RTNLGRP_LINK], complete, receiveBuffer)
  context.after(() => {
    socket.close()
  })
  return socket
}

/** The names of the links that tests made (lo and others are there anyway), in the order of the dump. */
async function linkNames(socket: RouteSocket): Promise<string[]> {
  return (await socket.dump(GET_LINKS, linkName)).filter((name) => name.startsWith('t-'))
}

/** A socket whose events are collected by name; `seen` resolves when `last` is among them. */
function follow(context: TestContext, last: string): { socket: RouteSocket; events: Set<string>; seen: Promise<void> } {
  const events = new Set<string>()
  let check = nothing
  const seen = new Promise<void>((resolve) => {
    check = () => {
      if (events.has(last)) resolve()
    }
  })
  const event = (message: NetlinkMessage): void => {
    events.add(linkName(message) ?? `type ${message.type}`)
    check()
  }
  return { socket: open(context, { event }), events, seen }
}

test('dumps and events', async (context) => {
  const { socket, events, seen } = follow(context, '-t-one')
  ip('link add t-one type bridge')
  assert.deepEqual(await linkNames(socket), ['t-one'])
  ip('link del t-one')
  await seen
  assert.deepEqual(events, new Set(['t-one', '-t-one']))
  assert.deepEqual(await linkNames(socket), [])
})

test('a dump that a change interrupts is done again', async (context) => {
  ip(...addMany)
  const socket = open(context)
  // the kernel has written the first part, with the first link, when dump() returns
  const dump = linkNames(socket)
  ip(`link del ${MANY[0]}`, 'link add t-late type bridge')
  assert.deepEqual(await dump, [...MANY.slice(1), 't-late'])
})

test('an overflow is reported once everything else was read, and dumps work then', async (context) => {
  let events = 0
  let overflows = 0
  let report: () => void = nothing
  const lost = new Promise<void>((resolve) => {
    report = resolve
  })
  const handler = {
    event: () => events++,
    lost: () => {
      overflows++
      report()
    },
  }
  const socket = open(context, handler, TINY_BUFFER)
  ip(...addMany)
  // asked while the buffer is full: the kernel has no room for the first part
  assert.deepEqual(await linkNames(socket), MANY)
  await lost
  assert.equal(overflows, 1)
  assert.ok(events < MANY.length, `${events} events fit into a buffer of ${TINY_BUFFER} bytes`)
})

test('only the kernel is believed', async (context) => {
  const { events, seen } = follow(context, 't-genuine')
  // the first netlink socket of a process has its pid as port id
  const forged = write.message(write.NEWLINK, [write.ifinfomsg(7), write.attr(3, write.text('t-forged'))])
  sendTo(process.pid, forged)
  ip('link add t-genuine type bridge')
  await seen
  assert.deepEqual(events, new Set(['t-genuine']))
})

/** Sends to another netlink socket, as any process with CAP_NET_ADMIN can. */
function sendTo(portId: number, datagram: Buffer): void {
  type SendTo = (fd: number, b: Buffer, length: number, flags: number, address: Buffer, size: number) => number
  const prototype = 'intptr_t sendto(int fd, void *bytes, size_t length, int flags, void *address, uint32_t size)'
  const sendto = koffi.load('libc.so.6').func(prototype) as unknown as SendTo
  const fd = libc.socket(AF_NETLINK, SOCK_RAW, 0)
  const address = Buffer.concat([write.u16(AF_NETLINK), write.u16(0), write.u32(portId), write.u32(0)])
  assert.equal(sendto(fd, datagram, datagram.length, 0, address, address.length), datagram.length)
  closeSync(fd)
}

test('what cannot be decoded is reported and left out', async (context) => {
  const errors: Error[] = []
  const socket = open(context, { malformed: (error) => errors.push(error) })
  const decode = (message: NetlinkMessage): string | undefined => {
    const end = message.start + 3
    return linkName(errors.length === 0 ? { ...message, end } : message)
  }
  ip('link add t-one type bridge')
  assert.deepEqual(await socket.dump(GET_LINKS, decode), ['t-one'])
  assert.match(String(errors), /ifinfomsg of 3 bytes, expected 16/)
})

test("a refused dump says the kernel's own words", async (context) => {
  const socket = open(context)
  const request = { ...GET_LINKS, body: Buffer.alloc(GET_LINKS.body.length, 1) }
  await assert.rejects(socket.dump(request, nothing), {
    message: 'netlink dump: EINVAL: Invalid values in header for link dump request',
  })
})

test('closing ends a dump under way', async (context) => {
  const socket = open(context)
  const dump = linkNames(socket)
  socket.close()
  await assert.rejects(dump, /was closed/)
})

test('without CAP_NET_ADMIN: the option that was refused, and the error', () => {
  const module = new URL('../../src/rtnetlink/socket.js', import.meta.url).href
  const script = `import { RouteSocket } from '${module}'
try { RouteSocket.open([1], {}) } catch (error) { console.log(error.name, error.code, error.message) }`
  const withoutCapability = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin']
  const node = [process.execPath, '--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync('setpriv', [...withoutCapability, ...node], { encoding: 'utf8' })
  assert.equal(stdout, 'SystemError EPERM SO_RCVBUFFORCE: EPERM\n', stderr)
})
