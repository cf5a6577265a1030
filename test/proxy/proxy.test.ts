// The proxy with its sessions on real connections; its neighbours are fakes that say what they are told to.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { monotonicMs } from '../../src/base/clock.js'
import { EVPN } from '../../src/bgp/family.js'
import { KEEPALIVE, MessageType, messageType } from '../../src/bgp/header.js'
import { encodeOpen } from '../../src/bgp/open.js'
import { encodeRouteRefresh } from '../../src/bgp/route-refresh.js'
import { MessageScanner } from '../../src/bgp/scanner.js'
import { decodeUpdate, isEvpnEndOfRib } from '../../src/bgp/update.js'
import { encodeEvpnEndOfRib } from '../../src/bgp/update-encode.js'
import { inputsOf } from '../../src/proxy/bgp/others.js'
import { automaticRouteTarget, type RouteSettings } from '../../src/proxy/bgp/settings.js'
import { Proxy } from '../../src/proxy/proxy.js'
import { attribute, EMPTY_AS_PATH, LOCAL_PREF, MAC_ROUTE, reach, update } from '../bgp/build.js'
import { waitFor } from '../../lab/wait.js'
import { MAC1, MAC2, policyOf, S1, VNI } from './driven.js'

const AS = 65001
const settingsOf = (routerId: string): RouteSettings => ({
  ...{ routerId, localAs: AS, mark: '65000:4789' },
  vnis: new Map([[VNI, { index: VNI, routeTargets: [automaticRouteTarget(AS, VNI)] }]]),
})

/** Says OPEN, KEEPALIVE and End-of-RIB, and writes down what it is told, one line each. */
class FakeNeighbor implements Disposable {
  lines: string[] = []
  socket: Socket | undefined
  private readonly server: Server

  constructor(private readonly routerId: string) {
    this.server = createServer((socket) => {
      this.speak(socket)
    })
  }

  async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    return (this.server.address() as AddressInfo).port
  }

  private speak(socket: Socket): void {
    this.socket = socket
    const scanner = new MessageScanner()
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      for (const message of scanner.push(bytes)) this.receive(message)
    })
    const capabilities = [
      { kind: 'multiprotocol', ...EVPN },
      { kind: 'four-octet-as', as: AS },
    ] as const
    socket.write(encodeOpen({ as: AS, holdTime: 90, routerId: this.routerId, capabilities }))
    socket.write(KEEPALIVE)
    socket.write(encodeEvpnEndOfRib())
  }

  private receive(message: Buffer): void {
    if (messageType(message) !== MessageType.UPDATE) return
    const result = decodeUpdate(message, { fourOctetAs: true, internal: true })
    assert.ok(result.kind === 'ok')
    if (isEvpnEndOfRib(result.update)) this.lines.push('end')
    for (const input of inputsOf('proxy', result.update, settingsOf('192.0.2.99'))) {
      if (input.type === 'route') this.lines.push(`${input.route.nextHop} ${input.route.macIp?.mac ?? ''}`.trim())
      else this.lines.push('gone')
    }
  }

  [Symbol.dispose](): void {
    this.socket?.destroy()
    this.server.close()
  }
}

class Fixture implements Disposable {
  private constructor(
    readonly proxy: Proxy,
    readonly neighbors: readonly FakeNeighbor[],
    readonly said: readonly string[],
  ) {}

  static async start(count: number): Promise<Fixture> {
    const neighbors = Array.from({ length: count }, (_, number) => new FakeNeighbor(`192.0.2.${201 + number}`))
    const ports = await Promise.all(neighbors.map((neighbor) => neighbor.listen()))
    const session = { localAs: AS, peerAs: AS, routerId: '192.0.2.250', holdTime: 90, restartTime: 0 }
    const settings = ports.map((port, number) => ({
      ...session,
      name: `rr${number + 1}`,
      dial: { address: '127.0.0.1', port, source: undefined, key: undefined },
    }))
    const said: string[] = []
    const proxy = new Proxy(policyOf(), settingsOf('192.0.2.250'), settings, {
      probe: () => undefined,
      event: () => undefined,
      session: (name, what) => said.push(`${name}: ${what}`),
    })
    proxy.start()
    const fixture = new Fixture(proxy, neighbors, said)
    await fixture.until('all sessions to be in sync', () => proxy.table.synced.size, count)
    return fixture
  }

  async until<T>(what: string, read: () => T, expected: T): Promise<void> {
    await waitFor(what, read, (value) => JSON.stringify(value) === JSON.stringify(expected))
  }

  hear(mac: string): void {
    this.proxy.hear({ vni: VNI, vtep: S1, mac, ip: undefined, isRouter: false, at: monotonicMs() })
  }

  [Symbol.dispose](): void {
    this.proxy.stop('the test is over')
    for (const neighbor of this.neighbors) neighbor[Symbol.dispose]()
  }
}

test('each neighbour is told what there is, that it is all, and then what changes', async () => {
  using fixture = await Fixture.start(2)
  fixture.hear(MAC1)
  for (const { lines } of fixture.neighbors) {
    await fixture.until('the routes', () => lines, ['end', S1, `${S1} ${MAC1}`])
  }
})

test('a neighbour that asks for all routes, and one that was lost, are told all again, VTEPs first', async () => {
  using fixture = await Fixture.start(1)
  const [neighbor] = fixture.neighbors
  assert.ok(neighbor)
  fixture.hear(MAC1)
  fixture.hear(MAC2)
  await fixture.until('the routes', () => neighbor.lines.length, 4)
  const all = [S1, `${S1} ${MAC1}`, `${S1} ${MAC2}`, 'end']
  neighbor.lines = []
  neighbor.socket?.write(encodeRouteRefresh({ ...EVPN, subtype: 'request' }))
  await fixture.until('all again', () => neighbor.lines, all)
  neighbor.lines = []
  neighbor.socket?.destroy()
  await fixture.until('all again', () => neighbor.lines, all)
  assert.ok(fixture.said.includes('rr1: the neighbour closed the connection'), fixture.said.join('\n'))
})

test('what is wrong in an UPDATE is said, and the session goes on', async () => {
  using fixture = await Fixture.start(1)
  const [neighbor] = fixture.neighbors
  neighbor?.socket?.write(update([reach(MAC_ROUTE), attribute('40', 1, '07'), EMPTY_AS_PATH, LOCAL_PREF]))
  await fixture.until('the problem', () => fixture.said.some((line) => line.startsWith('rr1: ORIGIN: ')), true)
  fixture.hear(MAC1)
  await fixture.until('the routes', () => neighbor?.lines.length, 3)
})
