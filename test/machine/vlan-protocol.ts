// Where a bridge puts a frame with a tag of another VLAN protocol than its own. Needs a kernel with VLAN filtering.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { pino } from 'pino'
import { arpAnnouncement } from '../../lab/frames.js'
import { BpfSnooper } from '../../src/snoop/bpf/snooper.js'
import type { Evidence } from '../../src/snoop/bpf/evidence.js'
import { Ports } from '../../src/snoop/ports/ports.js'
import { bridge, enterNamespaceWithBridge, ifindexOf, VM } from '../claims/devices.js'
import { ip } from '../rtnetlink/namespace.js'
import { openSender } from '../snoop/packet.js'

const VLAN = 10
const log = pino({ enabled: false })
const [DOT1Q, DOT1AD] = [0x8100, 0x88a8]

function tagged(protocol: number, mac: string): Buffer {
  const frame = arpAnnouncement({ mac, ipv4: '10.2.1.11', ipv6: '2001:db8::11' })
  const tag = Buffer.alloc(4)
  tag.writeUInt16BE(protocol)
  tag.writeUInt16BE(VLAN, 2)
  return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)])
}

for (const [name, own, foreign] of [
  ['802.1Q', DOT1Q, DOT1AD],
  ['802.1ad', DOT1AD, DOT1Q],
] as const) {
  test(`an ${name} bridge has a frame with the other tag in the PVID, and nothing is learned from it`, async (context) => {
    enterNamespaceWithBridge()
    ip(`link set br0 type bridge vlan_filtering 1 vlan_protocol ${name}`, 'link del vx100')
    ip('link add vxlan0 up master br0 type vxlan external local 127.0.0.1 dstport 4790')
    bridge('link', 'set', 'dev', 'vxlan0', 'vlan_tunnel', 'on')
    for (const vlan of [1, VLAN]) {
      bridge('vlan', 'add', 'dev', 'vxlan0', 'vid', `${vlan}`)
      bridge('vlan', 'add', 'dev', 'vxlan0', 'vid', `${vlan}`, 'tunnel_info', 'id', `${5000 + vlan}`)
    }
    bridge('vlan', 'add', 'dev', 'tap1', 'vid', `${VLAN}`)
    const ports = await Ports.open({ log })
    const snooper = BpfSnooper.open({ log, repeatIntervalMs: 0 })
    const sender = openSender(ifindexOf('vm-tap1'))
    context.after(() => {
      ports.close()
      snooper.close()
      sender.close()
    })
    const tap1 = ifindexOf('tap1')
    assert.deepEqual([ports.vniOf(tap1, 0), ports.vniOf(tap1, VLAN)], [5001, 5000 + VLAN])
    snooper.attach(tap1)

    const evidence: Evidence[] = []
    const hear = async (protocol: number, mac: string): Promise<unknown> => {
      const told = once(ports, 'fdb')
      sender.send(tagged(protocol, mac))
      const [change] = (await told) as unknown[]
      snooper.drain((it) => evidence.push(it))
      return change
    }
    assert.deepEqual(await hear(own, VM), { vni: 5000 + VLAN, mac: VM, ifindex: tap1, vlan: VLAN })
    const guest = '02:00:00:00:00:12'
    assert.deepEqual(await hear(foreign, guest), { vni: 5001, mac: guest, ifindex: tap1, vlan: 0 })
    assert.deepEqual(
      evidence.map(({ mac, vlan, vlanProtocol }) => [mac, vlan, ports.bridgeRefusal(tap1, vlan, vlanProtocol, mac)]),
      [
        [VM, VLAN, undefined],
        [guest, VLAN, 'vlan-protocol'],
      ],
    )
  })
}
