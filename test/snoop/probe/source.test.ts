// Tables are filled with netlink bytes: kernels without VLANs are tested on too.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { formatIp, formatMac, parseIp } from '../../../src/base/address.js'
import { netlinkMessages } from '../../../src/netlink/message.js'
import { decodeRouteMessage } from '../../../src/rtnetlink/message.js'
import { PortModel } from '../../../src/snoop/ports/model.js'
import type { SourceAddress } from '../../../src/snoop/probe/source.js'
import * as write from '../../rtnetlink/writer.js'

const [BR0, VX, TAP, SVI, GATEWAY, OTHER] = [2, 3, 5, 7, 8, 9]
const TAP_MAC = 'fe:54:00:00:00:01'
const BR0_MAC = '02:00:00:00:00:01' // write.bridge
const SVI_MAC = '02:00:00:00:0a:01'
const GATEWAY_MAC = '00:00:5e:00:01:0a'
const TAP_LINK_LOCAL = 'fe80::fc54:ff:fe00:1'

function modelOf(datagrams: readonly Buffer[], configured: readonly SourceAddress[] = []): PortModel {
  const model = new PortModel(new Set(), configured)
  for (const message of netlinkMessages(Buffer.concat(datagrams))) {
    const decoded = decodeRouteMessage(message)
    if (decoded !== undefined) model.apply(decoded)
  }
  model.takeChanges()
  return model
}

const tap = write.link(TAP, 'tap', { master: BR0, mac: TAP_MAC })
const plain = [write.bridge(BR0, 'br0'), write.vxlan(VX, 'vx', 100, BR0), tap]
/** The bridge's own VLAN is 1, untagged frames of the port are in 10. */
const filtering = [
  write.bridge(BR0, 'br0', true),
  write.portVlans(BR0, [write.vlanInfo(1, write.PVID | write.UNTAGGED), write.vlanInfo(10), write.vlanInfo(20)]),
  write.vxlan(VX, 'vx', 100, BR0),
  write.portVlans(VX, [write.vlanInfo(10, write.PVID | write.UNTAGGED)]),
  tap,
  write.portVlans(TAP, [write.vlanInfo(10, write.PVID | write.UNTAGGED), write.vlanInfo(20), write.vlanInfo(1)]),
]
const vlan10 = write.vlanLink(SVI, 'br0.10', { lower: BR0, vlan: 10, mac: SVI_MAC })
const gatewayOn = (lower: number): Buffer => write.link(GATEWAY, 'gw', { kind: 'macvlan', lower, mac: GATEWAY_MAC })

/** 192.0.2.<last>/24 */
const ipv4On = (ifindex: number, last: number, more: { prefixLength?: number; gone?: boolean } = {}): Buffer =>
  write.address(ifindex, { ip: `c00002${last.toString(16).padStart(2, '0')}`, ...more })
const FE80 = 'fe80000000000000000000000000000a'
const fe80On = (ifindex: number, flags = 0): Buffer => write.address(ifindex, { ip: FE80, prefixLength: 64, flags })
const globalOn = (ifindex: number): Buffer =>
  write.address(ifindex, { ip: '20010db8000000000000000000000001', prefixLength: 64 })

const HOST = '192.0.2.10'
const HOST6 = '2001:db8::10'
const nobody = { mac: TAP_MAC, ip: '0.0.0.0' }
const portItself = { mac: TAP_MAC, ip: TAP_LINK_LOCAL }

type Row = {
  when: string
  links: readonly Buffer[]
  vlan?: number
  ip: string
  configured?: readonly SourceAddress[]
  source: { mac: string; ip: string }
}
const anyOf = (...ips: string[]): SourceAddress[] => ips.map((ip) => ({ ip, prefixLength: 24 }))
const bridged = { mac: BR0_MAC, ip: '192.0.2.1' }
const routed = { mac: SVI_MAC, ip: '192.0.2.1' }

const rows: Row[] = [
  // the bridge device
  { when: 'no address anywhere', links: plain, ip: HOST, source: nobody },
  { when: 'the bridge is in the subnet', links: [...plain, ipv4On(BR0, 1)], ip: HOST, source: bridged },
  { when: 'the bridge is in another subnet', links: [...plain, ipv4On(BR0, 1)], ip: '192.0.3.10', source: nobody },
  {
    when: 'the second address fits',
    links: [...plain, write.address(BR0, { ip: '0a000001' }), ipv4On(BR0, 1)],
    ip: HOST,
    source: bridged,
  },
  {
    when: 'a prefix of 0 bits',
    links: [...plain, ipv4On(BR0, 1, { prefixLength: 0 })],
    ip: '10.1.1.1',
    source: bridged,
  },
  {
    when: 'a prefix of 31 bits',
    links: [...plain, ipv4On(BR0, 11, { prefixLength: 31 })],
    ip: HOST,
    source: { mac: BR0_MAC, ip: '192.0.2.11' },
  },
  { when: 'a prefix of 32 bits', links: [...plain, ipv4On(BR0, 1, { prefixLength: 32 })], ip: HOST, source: nobody },
  { when: "the bridge's address is the one probed", links: [...plain, ipv4On(BR0, 10)], ip: HOST, source: nobody },
  {
    when: 'the address was removed',
    links: [...plain, ipv4On(BR0, 1), ipv4On(BR0, 1, { gone: true })],
    ip: HOST,
    source: nobody,
  },
  {
    when: 'one of two was removed',
    links: [...plain, ipv4On(BR0, 1), ipv4On(BR0, 2), ipv4On(BR0, 2, { gone: true })],
    ip: HOST,
    source: bridged,
  },
  {
    when: 'another interface is in the subnet',
    links: [...plain, write.link(OTHER, 'eth0'), ipv4On(OTHER, 1)],
    ip: HOST,
    source: nobody,
  },
  // VLANs on a bridge that does not filter: tagged frames pass it as they are
  {
    when: 'tagged, the bridge is in the subnet',
    links: [...plain, ipv4On(BR0, 1)],
    vlan: 10,
    ip: HOST,
    source: nobody,
  },
  { when: 'tagged, a VLAN link is', links: [...plain, vlan10, ipv4On(SVI, 1)], vlan: 10, ip: HOST, source: routed },
  { when: 'untagged, a VLAN link is', links: [...plain, vlan10, ipv4On(SVI, 1)], ip: HOST, source: nobody },
  // VLAN-aware
  { when: "PVID is not the bridge's", links: [...filtering, ipv4On(BR0, 1)], ip: HOST, source: nobody },
  { when: "the tag is the bridge's PVID", links: [...filtering, ipv4On(BR0, 1)], vlan: 1, ip: HOST, source: bridged },
  { when: 'PVID 10 and br0.10', links: [...filtering, vlan10, ipv4On(SVI, 1)], ip: HOST, source: routed },
  { when: 'VLAN 10 and br0.10', links: [...filtering, vlan10, ipv4On(SVI, 1)], vlan: 10, ip: HOST, source: routed },
  { when: 'VLAN 20 and br0.10', links: [...filtering, vlan10, ipv4On(SVI, 1)], vlan: 20, ip: HOST, source: nobody },
  {
    when: 'a VLAN the port does not have',
    links: [...filtering, write.vlanLink(SVI, 'v', { lower: BR0, vlan: 30 }), ipv4On(SVI, 1)],
    vlan: 30,
    ip: HOST,
    source: nobody,
  },
  {
    when: 'the VLAN link is of another device',
    links: [...filtering, write.vlanLink(SVI, 'v', { lower: OTHER, vlan: 10 }), ipv4On(SVI, 1)],
    ip: HOST,
    source: nobody,
  },
  {
    when: 'of one in another namespace',
    links: [...filtering, write.vlanLink(SVI, 'v', { lower: BR0, vlan: 10, elsewhere: true }), ipv4On(SVI, 1)],
    ip: HOST,
    source: nobody,
  },
  {
    when: 'the VLAN link has 802.1ad tags',
    links: [...filtering, write.vlanLink(SVI, 'v', { lower: BR0, vlan: 10, protocol: '88a8' }), ipv4On(SVI, 1)],
    ip: HOST,
    source: nobody,
  },
  {
    when: 'the VLAN link is gone',
    links: [...filtering, vlan10, ipv4On(SVI, 1), write.link(SVI, 'br0.10', { gone: true })],
    ip: HOST,
    source: nobody,
  },
  {
    when: 'another device has the index of the VLAN link',
    links: [...filtering, vlan10, write.link(SVI, 'eth0', { mac: SVI_MAC }), ipv4On(SVI, 1)],
    ip: HOST,
    source: nobody,
  },
  {
    when: 'the bridge, before a VLAN link',
    links: [
      ...filtering,
      write.vlanLink(SVI, 'v', { lower: BR0, vlan: 1, mac: SVI_MAC }),
      ipv4On(SVI, 2),
      ipv4On(BR0, 1),
    ],
    vlan: 1,
    ip: HOST,
    source: bridged,
  },
  // anycast gateways: the bridge would flood the answer
  {
    when: 'only a macvlan on the bridge',
    links: [...plain, gatewayOn(BR0), ipv4On(GATEWAY, 254)],
    ip: HOST,
    source: nobody,
  },
  {
    when: 'only a macvlan on the VLAN link',
    links: [...filtering, vlan10, gatewayOn(SVI), ipv4On(GATEWAY, 254)],
    ip: HOST,
    source: nobody,
  },
  // configured
  {
    when: 'configured, the first that fits',
    links: plain,
    configured: anyOf('10.0.0.9', '192.0.2.8', '192.0.2.9'),
    ip: HOST,
    source: { mac: TAP_MAC, ip: '192.0.2.8' },
  },
  { when: 'configured, but that one is probed', links: plain, configured: anyOf(HOST), ip: HOST, source: nobody },
  {
    when: 'configured, none fits',
    links: plain,
    configured: anyOf('10.0.0.9', '2001:db8::9'),
    ip: HOST,
    source: nobody,
  },
  {
    when: 'configured, but the bridge is in the subnet',
    links: [...plain, ipv4On(BR0, 1)],
    configured: anyOf('192.0.2.8'),
    ip: HOST,
    source: bridged,
  },
  // IPv6
  { when: 'no link-local address', links: [...plain, globalOn(BR0)], ip: HOST6, source: portItself },
  {
    when: "the bridge's link-local address",
    links: [...plain, globalOn(BR0), fe80On(BR0)],
    ip: HOST6,
    source: { mac: BR0_MAC, ip: 'fe80::a' },
  },
  { when: 'tentative', links: [...plain, fe80On(BR0, 0x40)], ip: HOST6, source: portItself },
  {
    when: 'tentative before',
    links: [...plain, fe80On(BR0, 0x40), fe80On(BR0)],
    ip: HOST6,
    source: { mac: BR0_MAC, ip: 'fe80::a' },
  },
  { when: 'found to be taken', links: [...plain, fe80On(BR0), fe80On(BR0, 0x08)], ip: HOST6, source: portItself },
  { when: 'that one is probed', links: [...plain, fe80On(BR0)], ip: 'fe80::a', source: portItself },
  {
    when: "the VLAN link's",
    links: [...filtering, vlan10, fe80On(SVI)],
    ip: HOST6,
    source: { mac: SVI_MAC, ip: 'fe80::a' },
  },
  {
    when: "the gateway's is not asked from",
    links: [...plain, gatewayOn(BR0), fe80On(GATEWAY)],
    ip: HOST6,
    source: portItself,
  },
  {
    when: "a host has what the port's would be",
    links: plain,
    ip: TAP_LINK_LOCAL,
    source: { mac: TAP_MAC, ip: 'fe80::fe54:ff:fe00:1' },
  },
]

suite('who asks', () => {
  for (const { when, links, vlan = 0, ip, configured, source } of rows)
    test(`${ip}, VLAN ${vlan}: ${when}`, () => {
      assert.deepEqual(modelOf(links, configured).probeSource(TAP, vlan, ip), source)
    })
})

test('a port that is gone: an answer all the same, never an exception', () => {
  const source = { mac: '00:00:00:00:00:00', ip: '0.0.0.0' }
  assert.deepEqual(modelOf([...plain, ipv4On(BR0, 1)]).probeSource(99, 0, HOST), source)
})

test('never the probed address, never unspecified for IPv6, always a MAC of this host', () => {
  const bytes = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((all) => Buffer.from(all))
  const ipv6 = fc.oneof(
    bytes(16),
    bytes(6).map((mac) => parseIp(`fe80::${mac.toString('hex', 0, 2)}:ff:fe00:1`) ?? mac),
  )
  fc.assert(
    fc.property(bytes(6), bytes(4), fc.nat(32), ipv6, bytes(4), (mac, ipv4, prefixLength, host6, host4) => {
      const own = write.link(TAP, 'tap', { master: BR0, mac: formatMac(mac) })
      const address = write.address(BR0, { ip: ipv4.toString('hex'), prefixLength })
      const model = modelOf([...plain, own, address], [{ ip: formatIp(ipv4), prefixLength: 0 }])
      for (const ip of [formatIp(host4), formatIp(ipv4), formatIp(host6), model.probeSource(TAP, 0, '::1').ip]) {
        const source = model.probeSource(TAP, 0, ip)
        assert.notEqual(source.ip, ip)
        assert.notEqual(source.ip, '::')
        assert.equal(model.selfMatch(TAP, 0, source.mac, '::1'), 'mac')
        assert.equal(parseIp(source.ip)?.length, parseIp(ip)?.length)
      }
    }),
  )
})
