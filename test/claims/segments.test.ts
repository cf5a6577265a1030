// A host behind an Ethernet segment, which this node and another one have. What zebra and bgpd say of it is played here;
// test/machine/segment.ts has the real daemons.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import * as libc from '../../src/os/libc.js'
import { attr, hex, message, u16, u32, u8 } from '../rtnetlink/writer.js'
import { keyOf } from '../snoop/fake-relay.js'
import { enterNamespaceWithBridge, ifindexOf, speak, VM } from './devices.js'
import { VNI, snoop } from './rig.js'

const IP = '10.2.1.11'
const key = keyOf({ vni: VNI, mac: VM, ip: IP })

const RTM_NEWNEIGH = 28
/** NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE. */
const CREATE = 0x405

/** As zebra programs a MAC that another node of the segment announces: iproute2 has no words for it. */
function program(mac: string, port: string): void {
  const [AF_BRIDGE, NUD_NOARP, NTF_MASTER] = [7, 0x40, 4]
  const ndmsg = [u8(AF_BRIDGE), u8(0), u16(0), u32(ifindexOf(port)), u16(NUD_NOARP), u8(NTF_MASTER), u8(0)]
  // NDA_FDB_EXT_ATTRS with NFEA_ACTIVITY_NOTIFY: FDB_NOTIFY_BIT and FDB_NOTIFY_INACTIVE_BIT
  const request = message(RTM_NEWNEIGH, [...ndmsg, attr(2, hex(mac)), attr(14 | 0x8000, attr(1, u8(3)))], {
    flags: CREATE,
    seq: 1,
  })
  const fd = libc.rawSocket(libc.AF_NETLINK, 0)
  libc.send(fd, request, request.length, 0)
  const answer = Buffer.alloc(4096)
  libc.recv(fd, answer, answer.length, 0)
  libc.close(fd)
  assert.equal(answer.readInt32LE(16), 0, 'errno')
}

test('when the other node announces a host no more that is behind a port here, too, it is asked here', async (t) => {
  enterNamespaceWithBridge()
  const { relay, ports, outlet, until, placeOf } = await snoop(t)
  program(VM, 'tap1')
  await until(() => ports.placeOfMac(VNI, VM) !== undefined)
  relay.say({ views: { changes: [{ remote: { key, flags: MacIpFlag.SYNC_PATH, seq: 0, vtep: Buffer.alloc(4) } }] } })
  relay.say({ views: { changes: [{ remote: { key, gone: true } }] } })
  await until(() => outlet.probes.length > 0)
  assert.deepEqual([outlet.probes[0]?.mac, outlet.probes[0]?.ip], [VM, IP])
  assert.equal(placeOf(IP), 'tap1 probing')
  assert.ok(!relay.told.some((line) => line.startsWith('put')), 'only an answer teaches')
})

test('what the other node announces of a host is asked for here as soon as the host is heard here', async (t) => {
  enterNamespaceWithBridge()
  const { snooper, relay, ports, outlet, until } = await snoop(t)
  program(VM, 'tap1')
  await until(() => ports.placeOfMac(VNI, VM) !== undefined)
  assert.equal(ports.macsOn(ifindexOf('tap1')), 0, 'none was heard there')
  relay.say({ views: { changes: [{ remote: { key, flags: MacIpFlag.SYNC_PATH, seq: 0, vtep: Buffer.alloc(4) } }] } })
  await until(() => snooper.table.ipsElsewhere({ vni: VNI, mac: VM }).length > 0)
  // another address than the one that the other node announces
  speak('tap1', VM, '10.2.1.77')
  await until(() => outlet.probes.length > 0)
  assert.deepEqual([outlet.probes[0]?.mac, outlet.probes[0]?.ip], [VM, IP])
  assert.equal(ports.macsOn(ifindexOf('tap1')), 1)
})
