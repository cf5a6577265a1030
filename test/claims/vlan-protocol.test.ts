// A tag of another VLAN protocol than the bridge's is payload. Where the kernel puts such frames: test/machine/vlan-protocol.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { netlinkMessages } from '../../src/netlink/message.js'
import { decodeRouteMessage } from '../../src/rtnetlink/message.js'
import { PortModel } from '../../src/snoop/ports/model.js'
import { arpRequest } from '../../src/arp-nd/question.js'
import * as write from '../rtnetlink/writer.js'

const [BR, VX, TAP] = [2, 3, 5]
const [DOT1Q, DOT1AD] = [0x8100, 0x88a8]

function apply(model: PortModel, ...datagrams: Buffer[]): string[] {
  for (const message of netlinkMessages(Buffer.concat(datagrams))) {
    const decoded = decodeRouteMessage(message)
    if (decoded !== undefined) model.apply(decoded)
  }
  return model.takeChanges().map(({ kind }) => kind)
}

const bridge = (protocol: string, filtering = true): Buffer =>
  write.bridge(BR, 'br0', filtering, false, 30_000, protocol)

/** Untagged frames of tap1 are in VLAN 1, VNI 5001; it has VLAN 10, VNI 5010, too. */
function trunk(protocol: string): PortModel {
  const model = new PortModel(new Set())
  const tunnels = [write.vlanInfo(1), write.tunnelInfo(1, 5001), write.vlanInfo(10), write.tunnelInfo(10, 5010)]
  apply(
    model,
    bridge(protocol),
    write.vxlan(VX, 'vxlan0', undefined, BR),
    write.portVlans(VX, tunnels),
    write.link(TAP, 'tap1', { master: BR }),
    write.portVlans(TAP, [write.vlanInfo(1, write.PVID | write.UNTAGGED), write.vlanInfo(10)]),
  )
  return model
}

for (const [name, own, foreign] of [
  ['802.1Q', DOT1Q, DOT1AD],
  ['802.1ad', DOT1AD, DOT1Q],
] as const) {
  test(`a trunk guest of an ${name} bridge enters a VLAN with its tag alone`, () => {
    const model = trunk(own.toString(16))
    assert.equal(model.bridgeRefusal(TAP, 10, own), undefined)
    assert.equal(model.bridgeRefusal(TAP, 10, foreign), 'vlan-protocol')
    assert.equal(model.bridgeRefusal(TAP, 0, 0), undefined, 'untagged')
    // probes for hosts in the VLAN are tagged as the bridge does
    assert.equal(model.vlanProtocol(TAP), own)
    const fields = { dstMac: '02:00:00:00:00:11', srcMac: '02:00:00:00:00:12', srcIp: '0.0.0.0', targetIp: '10.2.1.11' }
    const probe = arpRequest({ ...fields, vlan: 10, vlanProtocol: model.vlanProtocol(TAP) })
    assert.deepEqual([probe.readUInt16BE(12), probe.readUInt16BE(14), probe.readUInt16BE(16)], [own, 10, 0x0806])
  })
}

test('a change of the protocol is followed; without filtering a tag means no VLAN of the bridge at all', () => {
  const model = trunk('8100')
  assert.deepEqual(apply(model, bridge('88a8')), ['vni-change'])
  assert.equal(model.bridgeRefusal(TAP, 10, DOT1Q), 'vlan-protocol')
  apply(model, bridge('88a8', false), write.vxlan(VX, 'vx100', 100, BR))
  assert.equal(model.bridgeRefusal(TAP, 10, DOT1Q), undefined)
  assert.equal(model.vniOf(TAP, 10), undefined)
})
