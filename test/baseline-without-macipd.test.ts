// Real frames of a real VM that must not teach the fabric anything.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatIp } from '../src/base/address.js'
import { overlay as proto } from '../src/gen/overlay.js'
import { Fabric } from '../lab/fabric.js'
import { type Host, arpAnnouncement, arpRequest, neighborAdvertisement } from '../lab/frames.js'
import { ControlPeer } from './relay/rig.js'

const GATEWAY = '10.2.1.1'

/** Claims of a host for a fresh address each, so that a wrong lesson names its frame. */
function wrongFrames(vm: Host, bridgeMac: string): [name: string, frame: Buffer][] {
  let last = 100
  const arp = (change: (frame: Buffer) => Buffer, host: Partial<Host> = {}): Buffer =>
    change(arpAnnouncement({ ...vm, ipv4: `10.2.1.${last++}`, ...host }))
  const nd = (change: (frame: Buffer) => Buffer, host: Partial<Host> = {}): Buffer =>
    change(neighborAdvertisement({ ...vm, ipv6: `2001:db8::${last++}`, ...host }))
  const set =
    (offset: number, ...bytes: number[]) =>
    (frame: Buffer) => {
      frame.set(bytes, offset)
      return frame
    }
  const tag = (frame: Buffer): Buffer =>
    Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0x00, 0x00, 0x05]), frame.subarray(12)])
  return [
    ['a VLAN tag on a bridge that knows no VLANs (ARP)', arp(tag)],
    ['a VLAN tag on a bridge that knows no VLANs (ND)', nd(tag)],
    ['ARP cut short', arp((frame) => frame.subarray(0, 36))],
    ['ARP of another hardware type', arp(set(14, 0, 6))],
    ['ARP of another protocol', arp(set(16, 0x86, 0xdd))],
    ['ARP of another address length', arp(set(18, 8))],
    ['ARP of another operation', arp(set(20, 0, 3))],
    ['an ARP probe', arp(set(28, 0, 0, 0, 0))],
    ['ARP of a zero MAC', arp(set(22, 0, 0, 0, 0, 0, 0))],
    ['ARP of a multicast MAC', arp(set(22, 1, 0, 0x5e, 0, 0, 1))],
    ['ARP of a multicast IP', arp(set(28, 224, 0, 0, 5))],
    ['ARP of a loopback IP', arp(set(28, 127, 0, 0, 1))],
    ['ARP of the broadcast IP', arp(set(28, 255, 255, 255, 255))],
    ['ARP for the gateway’s address', arpAnnouncement({ ...vm, ipv4: GATEWAY })],
    ['ARP of the bridge’s own MAC', arp((frame) => frame, { mac: bridgeMac })],
    ['ND cut short', nd((frame) => frame.subarray(0, 70))],
    ['ND from beyond a router', nd(set(21, 254))],
    ['ND with another code', nd(set(55, 1))],
    ['ND with a wrong checksum', nd(set(56, 0xde, 0xad))],
    ['ND for a multicast address', neighborAdvertisement({ ...vm, ipv6: 'ff02::1:5' })],
    ['ND for the unspecified address', neighborAdvertisement({ ...vm, ipv6: '::' })],
    ['ND of a multicast MAC', nd((frame) => frame, { mac: '33:33:00:00:00:01' })],
  ]
}

test('frames that are tagged, malformed, cut short, zero, multicast or for the gateway teach nothing', async () => {
  await using fabric = await Fabric.start({ frr: '8.4' })
  const { near, vm } = fabric
  await near.ip(`addr add ${GATEWAY}/24 dev br0`)
  const { mac, ipv4, ipv6 } = vm
  const [link] = JSON.parse(await near.exec(['ip', '-json', 'link', 'show', 'br0'])) as [{ address: string }]
  for (const [, frame] of wrongFrames({ mac, ipv4, ipv6 }, link.address)) vm.send(frame)
  // a question from the far side comes in through the tunnel, not from a VM port
  fabric.farVm.send(arpRequest(fabric.farVm, vm.ipv4))
  // frames are handled in order: when this one has been learned, the others have had their chance
  await fabric.learn()
  const relay = await ControlPeer.connect(near.path('/run/macipd/relay.sock'))
  const learned = await relay.say({ getOverlay: {} }).receive((message) => message.handedBack)
  relay.socket.destroy()
  const ips = (learned.entries ?? []).map(({ key }) => formatIp(proto.Key.create(key ?? {}).ip))
  assert.deepEqual(ips.sort(), [vm.ipv4, vm.ipv6].sort())
})
