// VLAN-aware bridges are tested with netlink bytes: kernels without CONFIG_BRIDGE_VLAN_FILTERING are tested on too.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { netlinkMessages } from '../../../src/netlink/message.js'
import { decodeRouteMessage, type RouteMessage } from '../../../src/rtnetlink/message.js'
import { type Port, type PortChange, PortModel } from '../../../src/snoop/ports/model.js'
import * as write from '../../rtnetlink/writer.js'

function decode(...datagrams: Buffer[]): RouteMessage[] {
  return [...netlinkMessages(Buffer.concat(datagrams))]
    .map(decodeRouteMessage)
    .filter((message) => message !== undefined)
}

/** A change in one line: `add tap1 br0 up`. */
function line(change: PortChange): string {
  switch (change.kind) {
    case 'vni-change':
      return change.kind
    case 'bridge-port':
      return `bridge-port ${change.port.name}`
    case 'ambiguous':
      return `ambiguous ${change.bridge} ${change.vlan} ${change.devices.join()}`
    case 'rename':
      return `rename ${change.port.name} was ${change.from}`
    case 'remove':
      return `remove ${change.port.name} ${change.reason}`
    case 'add':
    case 'up':
    case 'down':
      return `${change.kind} ${change.port.name} ${change.port.bridge} ${change.port.up ? 'up' : 'down'}`
  }
}

function changesOf(model: PortModel, ...datagrams: Buffer[]): string[] {
  for (const message of decode(...datagrams)) model.apply(message)
  return model.takeChanges().map(line)
}

const BR0 = 2
const VX = 3
const TAP1 = 5
const TAP2 = 6
const tap1 = write.link(TAP1, 'tap1', { master: BR0, kind: 'tun' })
const tap2 = write.link(TAP2, 'tap2', { master: BR0, kind: 'tun' })

function bridgeWithVlans(...datagrams: Buffer[]): PortModel {
  const model = new PortModel(new Set())
  changesOf(model, write.bridge(BR0, 'br0', true), ...datagrams)
  return model
}

test('VLAN-aware: untagged frames are in the PVID, tagged ones in their VLAN if the port has it', () => {
  const model = bridgeWithVlans(
    write.vxlan(VX, 'vx10', 5010, BR0),
    write.portVlans(VX, [write.vlanInfo(10, write.PVID | write.UNTAGGED)]),
    write.vxlan(4, 'vx20', 5020, BR0),
    write.portVlans(4, [write.vlanInfo(20, write.PVID | write.UNTAGGED)]),
    tap1,
    write.portVlans(TAP1, [write.vlanInfo(10, write.PVID | write.UNTAGGED), write.vlanInfo(20)]),
    tap2,
    write.portVlans(TAP2, [write.vlanInfo(15, write.RANGE_BEGIN), write.vlanInfo(25, write.RANGE_END)]),
  )
  assert.deepEqual(
    [0, 10, 20, 30].map((vlan) => model.vniOf(TAP1, vlan)),
    [5010, 5010, 5020, undefined],
  )
  // no PVID: the bridge drops untagged frames; no VLAN 10 there; 15 has no VNI
  assert.deepEqual(
    [0, 10, 15, 20].map((vlan) => model.vniOf(TAP2, vlan)),
    [undefined, undefined, undefined, 5020],
  )
})

test('VLAN-aware: an external VXLAN device tells VLAN → VNI by its tunnel information, ranges included', () => {
  const model = bridgeWithVlans(
    write.vxlan(VX, 'vxlan0', undefined, BR0),
    write.portVlans(VX, [
      write.vlanInfo(10),
      write.tunnelInfo(10, 5010),
      write.vlanInfo(100, write.RANGE_BEGIN),
      write.vlanInfo(199, write.RANGE_END),
      write.tunnelInfo(100, 70000, write.RANGE_BEGIN),
      write.tunnelInfo(199, 70099, write.RANGE_END),
    ]),
    tap1,
    write.portVlans(TAP1, [
      write.vlanInfo(10, write.PVID),
      write.vlanInfo(11, write.RANGE_BEGIN),
      write.vlanInfo(4094, write.RANGE_END),
    ]),
  )
  assert.deepEqual([...model.ports.keys()], [TAP1])
  assert.deepEqual(
    [0, 10, 11, 99, 100, 142, 199, 200].map((vlan) => model.vniOf(TAP1, vlan)),
    [5010, 5010, undefined, undefined, 70000, 70042, 70099, undefined],
  )
})

test('VLAN-aware: an external VXLAN device is sent through the bridge, as far as the bridge is in the VLAN itself', () => {
  const vlans = [10, 20, 30].flatMap((vlan) => [write.vlanInfo(vlan), write.tunnelInfo(vlan, 5000 + vlan)])
  const model = bridgeWithVlans(
    write.vxlan(VX, 'vxlan0', undefined, BR0),
    write.portVlans(VX, vlans),
    write.portVlans(BR0, [write.vlanInfo(10), write.vlanInfo(20, write.PVID | write.UNTAGGED)]),
  )
  const through = (vni: number) => {
    const tunnel = model.tunnelOf(vni)
    return tunnel && { device: tunnel.device, through: tunnel.through, vlan: tunnel.vlan }
  }
  assert.deepEqual(through(5010), { device: VX, through: BR0, vlan: 10 })
  assert.deepEqual(through(5020), { device: VX, through: BR0, vlan: 0 })
  assert.equal(through(5030), undefined, 'the bridge would drop it')
})

test('VLAN-aware: a change of VLANs, VNIs or filtering is told', () => {
  const accessOf10 = write.portVlans(TAP1, [write.vlanInfo(10, write.PVID)])
  const model = bridgeWithVlans(
    write.vxlan(VX, 'vx10', 5010, BR0),
    write.portVlans(VX, [write.vlanInfo(10, write.PVID)]),
    tap1,
    accessOf10,
  )
  assert.deepEqual(changesOf(model, accessOf10), [], 'the same again')
  assert.deepEqual(changesOf(model, write.portVlans(TAP1, [write.vlanInfo(20, write.PVID)])), ['vni-change'])
  assert.equal(model.vniOf(TAP1, 0), undefined)
  assert.deepEqual(changesOf(model, write.portVlans(VX, [write.vlanInfo(20, write.PVID)])), ['vni-change'])
  assert.equal(model.vniOf(TAP1, 0), 5010)
  assert.deepEqual(changesOf(model, write.portVlans(TAP1, [])), ['vni-change'], 'the last VLAN is gone')
  assert.equal(model.vniOf(TAP1, 0), undefined)
  assert.deepEqual(changesOf(model, write.bridge(BR0, 'br0', false)), ['vni-change'])
  assert.equal(model.vniOf(TAP1, 0), 5010)
})

test('VLANs mean nothing while the bridge does not filter', () => {
  const model = new PortModel(new Set())
  changesOf(model, write.bridge(BR0, 'br0'), write.vxlan(VX, 'vx', 100, BR0), tap1)
  // ports get the default PVID and lose it also on such a bridge
  assert.deepEqual(changesOf(model, write.portVlans(TAP1, [write.vlanInfo(1, write.PVID)])), [])
  assert.equal(model.vniOf(TAP1, 1), undefined)
  assert.deepEqual(changesOf(model, write.portVlans(TAP1, [], { gone: true })), [])
})

test('VLAN-aware: a new default PVID comes as RTM_DELVLAN and RTM_NEWVLAN alone', () => {
  const access = [write.vlanInfo(1, write.PVID | write.UNTAGGED), write.vlanInfo(10)]
  const model = bridgeWithVlans(
    write.vxlan(VX, 'vx2', 5002, BR0),
    write.portVlans(VX, [write.vlanInfo(2, write.PVID)]),
    tap1,
    write.portVlans(TAP1, access),
  )
  const gone = write.vlanChange(TAP1, { first: 1, flags: write.PVID | write.UNTAGGED, gone: true })
  const got = write.vlanChange(TAP1, { first: 2, flags: write.PVID | write.UNTAGGED })
  assert.deepEqual(changesOf(model, gone, got), ['vni-change'])
  assert.equal(model.vniOf(TAP1, 0), 5002)
  assert.equal(model.vniOf(TAP1, 2), 5002)
})

test('VLAN-aware: VLAN changes of an external device split and extend its tunnel ranges', () => {
  const model = bridgeWithVlans(
    write.vxlan(VX, 'vxlan0', undefined, BR0),
    write.vlanChange(VX, { first: 10, last: 19, vni: 5010 }),
    tap1,
    write.vlanChange(TAP1, { first: 1, last: 4094 }),
  )
  changesOf(
    model,
    write.vlanChange(VX, { first: 13, last: 14, gone: true }),
    write.vlanChange(VX, { first: 16, vni: 9 }),
  )
  assert.deepEqual(
    [10, 12, 13, 14, 15, 16, 17, 19].map((vlan) => model.vniOf(TAP1, vlan)),
    [5010, 5012, undefined, undefined, 5015, 9, 5017, 5019],
  )
})

test('the VNI of a VXLAN device: its own, or, if it has many, that of the VLAN', () => {
  const model = bridgeWithVlans(
    write.vxlan(VX, 'vxlan0', undefined, BR0),
    write.vlanChange(VX, { first: 10, last: 19, vni: 5010 }),
    write.vxlan(4, 'vx20', 5020, BR0),
    write.vxlan(8, 'vx30', 5030),
    tap1,
  )
  assert.deepEqual(
    [model.vniOfVxlan(VX, 12), model.vniOfVxlan(VX, 20), model.vniOfVxlan(VX, 0)],
    [5012, undefined, undefined],
  )
  assert.deepEqual([model.vniOfVxlan(4, 0), model.vniOfVxlan(8, 0)], [5020, 5030], 'also without a bridge')
  assert.deepEqual([model.vniOfVxlan(TAP1, 12), model.vniOfVxlan(99, 12)], [undefined, undefined])
})

test('the VRF of a routing table: its device, while there is one', () => {
  const vrf = (ifindex: number, table: number, gone = false): Buffer =>
    write.link(ifindex, `red${ifindex}`, { kind: 'vrf', data: [write.attr(1, write.u32(table))], gone })
  const model = bridgeWithVlans(vrf(20, 1001), vrf(21, 1002))
  const of = (...tables: number[]): unknown[] => tables.map((table) => model.vrfOfTable(table))
  assert.deepEqual(of(254, 1001, 1002, 1003), [0, 20, 21, undefined])
  changesOf(model, vrf(20, 1003), vrf(21, 1002, true))
  assert.deepEqual(of(1001, 1002, 1003), [undefined, undefined, 20])
})

test('two VNIs for one VLAN: no telling which, said once', () => {
  const model = bridgeWithVlans()
  const vlan10 = [write.vlanInfo(10, write.PVID)]
  const changes = changesOf(
    model,
    tap1,
    write.portVlans(TAP1, vlan10),
    write.vxlan(VX, 'vx1', 5010, BR0),
    write.portVlans(VX, vlan10),
    write.vxlan(4, 'vx2', 5020, BR0),
    write.portVlans(4, vlan10),
  )
  assert.deepEqual(changes, ['add tap1 br0 up', 'ambiguous br0 10 vx1,vx2'])
  assert.equal(model.vniOf(TAP1, 0), undefined)
  assert.deepEqual(changesOf(model, write.vxlan(8, 'vx3', 5030, BR0), write.portVlans(8, vlan10)), [])
  assert.deepEqual(changesOf(model, write.vxlan(4, 'vx2', 5020, BR0, true), write.vxlan(8, 'vx3', 5030, BR0, true)), [
    'vni-change',
  ])
  assert.equal(model.vniOf(TAP1, 0), 5010)
})

test('two devices with the same VNI (an IPv4 and an IPv6 underlay) are not ambiguous', () => {
  const model = new PortModel(new Set())
  const changes = changesOf(
    model,
    write.bridge(BR0, 'br0'),
    write.vxlan(VX, 'vx4', 100, BR0),
    write.vxlan(4, 'vx6', 100, BR0),
    tap1,
  )
  assert.deepEqual(changes, ['add tap1 br0 up', 'vni-change'])
  assert.equal(model.vniOf(TAP1, 0), 100)
})

test('an external VXLAN device gives a bridge without VLAN filtering no VNI, so it has no ports', () => {
  const model = new PortModel(new Set())
  assert.deepEqual(changesOf(model, write.bridge(BR0, 'br0'), write.vxlan(VX, 'vxlan0', undefined, BR0), tap1), [])
})

test('renaming is followed: the port, its bridge, and to an excluded name', () => {
  const model = new PortModel(new Set(['uplink']))
  changesOf(model, write.bridge(BR0, 'br0'), write.vxlan(VX, 'vx', 100, BR0), tap1)
  assert.deepEqual(changesOf(model, write.bridge(BR0, 'lan'), write.link(TAP1, 'vnet7', { master: BR0 })), [
    'rename vnet7 was tap1',
  ])
  const port = model.ports.get(TAP1)
  assert.deepEqual([port?.name, port?.bridge, port?.bridgeIfindex, port?.up], ['vnet7', 'lan', BR0, true])
  const uplink = write.link(TAP1, 'uplink', { master: BR0 })
  assert.deepEqual(changesOf(model, uplink), ['remove vnet7 excluded'])
  assert.deepEqual(changesOf(model, write.link(TAP1, 'tap1', { master: BR0 })), ['add tap1 lan up'])
})

test("a port has its device's MAC and its bridge's ageing time, and follows both without an event", () => {
  const model = new PortModel(new Set())
  changesOf(model, write.bridge(BR0, 'br0'), write.vxlan(VX, 'vx', 100, BR0), tap1)
  const seen = (): unknown[] => [model.ports.get(TAP1)?.mac, model.ports.get(TAP1)?.ageingMs]
  assert.deepEqual(seen(), ['02:00:00:00:00:01', 300_000])
  assert.deepEqual(changesOf(model, write.bridge(BR0, 'br0', false, false, 108_000)), [])
  assert.deepEqual(changesOf(model, write.link(TAP1, 'tap1', { master: BR0, mac: 'fe:54:00:00:00:01' })), [])
  assert.deepEqual(seen(), ['fe:54:00:00:00:01', 1_080_000])
  model.replace(decode(write.bridge(BR0, 'br0', false, false, 0), write.vxlan(VX, 'vx', 100, BR0), tap1))
  assert.deepEqual(seen(), ['02:00:00:00:00:01', 0])
})

test('reading everything again tells the difference only', () => {
  const model = new PortModel(new Set())
  const base = [write.bridge(BR0, 'br0'), write.bridge(9, 'br1'), write.vxlan(10, 'vx1', 200, 9)]
  changesOf(model, ...base, write.vxlan(VX, 'vx', 100, BR0), tap1, tap2, write.link(7, 'tap3', { master: BR0 }))
  // vx was recreated, tap1 moved, tap2 was recreated under its name, tap3 lost its carrier
  const now = [
    ...base,
    write.vxlan(12, 'vx', 100, BR0),
    write.link(TAP1, 'tap1', { master: 9 }),
    write.link(11, 'tap2', { master: BR0 }),
    write.link(7, 'tap3', { master: BR0, up: false }),
  ]
  model.replace(decode(...now))
  assert.deepEqual(model.takeChanges().map(line).sort(), [
    'add tap1 br1 up',
    'add tap2 br0 up',
    'down tap3 br0 down',
    'remove tap1 left-bridge',
    'remove tap2 deleted',
  ])
  model.replace(decode(...now))
  assert.deepEqual(model.takeChanges(), [], 'the same again')
})

// Random histories over a few interfaces: 1, 2 bridges; 3, 4 VXLAN devices; 5, 6 others.
const ifindex = fc.integer({ min: 1, max: 6 })
const vlan = fc.integer({ min: 1, max: 6 })
const range = fc.tuple(vlan, vlan).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }))
const linkEvent = fc.record({
  ifindex,
  gone: fc.boolean(),
  up: fc.boolean(),
  filtering: fc.boolean(),
  ageing: fc.constantFrom(0, 30_000),
  vni: fc.option(fc.constantFrom(100, 200), { nil: undefined }),
  master: fc.constantFrom(undefined, 1, 1, 2),
})
const vlansEvent = fc.record({
  ifindex,
  ranges: fc.array(fc.record({ range, pvid: fc.boolean(), vni: fc.option(fc.integer({ min: 500, max: 503 })) }), {
    maxLength: 2,
  }),
})

type LinkEvent = typeof linkEvent extends fc.Arbitrary<infer T> ? T : never
function linkBytes({ ifindex, gone, up, filtering, ageing, vni, master }: LinkEvent): Buffer {
  if (ifindex <= 2) return write.bridge(ifindex, `br${ifindex}`, filtering, gone, ageing)
  if (ifindex <= 4) return write.vxlan(ifindex, `vx${ifindex}`, vni, master, gone)
  return write.link(ifindex, `tap${ifindex}`, { up, gone, ...(master === undefined ? {} : { master }) })
}

type VlansEvent = typeof vlansEvent extends fc.Arbitrary<infer T> ? T : never
function vlansBytes({ ifindex, ranges }: VlansEvent): Buffer {
  const infos = ranges.flatMap(({ range: { first, last }, pvid, vni }) => [
    ...(first === last || pvid
      ? [write.vlanInfo(first, pvid ? write.PVID : 0)]
      : [write.vlanInfo(first, write.RANGE_BEGIN), write.vlanInfo(last, write.RANGE_END)]),
    ...(vni === null ? [] : [write.tunnelInfo(first, vni)]),
  ])
  return write.portVlans(ifindex, infos)
}

const history = fc.array(
  fc.array(
    fc.oneof(
      linkEvent.map((event) => ({ bytes: linkBytes(event), key: `link ${event.ifindex}`, ...event })),
      vlansEvent.map((event) => ({ bytes: vlansBytes(event), key: `vlans ${event.ifindex}`, ...event, gone: false })),
    ),
    { maxLength: 5 },
  ),
  { maxLength: 20 },
)

function answers(model: PortModel): Map<string, number | undefined> {
  const pairs = [...model.ports.keys()].flatMap((port) => [0, 1, 2, 3, 4, 5, 6].map((vlan) => [port, vlan] as const))
  return new Map(pairs.map(([port, vlan]) => [`${port} ${vlan}`, model.vniOf(port, vlan)]))
}

test('after any history the model is what one dump of the outcome makes, and its changes told the way', () => {
  const run = (batches: typeof history extends fc.Arbitrary<infer T> ? T : never): void => {
    const model = new PortModel(new Set())
    const outcome = new Map<string, Buffer>()
    const followed = new Map<number, Port>()
    for (const batch of batches) {
      const before = answers(model)
      for (const { bytes, key, gone, ifindex } of batch) {
        // the kernel tells VLANs of existing links only
        if (key.startsWith('vlans') && !outcome.has(`link ${ifindex}`)) continue
        for (const message of decode(bytes)) model.apply(message)
        outcome.set(key, bytes)
        if (gone) for (const lost of [`link ${ifindex}`, `vlans ${ifindex}`]) outcome.delete(lost)
      }
      const changes = model.takeChanges()
      follow(followed, changes)
      assert.deepEqual(told(followed), told(model.ports))
      const differs = [...answers(model)].some(([key, vni]) => before.has(key) && before.get(key) !== vni)
      if (differs && !changes.some(({ kind }) => kind === 'add'))
        assert.ok(
          changes.some(({ kind }) => kind === 'vni-change'),
          'vni-change',
        )
    }
    const fresh = new PortModel(new Set())
    fresh.replace(decode(...outcome.values()))
    fresh.takeChanges()
    assert.deepEqual(new Map(model.ports), new Map([...fresh.ports].sort()))
    assert.deepEqual(answers(model), answers(fresh))
    model.replace(decode(...outcome.values()))
    assert.deepEqual(
      model.takeChanges().filter(({ kind }) => kind !== 'ambiguous'),
      [],
    )
  }
  fc.assert(fc.property(history, run), { numRuns: 500 })
})

/** What changes of ports tell: their MAC and their bridge's ageing time are looked up when needed. */
const told = (ports: ReadonlyMap<number, Port>): Map<number, unknown> =>
  new Map(
    [...ports].map(([ifindex, { name, bridge, bridgeIfindex, up }]) => [ifindex, { name, bridge, bridgeIfindex, up }]),
  )

function follow(ports: Map<number, Port>, changes: PortChange[]): void {
  for (const change of changes) {
    if (change.kind === 'vni-change' || change.kind === 'ambiguous') continue
    assert.equal(ports.has(change.port.ifindex), change.kind !== 'add')
    if (change.kind === 'remove') ports.delete(change.port.ifindex)
    else ports.set(change.port.ifindex, change.port)
  }
}
