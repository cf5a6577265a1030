// The network's own and the broadcast address of a subnet that the node is in: no host has them.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { Ports } from '../../src/snoop/ports/ports.js'
import { driven, evidence, VM1 } from '../bindings/build.js'
import { ip } from '../rtnetlink/namespace.js'
import { enterNamespaceWithBridge, ifindexOf } from './devices.js'

const MAC = '02:00:00:00:ff:ff'

async function judging(context: TestContext): Promise<(address: string) => string | undefined> {
  const ports = await Ports.open({ log: pino({ enabled: false }) })
  context.after(() => {
    ports.close()
  })
  const tap1 = ifindexOf('tap1')
  return (address) => ports.selfMatch(tap1, 0, MAC, address)
}

test('the edges of the subnets of bridge, VLAN devices and macvlans, as they are now', async (context) => {
  enterNamespaceWithBridge()
  ip('link add br1 up type bridge', 'addr add 10.9.0.1/24 dev br1')
  ip('link add gw0 link br0 type macvlan mode private', 'link set gw0 up', 'addr add 10.5.0.1/22 dev gw0')
  ip('addr add 10.2.1.1/24 dev br0', 'addr add 10.2.1.2/24 dev br0')
  const judge = await judging(context)
  for (const edge of ['10.2.1.0', '10.2.1.255', '10.5.0.0', '10.5.3.255']) assert.equal(judge(edge), 'network', edge)
  for (const host of ['10.2.1.3', '10.2.1.254', '10.5.0.255', '10.5.1.0', '10.9.0.0', '10.9.0.255', '10.2.2.0'])
    assert.equal(judge(host), undefined, host)
  assert.equal(judge('10.2.1.2'), 'ip')
})

test('point-to-point links and single addresses have no edges', async (context) => {
  enterNamespaceWithBridge()
  ip('addr add 10.4.0.0/31 dev br0', 'addr add 10.4.0.9/32 dev br0')
  const judge = await judging(context)
  assert.equal(judge('10.4.0.1'), undefined)
  assert.equal(judge('10.4.0.0'), 'ip')
})

test('an address in the middle of a larger subnet is that of a host', async (context) => {
  enterNamespaceWithBridge()
  ip('addr add 10.2.1.1/24 dev br0', 'addr add 10.2.0.1/16 dev br0')
  const judge = await judging(context)
  assert.equal(judge('10.2.1.255'), undefined)
  assert.equal(judge('10.2.255.255'), 'network')
})

test('nothing is learned, and what was learned before the node was in the subnet goes', () => {
  const { table, send } = driven()
  send(evidence({}), 0)
  const edge = evidence({ selfMatch: 'network' })
  assert.deepEqual(send(edge, 1000), [`remove 100 ${VM1} 10.0.0.1`])
  assert.deepEqual(send(edge, 2000), [])
  assert.equal(table.refused['network-ip'], 2)
})
