// What the bridges' forwarding databases say, against the real kernel.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { beforeEach, test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { ForwardingTable } from '../../src/snoop/ports/forwarding.js'
import { Ports, type PortsOptions } from '../../src/snoop/ports/ports.js'
import { ip } from '../rtnetlink/namespace.js'
import { bridge, enterNamespaceWithBridge, ifindexOf, speak, VM } from './devices.js'

beforeEach(enterNamespaceWithBridge)

async function open(context: TestContext, options: Partial<PortsOptions> = {}): Promise<Ports> {
  const ports = await Ports.open({ log: pino({ enabled: false }), ...options })
  context.after(() => {
    ports.close()
  })
  return ports
}

test('a MAC is known where the bridge has it, also from before the start, and its moves are told', async (context) => {
  speak('tap1')
  bridge('fdb', 'add', '02:00:00:00:00:99', 'dev', 'vx100', 'dst', '192.0.2.9', 'self')
  bridge('fdb', 'add', '02:00:00:00:00:99', 'dev', 'vx100', 'master', 'static')
  const ports = await open(context)
  const [tap1, tap2] = [ifindexOf('tap1'), ifindexOf('tap2')]
  assert.equal(ports.fdbPort(tap2, 0, VM), tap1)
  assert.equal(ports.fdbPort(tap2, 7, VM), tap1, 'one database for all tags')
  assert.equal(ports.fdbPort(tap1, 0, '02:00:00:00:00:99'), undefined, 'behind the tunnel')

  const moved = once(ports, 'fdb')
  speak('tap2')
  assert.deepEqual(await moved, [{ vni: 100, mac: VM, ifindex: tap2, vlan: 0 }])
  assert.equal(ports.fdbPort(tap1, 0, VM), tap2)

  // the kernel says nothing to wait for that a port does not have a MAC any more: what comes later tells
  const back = once(ports, 'fdb')
  bridge('fdb', 'replace', VM, 'dev', 'vx100', 'master', 'static')
  bridge('fdb', 'add', '02:00:00:00:00:12', 'dev', 'tap1', 'master', 'static')
  assert.deepEqual(await back, [{ vni: 100, mac: '02:00:00:00:00:12', ifindex: tap1, vlan: 0 }])
  assert.equal(ports.fdbPort(tap1, 0, VM), undefined, 'moved to another node')
})

test("the host's own addresses and those that a locked port only heard are on no port", async (context) => {
  const ports = await open(context)
  const tap1 = ifindexOf('tap1')
  ip('link set tap1 address fe:54:00:00:00:01')
  bridge('link', 'set', 'dev', 'tap1', 'locked', 'on')
  const first = once(ports, 'fdb')
  speak('tap1')
  speak('tap2', '02:00:00:00:00:12')
  assert.deepEqual(await first, [{ vni: 100, mac: '02:00:00:00:00:12', ifindex: ifindexOf('tap2'), vlan: 0 }])
  assert.equal(ports.fdbPort(tap1, 0, VM), undefined)
  assert.equal(ports.fdbPort(tap1, 0, 'fe:54:00:00:00:01'), undefined)
})

test('after a loss of events everything is read again', async (context) => {
  const ports = await open(context, { receiveBuffer: 2048 })
  const tap1 = ifindexOf('tap1')
  const last = new Promise<void>((resolve) => {
    ports.on('fdb', ({ mac }) => {
      if (mac === macOf(299)) resolve()
    })
  })
  // they do not fit, since nothing is read meanwhile
  for (let host = 0; host < 300; host++) speak('tap1', macOf(host))
  await last
  assert.equal(ports.fdbPort(tap1, 0, macOf(150)), tap1)
})

const macOf = (host: number): string => `02:00:00:01:0${host >> 8}:${(host & 0xff).toString(16).padStart(2, '0')}`

test('its size is bounded, and a MAC leaves no trace', () => {
  const table = new ForwardingTable(2)
  const place = (mac: string, ifindex = 5): Parameters<ForwardingTable['put']>[0] => ({
    bridge: 2,
    vlan: 0,
    mac,
    ifindex,
  })
  for (const mac of ['a', 'b', 'c']) table.put(place(mac))
  assert.deepEqual([table.size, table.portOf(2, 0, 'b'), table.portOf(2, 0, 'c')], [2, 5, undefined])
  assert.equal(table.put(place('b', 6)), true)
  assert.equal(table.put(place('b', 6)), false)
  assert.deepEqual([table.countOn(5), table.countOn(6)], [1, 1])
  for (const mac of ['a', 'b', 'c']) table.delete(place(mac))
  assert.deepEqual([table.size, table.countOn(5), table.countOn(6)], [0, 0, 0])
  assert.equal(table.put(place('c')), true)
  assert.deepEqual(
    [table.portOf(2, 0, 'c'), table.portOf(2, 1, 'c'), table.portOf(3, 0, 'c')],
    [5, undefined, undefined],
  )
})
