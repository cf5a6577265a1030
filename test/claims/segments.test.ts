// A host behind an Ethernet segment, which this node and another one have. What zebra and bgpd say of it is played here;
// test/machine/segment.ts has the real daemons.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import { keyOf } from '../snoop/fake-relay.js'
import { bridge, enterNamespaceWithBridge, VM } from './devices.js'
import { VNI, snoop } from './rig.js'

const IP = '10.2.1.11'
const key = keyOf({ vni: VNI, mac: VM, ip: IP })

test('when the other node announces a host no more that is behind a port here, too, it is asked here', async (t) => {
  enterNamespaceWithBridge()
  const { relay, ports, outlet, until, placeOf } = await snoop(t)
  // as zebra programs the MACs that another node of the segment announces
  bridge('fdb', 'add', VM, 'dev', 'tap1', 'master', 'static')
  await until(() => ports.placeOfMac(VNI, VM) !== undefined)
  relay.say({ views: { changes: [{ remote: { key, flags: MacIpFlag.SYNC_PATH, seq: 0, vtep: Buffer.alloc(4) } }] } })
  relay.say({ views: { changes: [{ remote: { key, gone: true } }] } })
  await until(() => outlet.probes.length > 0)
  assert.deepEqual([outlet.probes[0]?.mac, outlet.probes[0]?.ip], [VM, IP])
  assert.equal(placeOf(IP), 'tap1 probing')
  assert.ok(!relay.told.some((line) => line.startsWith('put')), 'only an answer teaches')
})
