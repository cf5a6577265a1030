import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type FpmChange, type FpmLimits, FpmView, type RemoteMac } from '../../src/fpm/view.js'
import * as forwarding from '../rtnetlink/forwarding-writer.js'
import { attr, message, u32 } from '../rtnetlink/writer.js'
import { decodeAll, decoded, frame, hostRoute, hostRouteBy, mac, replayedRouterMac } from './build.js'
import { bytes, number } from './proto-writer.js'

const QUIET = 5000
const SETTLE = 60_000
const STALE = 1800_000
const VM = 'bc2411000002'
const VM_TEXT = 'bc:24:11:00:00:02'
const ROUTER = '02aabbccdd01'
const ROUTER_TEXT = '02:aa:bb:cc:dd:01'

/** A view with a clock of its own. */
class Rig {
  readonly changes: string[] = []
  readonly view: FpmView
  now = 1000

  constructor(limits: Partial<FpmLimits> = {}) {
    this.view = new FpmView({ limits }, (change) => {
      this.changes.push(describe(change))
    })
  }

  /** Netlink messages, one frame each. */
  hear(...messages: Buffer[]): this {
    for (const netlink of messages) this.view.apply(decoded(netlink), this.now)
    return this
  }

  open(): this {
    this.view.opened(this.now)
    return this
  }

  close(): this {
    this.view.closed(this.now)
    return this
  }

  /** Time passes, and the view does what is due whenever it wants to. */
  pass(ms: number): this {
    const end = this.now + ms
    for (;;) {
      const deadline = this.view.deadline()
      if (deadline === undefined || deadline > end) break
      this.now = Math.max(this.now, deadline)
      this.view.tick(this.now)
    }
    this.now = end
    return this
  }

  /** What has changed since this was asked last. */
  news(): string[] {
    return this.changes.splice(0)
  }

  mac(mac = VM_TEXT, ifindex = 4, vlan?: number): RemoteMac | undefined {
    return this.view.remoteMac({ ifindex, vlan }, mac)
  }

  macFreshness(mac = VM_TEXT): string | undefined {
    const found = this.mac(mac) ?? this.mac(mac, 9)
    return found && this.view.freshness(found)
  }

  /** The gateways of the only host route to `ip`. */
  gateways(ip: string): (string | undefined)[] | undefined {
    const [route, ...more] = this.view.hostRoutes(ip)
    assert.deepEqual(more, [])
    return route && this.view.paths(route)?.map(({ gateway }) => gateway)
  }
}

function describe(change: FpmChange): string {
  switch (change.type) {
    case 'mac':
      return `${change.update} ${change.mac.mac} ${change.mac.vtep ?? 'nowhere'}`
    case 'host-route':
      return `${change.update} ${change.route.ip}`
    case 'nexthop':
      return `${change.update} nexthop ${change.nexthop.id}`
    case 'phase':
      return change.phase
  }
}

test('a remote MAC: by device and VLAN, by VNI; moved, said again, gone', () => {
  const rig = new Rig().open().pass(QUIET)
  rig.hear(mac(VM, { vni: 100 }), mac(VM, { vni: 200, vlan: 20, vtep: '192.0.2.3' }))
  assert.equal(rig.mac()?.vtep, '192.0.2.2')
  assert.equal(rig.mac(VM_TEXT, 4, 20)?.vtep, '192.0.2.3')
  assert.equal(rig.view.remoteMac({ vni: 100 }, VM_TEXT)?.vlan, undefined)
  assert.equal(rig.view.remoteMac({ vni: 200 }, VM_TEXT)?.vlan, 20)
  assert.equal(rig.view.remoteMac({ vni: 300 }, VM_TEXT), undefined)
  assert.equal(rig.mac(VM_TEXT, 5), undefined)
  assert.equal(rig.macFreshness(), 'live')
  rig.hear(mac(VM, { vni: 100 }), mac(VM, { vni: 100, vtep: '192.0.2.9' }))
  // a deletion need not name anything but the MAC and where it is
  rig.hear(forwarding.fdb(4, VM, [], { gone: true }))
  assert.equal(rig.mac(), undefined)
  assert.equal(rig.view.remoteMac({ vni: 100 }, VM_TEXT), undefined)
  assert.ok(rig.mac(VM_TEXT, 4, 20))
  assert.deepEqual(rig.news(), [
    'replaying',
    'live',
    `added ${VM_TEXT} 192.0.2.2`,
    `added ${VM_TEXT} 192.0.2.3`,
    `changed ${VM_TEXT} 192.0.2.9`,
    `removed ${VM_TEXT} 192.0.2.9`,
  ])
  assert.equal(rig.view.status().macs, 1)
})

test('a MAC that zebra programs as local is none behind a VTEP', () => {
  const rig = new Rig().open()
  rig.hear(forwarding.fdb(5, VM, [attr(0x800e, attr(2)), attr(1, u32(0))], { flags: forwarding.MASTER }))
  assert.deepEqual([...rig.view.remoteMacs()], [])
})

test('the MAC of an Ethernet segment is behind a group that zebra does not tell', () => {
  const rig = new Rig().open().hear(forwarding.fdb(4, VM, [attr(13, u32(536870913))]))
  assert.deepEqual([rig.mac()?.vtep, rig.mac()?.nexthopId], [undefined, 536870913])
})

test('router MACs: as they are told again, those of the old module, those of a VNI that is routed into', () => {
  const rig = new Rig().open()
  rig.hear(replayedRouterMac(ROUTER, '192.0.2.2'), mac(VM, { vni: 4001, ifindex: 9 }), mac(VM, { vni: 100 }))
  const router = rig.mac(ROUTER_TEXT, 9)
  assert.equal(router?.vtep, '192.0.2.2')
  const isRouter = (entry: RemoteMac | undefined): boolean | undefined => entry && rig.view.isRouterMac(entry)
  assert.deepEqual([isRouter(router), isRouter(rig.mac(VM_TEXT, 9)), isRouter(rig.mac())], [true, false, false])
  rig.hear(hostRoute('10.2.1.21', ['192.0.2.2'], { vni: 4001 }))
  assert.deepEqual([isRouter(rig.mac(VM_TEXT, 9)), isRouter(rig.mac())], [true, false])
  // a live update, which looks like any remote MAC, makes no host of it
  rig.hear(mac(ROUTER, { ifindex: 9, vtep: '192.0.2.3' }))
  assert.equal(isRouter(rig.mac(ROUTER_TEXT, 9)), true)
  rig.hear(
    forwarding.fdb(9, '02aabbccdd02', [attr(1, forwarding.ip('192.0.2.4')), attr(9, u32(8)), attr(7, u32(4002))]),
  )
  assert.equal(isRouter(rig.view.remoteMac({ vni: 4002 }, '02:aa:bb:cc:dd:02')), true)
})

test('host routes: with VTEPs and VNIs, per table; all others are only counted', () => {
  const rig = new Rig().open()
  rig.hear(
    hostRoute('10.2.1.21', ['192.0.2.2', '192.0.2.3'], { vni: 4001, table: 1001 }),
    hostRoute('10.2.1.21', ['192.0.2.9'], { table: 254 }),
    hostRoute('2001:db8:0:0:0:0:0:21', ['192.0.2.2'], { vni: 4001, table: 1001 }),
    forwarding.route('10.2.1.0', 24, [], { table: 1001 }),
    forwarding.route('10.2.1.0', 24, [], { table: 1001 }),
    forwarding.route('10.2.1.0', 25, [], { table: 1001 }),
    forwarding.route('2001:db8:0:0:0:0:0:0', 64, []),
  )
  const route = rig.view.hostRoute({ table: 1001 }, '10.2.1.21')
  assert.deepEqual(
    route?.paths.map(({ gateway, vni, ifindex, onlink }) => ({ gateway, vni, ifindex, onlink })),
    [
      { gateway: '192.0.2.2', vni: 4001, ifindex: 7, onlink: true },
      { gateway: '192.0.2.3', vni: 4001, ifindex: 7, onlink: true },
    ],
  )
  assert.deepEqual(
    rig.view.hostRoutes('10.2.1.21').map((found) => found.in),
    [{ table: 1001 }, { table: 254 }],
  )
  assert.deepEqual(rig.gateways('2001:db8::21'), ['192.0.2.2'])
  assert.equal(rig.view.hostRoute({ table: 254 }, '2001:db8::21'), undefined)
  assert.deepEqual(rig.view.status().tables, [
    { in: { table: 1001 }, hostRoutes: 2, routes: 2 },
    { in: { table: 254 }, hostRoutes: 1, routes: 1 },
  ])
  rig.news()
  rig.hear(
    hostRoute('10.2.1.21', ['192.0.2.2', '192.0.2.3'], { vni: 4001, table: 1001 }),
    hostRoute('10.2.1.21', ['192.0.2.2'], { vni: 4001, table: 1001 }),
    hostRoute('10.2.1.21', [], { table: 1001, gone: true }),
    hostRoute('10.2.1.99', [], { table: 1001, gone: true }),
    forwarding.route('10.2.1.0', 25, [], { table: 1001, gone: true }),
    forwarding.route('10.2.1.0', 25, [], { table: 1001, gone: true }),
  )
  assert.deepEqual(rig.news(), ['changed 10.2.1.21', 'removed 10.2.1.21'])
  assert.deepEqual(rig.view.status().tables[0], { in: { table: 1001 }, hostRoutes: 1, routes: 1 })
})

test('a deletion that names no table (the old module, netlink) forgets the route in all: none of them is sure any more', () => {
  const rig = new Rig().open()
  rig.hear(
    hostRoute('10.2.1.21', ['192.0.2.2'], { table: 1001 }),
    hostRoute('10.2.1.21', ['192.0.2.2'], { table: 254 }),
    hostRoute('10.2.1.22', ['192.0.2.2'], { table: 254 }),
    forwarding.route('10.2.1.0', 24, [], { table: 1001 }),
    forwarding.route('10.2.1.0', 24, [], { table: 254 }),
  )
  rig.news()
  rig.hear(
    hostRoute('10.2.1.21', [], { table: 0, gone: true }),
    forwarding.route('10.2.1.0', 24, [], { table: 0, gone: true }),
  )
  assert.deepEqual(rig.news(), ['removed 10.2.1.21', 'removed 10.2.1.21'])
  assert.deepEqual(rig.view.status().tables, [{ in: { table: 254 }, hostRoutes: 1, routes: 0 }])
})

test('one frame with a deletion and an addition is a change in two steps (FRR 8.4 to 9.0)', () => {
  const rig = new Rig().open().hear(hostRoute('10.2.1.21', ['192.0.2.2']))
  const [gone, added] = [hostRoute('10.2.1.21', [], { gone: true }), hostRoute('10.2.1.21', ['192.0.2.3'])]
  for (const message of decodeAll(frame(1, gone, added))) rig.view.apply(message, rig.now)
  assert.deepEqual(rig.gateways('10.2.1.21'), ['192.0.2.3'])
})

test('nexthop objects: routes lead where they lead, in whatever order they come', () => {
  const rig = new Rig().open().hear(hostRouteBy('10.2.1.21', 9))
  assert.equal(rig.gateways('10.2.1.21'), undefined)
  const single = (id: number, gateway: string): Buffer =>
    forwarding.nexthop(id, [attr(6, forwarding.ip(gateway)), attr(5, u32(7))], { flags: forwarding.ONLINK })
  const group = (...members: [number, number][]): Buffer => forwarding.nexthop(9, [forwarding.group(...members)])
  rig.hear(group([1, 10], [2, 20]), single(1, '192.0.2.2'))
  assert.equal(rig.gateways('10.2.1.21'), undefined)
  rig.hear(single(2, '192.0.2.3'))
  assert.deepEqual(rig.view.paths({ nexthopId: 9, paths: [] }), [
    { gateway: '192.0.2.2', ifindex: 7, weight: 10, onlink: true, vni: undefined },
    { gateway: '192.0.2.3', ifindex: 7, weight: 20, onlink: true, vni: undefined },
  ])
  rig.news()
  rig.hear(single(2, '192.0.2.3'), single(2, '192.0.2.4'), group([2, 20]), group([2, 20]))
  assert.deepEqual(rig.news(), ['changed nexthop 2', 'changed nexthop 9'])
  assert.deepEqual(rig.gateways('10.2.1.21'), ['192.0.2.4'])
  rig.hear(forwarding.nexthop(2, [], { gone: true }))
  assert.equal(rig.gateways('10.2.1.21'), undefined)
  // a group of itself leads nowhere
  rig.hear(group([9, 1]))
  assert.equal(rig.gateways('10.2.1.21'), undefined)
  rig.hear(forwarding.nexthop(9, [attr(4)]))
  assert.deepEqual(rig.gateways('10.2.1.21'), [])
})

test('the replay: over when nothing came for a while, or after a longer while of whatever', () => {
  const rig = new Rig()
  assert.equal(rig.view.phase, 'disconnected')
  rig
    .open()
    .pass(QUIET - 1)
    .hear(mac(VM))
    .pass(QUIET - 1)
  assert.equal(rig.view.phase, 'replaying')
  assert.equal(rig.macFreshness(), 'replayed')
  rig.pass(1)
  assert.equal(rig.view.phase, 'live')
  // what was replayed says so until it is said again
  assert.equal(rig.macFreshness(), 'replayed')
  rig.hear(mac(VM))
  assert.equal(rig.macFreshness(), 'live')
  rig.close().open()
  for (let waited = 0; waited < SETTLE - 1; waited += 1000) rig.hear(mac(VM)).pass(999)
  rig.pass(SETTLE / 1000)
  assert.equal(rig.view.phase, 'live')
})

test('a connection anew: what is not told again is gone, except MACs of hosts, which never are told again', () => {
  const rig = new Rig().open()
  const route = (ip: string): Buffer => hostRoute(ip, ['192.0.2.2'])
  const prefix = (ip: string): Buffer => forwarding.route(ip, 24, [])
  rig.hear(replayedRouterMac(ROUTER, '192.0.2.2'), route('10.2.1.21'), route('10.2.1.22'), forwarding.nexthop(1, []))
  rig.hear(prefix('10.1.0.0'), prefix('10.2.0.0')).pass(QUIET).hear(mac(VM), mac('bc2411000003'))
  rig.news()
  rig.close()
  assert.deepEqual(rig.news(), ['disconnected'])
  assert.deepEqual([rig.macFreshness(), rig.macFreshness(ROUTER_TEXT)], ['stale', 'stale'])
  rig.pass(100_000)
  assert.deepEqual(rig.gateways('10.2.1.22'), ['192.0.2.2'])

  rig.open().hear(route('10.2.1.21'), prefix('10.2.0.0'), prefix('10.3.0.0'))
  assert.deepEqual(rig.view.status().tables, [{ in: { table: 254 }, hostRoutes: 2, routes: 3 }])
  assert.deepEqual(rig.news(), ['replaying', 'confirmed 10.2.1.21'])
  rig.pass(QUIET)
  assert.deepEqual(rig.news(), [`removed ${ROUTER_TEXT} 192.0.2.2`, 'removed 10.2.1.22', 'removed nexthop 1', 'live'])
  assert.deepEqual(rig.view.status().tables, [{ in: { table: 254 }, hostRoutes: 1, routes: 2 }])
  assert.equal(rig.macFreshness(), 'stale')

  // zebra mentions one, and removes the other
  rig.hear(mac(VM), mac('bc2411000003', { gone: true }))
  assert.deepEqual(rig.news(), [`confirmed ${VM_TEXT} 192.0.2.2`, 'removed bc:24:11:00:00:03 192.0.2.2'])
  assert.equal(rig.macFreshness(), 'live')
})

test('what is stale is so for a bounded time, or until someone knows that zebra was started anew', () => {
  const rig = new Rig().open().hear(mac(VM), hostRoute('10.2.1.21', ['192.0.2.2']), forwarding.nexthop(1, []))
  rig
    .hear(forwarding.route('10.1.0.0', 24, []))
    .close()
    .pass(STALE / 2)
  // a connection in between makes nothing younger that it does not mention
  rig.open().pass(QUIET).hear(mac('bc2411000003')).close()
  rig.pass(STALE / 2 - QUIET - 1)
  assert.equal(rig.macFreshness(), 'stale')
  rig.pass(1)
  assert.equal(rig.macFreshness(), undefined)
  assert.equal(rig.macFreshness('bc:24:11:00:00:03'), 'stale')
  rig.pass(STALE)
  const { macs, hostRoutes, nexthops, tables } = rig.view.status()
  assert.deepEqual({ macs, hostRoutes, nexthops, tables }, { macs: 0, hostRoutes: 0, nexthops: 0, tables: [] })
  assert.equal(rig.view.deadline(), undefined)

  rig.open().hear(mac(VM)).close().open().hear(mac('bc2411000003'))
  rig.view.forgetStaleMacs()
  assert.deepEqual([rig.macFreshness(), rig.macFreshness('bc:24:11:00:00:03')], [undefined, 'replayed'])
})

test('nobody comes again: routes and nexthops go, too', () => {
  const rig = new Rig().open().hear(hostRoute('10.2.1.21', ['192.0.2.2']), forwarding.nexthop(1, []))
  rig
    .hear(forwarding.route('10.1.0.0', 24, []))
    .pass(QUIET)
    .close()
    .pass(STALE - 1)
  assert.equal(rig.view.status().hostRoutes, 1)
  rig.pass(1)
  assert.deepEqual(rig.view.status().tables, [])
  assert.equal(rig.view.status().nexthops, 0)
})

test('bounds: what does not fit is counted, and nothing wrong is kept instead', () => {
  const rig = new Rig({ macs: 1, hostRoutes: 2, routes: 1, nexthops: 3, mplsRoutes: 1, srv6LocalSids: 1 }).open()
  rig.hear(mac(VM), mac('bc2411000003'), mac('bc2411000003', { ifindex: 5 }))
  rig.hear(
    hostRoute('10.2.1.1', ['192.0.2.2']),
    hostRoute('10.2.1.2', ['192.0.2.2']),
    hostRoute('10.2.1.3', ['192.0.2.2']),
  )
  // there is room for two different paths
  rig.hear(hostRoute('10.2.1.2', ['192.0.2.3', '192.0.2.4', '192.0.2.5']))
  assert.equal(rig.gateways('10.2.1.2'), undefined)
  assert.deepEqual(rig.gateways('10.2.1.1'), ['192.0.2.2'])
  rig.hear(forwarding.route('10.1.0.0', 24, []), forwarding.route('10.2.0.0', 24, [], { table: 7 }))
  rig.hear(forwarding.nexthop(1, [forwarding.group([2, 1], [3, 1])]), forwarding.nexthop(2, []))
  const { macs, hostRoutes, nexthops, tables, leftOut } = rig.view.status()
  assert.deepEqual({ macs, hostRoutes, nexthops }, { macs: 1, hostRoutes: 1, nexthops: 1 })
  assert.deepEqual(tables, [{ in: { table: 254 }, hostRoutes: 1, routes: 1 }])
  assert.deepEqual(leftOut, { macs: 2, hostRoutes: 2, routes: 1, nexthops: 1, others: 0 })
  // room is given back
  rig.hear(mac(VM, { gone: true }), mac('bc2411000003'), hostRoute('10.2.1.1', [], { gone: true }))
  rig.hear(hostRoute('10.2.1.9', ['192.0.2.8', '192.0.2.9']))
  assert.deepEqual(rig.gateways('10.2.1.9'), ['192.0.2.8', '192.0.2.9'])
  rig.hear(hostRoute('10.2.1.9', [], { gone: true }))
  for (const vtep of ['192.0.2.4', '192.0.2.5', '192.0.2.6', '192.0.2.7']) {
    rig.hear(hostRoute('10.2.1.9', [vtep]))
    assert.deepEqual(rig.gateways('10.2.1.9'), [vtep])
  }
  assert.equal(rig.view.status().macs, 1)
})

test('bounds: so many tables and no more, until one of them is empty', () => {
  const rig = new Rig({ tables: 2 }).open()
  rig.hear(forwarding.route('10.1.0.0', 24, [], { table: 1 }), hostRoute('10.2.1.1', ['192.0.2.2'], { table: 2 }))
  rig.hear(forwarding.route('10.1.0.0', 24, [], { table: 3 }), hostRoute('10.2.1.1', ['192.0.2.2'], { table: 4 }))
  const { tables, leftOut } = rig.view.status()
  assert.deepEqual(
    tables.map((table) => table.in),
    [{ table: 1 }, { table: 2 }],
  )
  assert.deepEqual([leftOut.routes, leftOut.hostRoutes], [1, 1])
  rig.hear(forwarding.route('10.1.0.0', 24, [], { table: 1, gone: true }))
  rig.hear(hostRoute('10.2.1.1', ['192.0.2.2'], { table: 4 }))
  assert.deepEqual(
    rig.view.hostRoutes('10.2.1.1').map((route) => route.in),
    [{ table: 2 }, { table: 4 }],
  )
})

test('MPLS routes and SRv6 SIDs are counted', () => {
  const rig = new Rig({ mplsRoutes: 2 }).open()
  const mpls = (label: number, gone = false): Buffer => {
    const [type, header] = [
      gone ? forwarding.DELROUTE : forwarding.NEWROUTE,
      forwarding.rtmsg({ family: 28, length: 20 }),
    ]
    return message(type, [header, attr(1, forwarding.labels(label))])
  }
  rig.hear(mpls(16), mpls(17), mpls(17), mpls(18), mpls(16, true))
  assert.equal(rig.view.status().mplsRoutes, 1)
  assert.equal(rig.view.status().leftOut.others, 1)
  const sid = bytes(4, bytes(1, bytes(1, Buffer.alloc(16, 1))))
  for (const type of [3, 3])
    for (const heard of decodeAll(frame(2, number(1, type), sid))) rig.view.apply(heard, rig.now)
  assert.equal(rig.view.status().srv6LocalSids, 1)
  rig.close().open().pass(QUIET)
  assert.deepEqual([rig.view.status().mplsRoutes, rig.view.status().srv6LocalSids], [0, 0])
})

test('after any history the view is what zebra has said last', () => {
  const ips = ['10.2.1.1', '10.2.1.2', '10.2.1.3']
  const macs = [VM, 'bc2411000003']
  const prefixes = ['10.1.0.0', '10.2.0.0', '10.3.0.0']
  const vteps = ['192.0.2.2', '192.0.2.3']
  const event = fc.oneof(
    fc.record({ is: fc.constant('route' as const), what: fc.nat(2), vtep: fc.nat(1), gone: fc.boolean() }),
    fc.record({ is: fc.constant('mac' as const), what: fc.nat(1), vtep: fc.nat(1), gone: fc.boolean() }),
    fc.record({ is: fc.constant('prefix' as const), what: fc.nat(2), gone: fc.boolean() }),
    fc.record({ is: fc.constantFrom('anew' as const, 'quiet' as const) }),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const rig = new Rig().open()
      // what zebra has said: in this connection (fresh), and before
      let [routes, before] = [new Map<string, string>(), new Map<string, string>()]
      let [others, othersBefore] = [new Set<string>(), new Set<string>()]
      const known = new Map<string, string>()
      const live = new Map<string, string>()
      for (const heard of events) {
        switch (heard.is) {
          case 'route': {
            const [ip, vtep] = [ips[heard.what] ?? '', vteps[heard.vtep] ?? '']
            rig.hear(hostRoute(ip, [vtep], { gone: heard.gone }))
            before.delete(ip)
            if (heard.gone) routes.delete(ip)
            else routes.set(ip, vtep)
            break
          }
          case 'mac': {
            const [hex, vtep] = [macs[heard.what] ?? '', vteps[heard.vtep] ?? '']
            rig.hear(mac(hex, { vtep, gone: heard.gone }))
            if (heard.gone) known.delete(hex)
            else known.set(hex, vtep)
            break
          }
          case 'prefix': {
            const prefix = prefixes[heard.what] ?? ''
            rig.hear(forwarding.route(prefix, 24, [], { gone: heard.gone }))
            othersBefore.delete(prefix)
            if (heard.gone) others.delete(prefix)
            else others.add(prefix)
            break
          }
          case 'anew':
            rig.close().open()
            before = new Map([...before, ...routes])
            routes = new Map()
            othersBefore = new Set([...othersBefore, ...others])
            others = new Set()
            break
          case 'quiet':
            rig.pass(QUIET)
            before = new Map()
            othersBefore = new Set()
        }
        const expected = new Map([...before, ...routes])
        for (const ip of ips) assert.deepEqual(rig.gateways(ip), expected.has(ip) ? [expected.get(ip)] : undefined)
        for (const ip of expected.keys()) {
          const [route] = rig.view.hostRoutes(ip)
          assert.equal(route && rig.view.freshness(route) === 'stale', before.has(ip))
        }
        assert.deepEqual(
          new Map([...rig.view.remoteMacs()].map(({ mac, vtep }) => [mac.replaceAll(':', ''), vtep])),
          known,
        )
        const sum = rig.view.status().tables.reduce((sum, { routes }) => sum + routes, 0)
        assert.equal(sum, new Set([...others, ...othersBefore]).size)
        assert.equal(rig.view.status().hostRoutes, expected.size)
      }
      // the changes alone lead to the same
      for (const change of rig.news()) {
        const [update = '', what = ''] = change.split(' ')
        if (update === 'added' || update === 'changed') live.set(what, update)
        else if (update === 'removed') live.delete(what)
        if (update === 'added' || update === 'changed' || update === 'confirmed') assert.ok(live.has(what))
      }
      const there = [...rig.view.allHostRoutes()].map(({ ip }) => ip)
      const macsThere = [...rig.view.remoteMacs()].map(({ mac }) => mac)
      assert.deepEqual(new Set(live.keys()), new Set([...there, ...macsThere]))
    }),
    { numRuns: 300 },
  )
})
