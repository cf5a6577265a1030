// What zebra's FPM messages say about bindings: real bytes go through the real view, the kernel's names are made up.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnnouncedViews } from '../../src/bindings/views.js'
import type { FpmUpdate } from '../../src/bindings/input.js'
import { type FpmChange, FpmView } from '../../src/fpm/view.js'
import { fpmUpdatesOf } from '../../src/snoop/fpm-updates.js'
import { decoded, hostRoute, hostRouteBy, mac, replayedRouterMac } from '../fpm/build.js'
import * as forwarding from '../rtnetlink/forwarding-writer.js'
import { attr, u32 } from '../rtnetlink/writer.js'
import { FakePorts } from './fake-sources.js'

const VM = 'bc2411000002'
const VM_TEXT = 'bc:24:11:00:00:02'
const ROUTER = '02aabbccdd01'
const IP = '10.2.1.21'
const VTEP = '192.0.2.2'
const VXLAN = 4
const RED = 1001
const OTHER = 1002

/** zebra's connection, told to a node with the VNIs 100 and 101 in the VRF of table 1001, and 200 in the default one. */
class Rig {
  readonly kernel = new FakePorts()
  readonly views = new AnnouncedViews()
  readonly view: FpmView
  private readonly testimonies: FpmUpdate[] = []
  private now = 1000

  constructor() {
    const vniOf = (ifindex: number, vlan: number): number | undefined => this.kernel.vniOfVxlan(ifindex, vlan)
    this.view = new FpmView({ vniOf }, (change) => {
      this.testimonies.push(...this.of(change))
    })
    this.kernel.vrfs.set(RED, 20).set(OTHER, 21)
    for (const [vni, tenantVrf] of [
      [100, 20],
      [101, 20],
      [200, 0],
    ] as const) {
      this.views.apply({ type: 'vni', vni, gone: false, tenantVrf })
    }
    this.view.opened(this.now)
    this.said()
  }

  of(change: FpmChange): FpmUpdate[] {
    return [...fpmUpdatesOf(change, this.view, this.kernel, this.views)]
  }

  hear(...messages: Buffer[]): FpmUpdate[] {
    for (const message of messages) this.view.apply(decoded(message), ++this.now)
    return this.said()
  }

  /** Time passes until the replay is over. */
  finish(): FpmUpdate[] {
    this.now = this.view.deadline() ?? this.now
    this.view.tick(this.now)
    return this.said()
  }

  close(): FpmUpdate[] {
    this.view.closed(this.now)
    return this.said()
  }

  open(): FpmUpdate[] {
    this.view.opened(this.now)
    return this.said()
  }

  private said(): FpmUpdate[] {
    return this.testimonies.splice(0)
  }
}

const isMac = (vni: number, remote: boolean): FpmUpdate => ({ kind: 'mac', vni, mac: VM_TEXT, remote })
const leads = (vni: number, vtep = VTEP, ip = IP): FpmUpdate => ({ kind: 'host-route', vni, ip, vtep })

test('a MAC with its VNI, as FRR 9.0 and newer say it', () => {
  const rig = new Rig()
  rig.kernel.vxlanVnis.set(`${VXLAN}.0`, 999)
  assert.deepEqual(rig.hear(mac(VM, { vni: 100 })), [isMac(100, true)])
  assert.deepEqual(rig.hear(mac(VM, { vni: 100 })), [], 'said again')
  assert.deepEqual(rig.hear(mac(VM, { vni: 100, vtep: '192.0.2.9' })), [isMac(100, true)], 'behind another VTEP')
  assert.deepEqual(rig.hear(mac(VM, { gone: true })), [isMac(100, false)])
})

test('a MAC without VNI (FRR 8.4): the VXLAN device tells it, or its VLAN', () => {
  const rig = new Rig()
  rig.kernel.vxlanVnis.set(`${VXLAN}.0`, 100).set('5.20', 101)
  assert.deepEqual(rig.hear(mac(VM)), [isMac(100, true)])
  assert.deepEqual(rig.hear(mac(VM, { gone: true })), [isMac(100, false)])
  assert.deepEqual(rig.hear(mac(VM, { ifindex: 5, vlan: 20 })), [isMac(101, true)])
  assert.deepEqual(rig.hear(mac(VM, { ifindex: 5, vlan: 30 })), [], 'a VLAN without VNI')
  assert.deepEqual(rig.hear(mac(VM, { ifindex: 6 })), [], 'a device that is none, or not yet known')
})

test('the MAC of a router is nobody’s host', () => {
  const rig = new Rig()
  rig.kernel.vxlanVnis.set('9.0', 4001)
  assert.deepEqual(rig.hear(replayedRouterMac(ROUTER, VTEP)), [])
  rig.hear(hostRoute(IP, [VTEP], { vni: 4001, table: RED }))
  assert.deepEqual(rig.hear(mac(VM, { vni: 4001 })), [], 'zebra routes into its VNI')
  const early = new Rig()
  assert.deepEqual(early.hear(mac(VM, { vni: 4001 })), [isMac(4001, true)], 'nothing tells it yet')
  early.hear(hostRoute(IP, [VTEP], { vni: 4001, table: RED }))
  assert.deepEqual(
    early.hear(mac(VM, { gone: true })),
    [isMac(4001, false)],
    'what was said is taken back all the same',
  )
})

test('a host route through VXLAN is one of every VNI of its tenant', () => {
  const rig = new Rig()
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP], { vni: 4001, table: RED })), [leads(100), leads(101)])
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP], { vni: 4001, table: RED })), [], 'said again')
  assert.deepEqual(rig.hear(hostRoute(IP, [], { table: RED, gone: true })), [])
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP], { vni: 4001, table: OTHER })), [], 'a tenant without VNI')
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP], { vni: 4001, table: 77 })), [], 'a table that is of no VRF')
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP], { vni: 4001 })), [leads(200)], 'the default VRF')
})

test('where zebra says no VNI, an EVPN route is still on-link; nexthop objects are looked up', () => {
  const rig = new Rig()
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP], { table: RED })), [leads(100), leads(101)])
  const nexthop = [attr(6, forwarding.ip(VTEP)), attr(5, u32(7))]
  rig.hear(forwarding.nexthop(9, nexthop, { flags: forwarding.ONLINK }))
  assert.deepEqual(rig.hear(hostRouteBy('10.0.0.5', 9)), [leads(200, VTEP, '10.0.0.5')])
})

test('protobuf names the VRF itself', () => {
  const rig = new Rig()
  const path = { gateway: VTEP, ifindex: 7, weight: 1, onlink: false, vni: 4001 }
  const heard = { at: 0, connection: 1, replayed: false }
  const route = { ip: IP, protocol: 'bgp', type: 'unicast', metric: 0, nexthopId: undefined, paths: [path], ...heard }
  const change = { type: 'host-route', update: 'added', route: { in: { vrf: 20 }, ...route } } as const
  assert.deepEqual(rig.of(change), [leads(100), leads(101)])
})

test('a route of which the paths are not known says nothing', () => {
  assert.deepEqual(new Rig().hear(hostRouteBy(IP, 9)), [])
})

test('a route that leads here, alone or among others, does not lead elsewhere', () => {
  const rig = new Rig()
  rig.kernel.ownAddresses.add('192.0.2.1')
  assert.deepEqual(rig.hear(hostRoute(IP, ['192.0.2.1'], { table: RED })), [])
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP, '192.0.2.1'], { table: RED })), [])
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP, '192.0.2.3'], { table: RED })), [leads(100), leads(101)])
})

test('routes that are not EVPN’s say nothing: through a neighbour, unnumbered, static, to a prefix', () => {
  const rig = new Rig()
  const path = (flags: number, via: string): Buffer[] => [
    attr(9, forwarding.rtnexthop(7, 1, flags, forwarding.gateway(via))),
  ]
  assert.deepEqual(
    rig.hear(
      forwarding.route(IP, 32, path(0, VTEP), { table: RED }),
      forwarding.route('10.2.1.22', 32, path(forwarding.ONLINK, '169.254.0.1'), { table: RED }),
      forwarding.route('10.2.1.23', 32, path(forwarding.ONLINK, VTEP), { table: RED, protocol: 196 }),
      forwarding.route('10.2.1.24', 31, path(forwarding.ONLINK, VTEP), { table: RED }),
      forwarding.route('10.2.1.26', 32, [], { table: RED, type: 6 }),
    ),
    [],
  )
})

test('a connection that is lost, or replaced, takes back everything; nothing else does', () => {
  const rig = new Rig()
  assert.deepEqual(rig.hear(mac(VM, { vni: 100 })), [isMac(100, true)])
  assert.deepEqual(rig.finish(), [])
  assert.deepEqual(rig.close(), [{ kind: 'none' }])
  assert.deepEqual(rig.open(), [{ kind: 'none' }])
  assert.deepEqual(rig.hear(mac(VM, { vni: 100 })), [isMac(100, true)], 'what it says again counts again')
})

test('a route that is only said again on the next connection asks nobody again', () => {
  const rig = new Rig()
  rig.hear(hostRoute(IP, [VTEP], { table: RED }))
  rig.close()
  rig.open()
  assert.deepEqual(rig.hear(hostRoute(IP, [VTEP], { table: RED })), [])
  assert.deepEqual(rig.hear(hostRoute(IP, ['192.0.2.3'], { table: RED })).length, 2, 'another one does')
})

test('an update in two steps (FRR 8.4 to 9.0) asks once', () => {
  const rig = new Rig()
  rig.hear(hostRoute(IP, [VTEP], { table: RED }))
  const [gone, added] = [hostRoute(IP, [], { table: RED, gone: true }), hostRoute(IP, ['192.0.2.3'], { table: RED })]
  assert.deepEqual(rig.hear(gone, added), [leads(100, '192.0.2.3'), leads(101, '192.0.2.3')])
})
