// The proxy with its sessions on real connections; its neighbours are the lab's, and say what they are told to.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { monotonicMs } from '../../src/base/clock.js'
import { EVPN } from '../../src/bgp/family.js'
import { MessageType, messageType } from '../../src/bgp/header.js'
import { encodeRouteRefresh } from '../../src/bgp/route-refresh.js'
import { decodeUpdate, isEvpnEndOfRib } from '../../src/bgp/update.js'
import { encodeEvpnEndOfRib } from '../../src/bgp/update-encode.js'
import { inputsOf } from '../../src/proxy/bgp/others.js'
import { automaticRouteTarget, type RouteSettings } from '../../src/proxy/bgp/settings.js'
import { Proxy } from '../../src/proxy/proxy.js'
import { BgpPeer } from '../../lab/bgp-peer.js'
import { waitFor } from '../../lab/wait.js'
import { attribute, EMPTY_AS_PATH, LOCAL_PREF, MAC_ROUTE, ORIGIN_IGP, reach, route, update } from '../bgp/build.js'
import { MAC1, MAC2, policyOf, S1, VNI } from './driven.js'

const AS = 65001
const settingsOf = (routerId: string): RouteSettings => ({
  ...{ routerId, localAs: AS, mark: '65000:4789' },
  vnis: new Map([[VNI, { index: VNI, routeTargets: [automaticRouteTarget(AS, VNI)] }]]),
})

/** What a neighbour was told of routes, one line each: the VTEP with its host; `end` for End-of-RIB. */
const told = ({ messages }: BgpPeer): string[] =>
  messages.filter((message) => messageType(message) === MessageType.UPDATE).flatMap(linesOf)

function linesOf(message: Buffer): string[] {
  const result = decodeUpdate(message, { fourOctetAs: true, internal: true })
  assert.ok(result.kind === 'ok')
  if (isEvpnEndOfRib(result.update)) return ['end']
  return inputsOf('proxy', result.update, settingsOf('192.0.2.99')).map((input) =>
    input.type === 'route' ? `${input.route.nextHop} ${input.route.macIp?.mac ?? ''}`.trim() : 'gone',
  )
}

class Fixture implements Disposable {
  private constructor(
    readonly proxy: Proxy,
    readonly neighbors: readonly BgpPeer[],
    readonly said: readonly string[],
  ) {}

  /** @param routes what each neighbour says at first */
  static async start(count: number, routes = [encodeEvpnEndOfRib()]): Promise<Fixture> {
    const neighbors = await Promise.all(
      Array.from({ length: count }, (_, number) =>
        BgpPeer.listen({ as: AS, routerId: `192.0.2.${201 + number}`, port: 0, routes }),
      ),
    )
    const session = { localAs: AS, peerAs: AS, routerId: '192.0.2.250', holdTime: 90, restartTime: 0 }
    const settings = neighbors.map(({ port }, number) => ({
      ...session,
      name: `rr${number + 1}`,
      dial: { address: '127.0.0.1', port, source: undefined, key: undefined },
    }))
    const said: string[] = []
    const proxy = new Proxy(
      { policy: policyOf(), routes: settingsOf('192.0.2.250'), neighbors: settings },
      {
        probe: () => undefined,
        event: () => undefined,
        natives: () => undefined,
        session: (name, what) => said.push(`${name}: ${what}`),
      },
    )
    proxy.start()
    const fixture = new Fixture(proxy, neighbors, said)
    await fixture.until('all sessions to be up', () => said.length, count)
    return fixture
  }

  /** As `start`, and all neighbours have said that they have sent all routes. */
  static async synced(count: number): Promise<Fixture> {
    const fixture = await Fixture.start(count)
    await fixture.until('all sessions to be in sync', () => fixture.proxy.table.synced.size, count)
    return fixture
  }

  async until<T>(what: string, read: () => T, expected: T): Promise<void> {
    await waitFor(what, read, (value) => isDeepStrictEqual(value, expected))
  }

  hear(mac: string): void {
    this.proxy.hear({ vni: VNI, vtep: S1, mac, etherSource: mac, ip: undefined, isRouter: false, at: monotonicMs() })
  }

  [Symbol.dispose](): void {
    this.proxy.stop('the test is over')
    for (const neighbor of this.neighbors) neighbor[Symbol.dispose]()
  }
}

test('each neighbour is told what there is, that it is all, and then what changes', async () => {
  using fixture = await Fixture.synced(2)
  fixture.hear(MAC1)
  for (const neighbor of fixture.neighbors) {
    await fixture.until('the routes', () => told(neighbor), ['end', S1, `${S1} ${MAC1}`])
  }
})

test('a neighbour that asks for all routes, and one that was lost, are told all again, VTEPs first', async () => {
  using fixture = await Fixture.synced(1)
  const [neighbor] = fixture.neighbors
  assert.ok(neighbor)
  fixture.hear(MAC1)
  fixture.hear(MAC2)
  await fixture.until('the routes', () => told(neighbor).length, 4)
  const all = [S1, `${S1} ${MAC1}`, `${S1} ${MAC2}`, 'end']
  neighbor.messages = []
  neighbor.send(encodeRouteRefresh({ ...EVPN, subtype: 'request' }))
  await fixture.until('all again', () => told(neighbor), all)
  neighbor.messages = []
  neighbor.disconnect()
  await fixture.until('all again', () => told(neighbor), all)
  assert.ok(fixture.said.includes('rr1: the neighbour closed the connection'), fixture.said.join('\n'))
})

test('what is wrong in an UPDATE, or in one of its routes, is said, and the session goes on', async () => {
  using fixture = await Fixture.synced(1)
  const [neighbor] = fixture.neighbors
  assert.ok(neighbor)
  neighbor.send(update([reach(MAC_ROUTE), attribute('40', 1, '07'), EMPTY_AS_PATH, LOCAL_PREF]))
  neighbor.send(update([reach(route(2, '00')), ORIGIN_IGP, EMPTY_AS_PATH, LOCAL_PREF]))
  const problems = (): string[] => fixture.said.slice(1).map((line) => line.slice(0, line.indexOf(' at offset')))
  await fixture.until('the problems', problems, ['rr1: ORIGIN: value', 'rr1: route of type 2: RD'])
  fixture.hear(MAC1)
  await fixture.until('the routes', () => told(neighbor).length, 3)
})

test('a neighbour that never says that it has sent all its routes has sent them after 30 s', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  using fixture = await Fixture.start(1, [])
  t.mock.timers.tick(29_000)
  assert.equal(fixture.proxy.table.synced.size, 0)
  t.mock.timers.tick(1000)
  assert.equal(fixture.proxy.table.synced.size, 1)
})
