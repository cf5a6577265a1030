// Spanning tree states of single VLANs. Needs a kernel with VLAN filtering.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { pino } from 'pino'
import { Ports } from '../../src/snoop/ports/ports.js'
import { bridge, enterNamespaceWithBridge, ifindexOf, speak, VM } from '../claims/devices.js'
import { ip } from '../rtnetlink/namespace.js'
import * as libc from '../../src/os/libc.js'
import { attr, ifinfomsg, message, NEWLINK, text, u32 } from '../rtnetlink/writer.js'

const log = pino({ enabled: false })
const PVID = 1
const [BLOCKING, FORWARDING] = ['4', '3']

/** `ip link set br0 type bridge mst_enabled 1`, which older iproute2 does not have. */
function enableMst(): void {
  const data = attr(18, attr(1, text('bridge')), attr(2, attr(46, u32(4), u32(4))))
  const request = message(NEWLINK, [ifinfomsg(ifindexOf('br0'), { flags: 0 }), data], { flags: 5, seq: 1 })
  const fd = libc.rawSocket(libc.AF_NETLINK, 0)
  libc.send(fd, request, request.length, 0)
  const answer = Buffer.alloc(4096)
  libc.recv(fd, answer, answer.length, 0)
  libc.close(fd)
  assert.equal(answer.readInt32LE(16), 0, 'errno')
}

async function open(t: { after: (fn: () => void) => void }): Promise<Ports> {
  const ports = await Ports.open({ log })
  t.after(() => {
    ports.close()
  })
  return ports
}

test('the bridge drops what is in a blocked VLAN, and so do we', async (t) => {
  enterNamespaceWithBridge()
  ip('link set br0 type bridge vlan_filtering 1')
  bridge('vlan', 'add', 'dev', 'tap1', 'vid', '20')
  bridge('vlan', 'set', 'dev', 'tap1', 'vid', `${PVID}`, 'state', BLOCKING)
  const ports = await open(t)
  const tap1 = ifindexOf('tap1')
  const refusal = (vlan: number): string | undefined => ports.bridgeRefusal(tap1, vlan, vlan === 0 ? 0 : 0x8100, VM)
  assert.deepEqual([refusal(0), refusal(20)], ['port-blocked', undefined], 'from before the start')
  speak('tap1')
  const told = once(ports, 'fdb')
  speak('tap2', '02:00:00:00:00:12')
  assert.equal(
    ((await told)[0] as { mac: string }).mac,
    '02:00:00:00:00:12',
    'the kernel has learned nothing from tap1',
  )

  const changed = once(ports, 'bridge-port')
  bridge('vlan', 'set', 'dev', 'tap1', 'vid', `${PVID}`, 'state', FORWARDING)
  await changed
  assert.equal(refusal(0), undefined)
})

test('MST: a port is blocked in the VLANs of an instance', async (t) => {
  enterNamespaceWithBridge()
  ip('link set br0 type bridge vlan_filtering 1 vlan_default_pvid 0')
  enableMst()
  for (const device of ['vx100', 'tap1', 'tap2'])
    bridge('vlan', 'add', 'dev', device, 'vid', `${PVID}`, 'pvid', 'untagged')
  const ports = await open(t)
  const tap1 = ifindexOf('tap1')
  const refusal = (): string | undefined => ports.bridgeRefusal(tap1, 0, 0, VM)
  assert.equal(refusal(), undefined)
  // of instance 0, in which all VLANs are
  bridge('link', 'set', 'dev', 'tap1', 'state', '0')
  while (refusal() === undefined) await once(ports, 'bridge-port')
  assert.equal(refusal(), 'port-blocked')
  speak('tap1')
  const told = once(ports, 'fdb')
  speak('tap2', '02:00:00:00:00:12')
  assert.equal(((await told)[0] as { mac: string }).mac, '02:00:00:00:00:12')
})
