import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NetlinkDecodeError } from '../../src/netlink/error.js'
import { IFF_LOWER_UP, IFF_UP } from '../../src/rtnetlink/link.js'
import { decodeResult, NLMSG_DONE, NLMSG_ERROR, netlinkMessages } from '../../src/netlink/message.js'
import {
  decodeRouteMessage,
  encodeDump,
  GET_LINKS,
  GET_PORT_VLANS,
  type RouteMessage,
} from '../../src/rtnetlink/message.js'
import type { VlanRange } from '../../src/rtnetlink/vlan.js'
import * as write from './writer.js'

function decode(datagram: Buffer): (RouteMessage | undefined)[] {
  return [...netlinkMessages(datagram)].map(decodeRouteMessage)
}

function refused(datagram: Buffer, offset: number, what: RegExp): void {
  const check = (error: unknown): boolean => {
    assert.ok(error instanceof NetlinkDecodeError, String(error))
    assert.match(error.message, what)
    assert.equal(error.offset, offset, error.message)
    return true
  }
  assert.throws(() => decode(datagram), check)
}

test('a link: name, flags, MAC, master, kinds', () => {
  const bytes = write.message(write.NEWLINK, [
    write.ifinfomsg(5, { flags: 0x11043 }),
    write.attr(3, write.text('tap1')),
    write.attr(10, write.u32(2)),
    write.attr(16, write.u8(6)), // IF_OPER_UP
    write.attr(1, write.hex('fe:54:00:00:00:01')),
    write.attr(0x7777 & 0x3fff, Buffer.alloc(7)), // unknown
    write.attr(18, write.attr(1, write.text('veth')), write.attr(4, write.text('bridge'))),
  ])
  const expected = {
    ifindex: 5,
    name: 'tap1',
    flags: 0x11043,
    operstate: 6,
    mac: 'fe:54:00:00:00:01',
    master: 2,
    lower: undefined,
    kind: 'veth',
    slaveKind: 'bridge',
    vrfTable: undefined,
    vxlan: undefined,
    bridge: undefined,
    vlan: undefined,
  }
  assert.deepEqual(decode(bytes), [{ kind: 'link', gone: false, link: expected }])
  assert.equal(expected.flags & (IFF_UP | IFF_LOWER_UP), IFF_UP | IFF_LOWER_UP)
})

test('a VRF device: its routing table; other kinds have attributes of the same number', () => {
  const table = (kind: string, ...data: Buffer[]): unknown => {
    const [found] = decode(write.link(9, 'red', { kind, data }))
    assert.ok(found?.kind === 'link')
    return found.link.vrfTable
  }
  assert.equal(table('vrf', write.attr(1, write.u32(1001))), 1001)
  assert.equal(table('vrf'), undefined)
  assert.equal(table('vlan', write.attr(1, write.u16(10))), undefined)
})

test('a VXLAN device: VNI, local address, external, vnifilter', () => {
  const vxlan = (...data: Buffer[]): unknown => {
    const [found] = decode(write.link(3, 'vx', { kind: 'vxlan', data }))
    return found?.kind === 'link' ? found.link.vxlan : undefined
  }
  const [id, ipv4, ipv6] = [
    write.attr(1, write.u32(0xfffffe)),
    write.attr(4, write.hex('c0 00 02 01')),
    write.attr(17, write.hex('20010db8000000000000000000000001')),
  ]
  const off = { collectMetadata: false, vnifilter: false }
  assert.deepEqual(vxlan(id, ipv4), { vni: 0xfffffe, local: '192.0.2.1', ...off })
  assert.deepEqual(vxlan(id, ipv6), { vni: 0xfffffe, local: '2001:db8::1', ...off })
  assert.deepEqual(vxlan(id), { vni: 0xfffffe, local: undefined, ...off })
  const external = [write.attr(1, write.u32(0)), write.attr(25, write.u8(1)), write.attr(30, write.u8(1))]
  assert.deepEqual(vxlan(...external), { vni: undefined, local: undefined, collectMetadata: true, vnifilter: true })
})

test('a bridge: VLAN filtering, protocol of the tags, ageing time', () => {
  for (const vlanFiltering of [true, false])
    for (const ageing of [0, 1, 30_000]) {
      const [found] = decode(write.bridge(2, 'br0', vlanFiltering, false, ageing))
      const bridge = { vlanFiltering, vlanProtocol: 0x8100, mst: false, ageingMs: ageing * 10 }
      assert.deepEqual(found?.kind === 'link' && found.link.bridge, bridge)
    }
  const [found] = decode(write.bridge(2, 'br0', true, false, 0, '88a8'))
  assert.equal(found?.kind === 'link' && found.link.bridge?.vlanProtocol, 0x88a8)
})

test('a link on top of another: VLAN, its protocol, the lower link unless that is in another network namespace', () => {
  const decoded = (bytes: Buffer): unknown => {
    const [found] = decode(bytes)
    return found?.kind === 'link' && [found.link.kind, found.link.lower, found.link.vlan]
  }
  const [lower, vlan] = [2, 4094]
  assert.deepEqual(decoded(write.vlanLink(7, 'v', { lower, vlan })), ['vlan', 2, { id: 4094, protocol: 0x8100 }])
  const provider = write.vlanLink(7, 'v', { lower, vlan, protocol: '88a8' })
  assert.deepEqual(decoded(provider), ['vlan', 2, { id: 4094, protocol: 0x88a8 }])
  const moved = write.vlanLink(7, 'v', { lower, vlan, elsewhere: true })
  assert.deepEqual(decoded(moved), ['vlan', undefined, { id: 4094, protocol: 0x8100 }])
  assert.deepEqual(decoded(write.link(7, 'm', { kind: 'macvlan', lower })), ['macvlan', 2, undefined])
})

test('only hardware addresses of 6 bytes are MACs', () => {
  for (const mac of ['', '7f000001', '00'.repeat(20)]) {
    const [found] = decode(write.link(1, 'gre0', { mac }))
    assert.equal(found?.kind === 'link' && found.link.mac, undefined)
  }
})

test("RTM_DELLINK of AF_UNSPEC is a link's end, of AF_BRIDGE the end of its membership", () => {
  const messages = decode(
    Buffer.concat([write.link(5, 'tap1', { gone: true }), write.portVlans(5, [], { gone: true })]),
  )
  assert.deepEqual(
    messages.map((found) => [found?.kind, found?.gone]),
    [
      ['link', true],
      ['port-vlans', true],
    ],
  )
})

test('VLANs of a port: single, ranges, PVID, untagged, tunnels', () => {
  const bytes = write.portVlans(5, [
    write.vlanInfo(1, write.PVID | write.UNTAGGED),
    write.tunnelInfo(10, 5010),
    write.vlanInfo(10),
    write.vlanInfo(20, write.RANGE_BEGIN),
    write.vlanInfo(4094, write.RANGE_END),
    write.tunnelInfo(20, 6020, write.RANGE_BEGIN),
    write.tunnelInfo(29, 6029, write.RANGE_END),
  ])
  const port = {
    ifindex: 5,
    bridgePort: undefined,
    vlans: [
      { first: 1, last: 1, pvid: true, untagged: true },
      { first: 10, last: 10, pvid: false, untagged: false },
      { first: 20, last: 4094, pvid: false, untagged: false },
    ],
    tunnels: [
      { first: 10, last: 10, vni: 5010 },
      { first: 20, last: 29, vni: 6020 },
    ],
  }
  assert.deepEqual(decode(bytes), [{ kind: 'port-vlans', gone: false, port }])
})

test('what a bridge does with a port', () => {
  const states = ['disabled', 'listening', 'learning', 'forwarding', 'blocking', 'forwarding']
  for (const [index, state] of states.entries()) {
    for (const [learning, locked] of [
      [true, false],
      [false, true],
    ] as const) {
      const [found] = decode(write.portVlans(5, [], { state: index, learning, locked }))
      const bridgePort = { state, learning, locked }
      assert.deepEqual(found?.kind === 'port-vlans' && found.port.bridgePort, bridgePort, `state ${index}`)
    }
  }
})

// recorded from Linux 6.1
const EXTERNAL_VXLAN = `
  08020000 10000000 00000000 00000000 07000100 08000000 43100100 00000000 08000300 76786500 08000a00 04000000 08000400
  dc050000 05001000 00000000 0a000100 2ed357bd 16da0000 30010c80 05000100 03000000 06000200 20000000 08000300 64000000
  05000400 00000000 05000500 00000000 05000600 00000000 05000700 00000000 05001c00 00000000 05000800 01000000 05000900
  01000000 05001b00 01000000 05001e00 01000000 05000a00 00000000 05000c00 00000000 0c000d00 80002ed3 57bd16da 0c000e00
  80002ed3 57bd16da 06000f00 03800000 06001000 00000000 06001100 03800000 06001200 03000000 05001300 00000000 05001400
  00000000 05001d00 01000000 06001f00 00000000 05002000 00000000 05002300 00000000 05002400 00000000 05002100 00000000
  05002700 00000000 0c001500 00000000 00000000 0c001600 e7040000 00000000 0c001700 00000000 00000000 05001900 01000000
  08002500 00020000 08002600 00000000 8c001a00 08000200 00000200 08000200 08001400 08000200 10001800 1c000300 08000100
  5a1b0000 06000200 02000000 06000300 00000000 1c000300 08000100 6c1b0000 06000200 14000000 06000300 00000000 1c000300
  08000100 6e1b0000 06000200 16000000 06000300 08000000 1c000300 08000100 701b0000 06000200 18000000 06000300 10000000`
const NEW_TUNNELS = `
  48000000 70000000 00000000 00000000 07000000 08000000 30000180 08000100 00001400 06000200 19000000 05000300 03000000
  0c000480 08000100 6c1b0000 05000600 01000000`
const NEW_DEFAULT_PVID = `
  24000000 71000000 00000000 00000000 07000000 0a000000 0c000180 08000100 00000200
  34000000 70000000 00000000 00000000 07000000 0a000000 1c000180 08000100 06001e00 05000300 03000000 05000600 01000000`

test('messages of a real bridge with VLANs', () => {
  const range = (first: number, last: number, { pvid = false, untagged = false } = {}): VlanRange => {
    return { first, last, pvid, untagged }
  }
  const port = {
    ifindex: 8,
    bridgePort: { state: 'forwarding', learning: true, locked: false },
    vlans: [range(2, 2), range(20, 24)],
    tunnels: [
      { first: 2, last: 2, vni: 7002 },
      { first: 20, last: 20, vni: 7020 },
      { first: 22, last: 24, vni: 7022 },
    ],
  }
  assert.deepEqual(decode(write.hex(EXTERNAL_VXLAN)), [{ kind: 'port-vlans', gone: false, port }])
  const tunnels = { ifindex: 8, vlans: [range(20, 25)], tunnels: [{ first: 20, last: 25, vni: 7020 }] }
  assert.deepEqual(decode(write.hex(NEW_TUNNELS)), [
    { kind: 'vlan-change', gone: false, change: tunnels, states: [{ first: 20, last: 25, state: 'forwarding' }] },
  ])
  const lost = { ifindex: 10, vlans: [range(2, 2)], tunnels: [] }
  const got = { ifindex: 10, vlans: [range(30, 30, { pvid: true, untagged: true })], tunnels: [] }
  assert.deepEqual(decode(write.hex(NEW_DEFAULT_PVID)), [
    { kind: 'vlan-change', gone: true, change: lost, states: [] },
    { kind: 'vlan-change', gone: false, change: got, states: [{ first: 30, last: 30, state: 'forwarding' }] },
  ])
})

test('no IFLA_AF_SPEC: a port without VLANs; a switch of its own (BRIDGE_FLAGS_SELF): nothing about the port', () => {
  assert.deepEqual(decode(write.portVlans(5, [])), [
    { kind: 'port-vlans', gone: false, port: { ifindex: 5, vlans: [], tunnels: [], bridgePort: undefined } },
  ])
  assert.deepEqual(decode(write.portVlans(5, [write.attr(0, write.u16(2)), write.vlanInfo(7)])), [undefined])
})

test('VLAN ranges that make no sense are refused', () => {
  const { RANGE_BEGIN, RANGE_END } = write
  // 16 nlmsghdr, 16 ifinfomsg, 12 IFLA_IFNAME, 8 IFLA_MASTER, 4 header of IFLA_AF_SPEC, 4 header of the first info
  const first = 60
  const cases: [infos: Buffer[], offset: number, what: RegExp][] = [
    [[write.vlanInfo(10, RANGE_BEGIN)], first, /VLAN 10: range without end/],
    [[write.vlanInfo(10, RANGE_END)], first, /VLAN 10: range without begin/],
    [[write.vlanInfo(10, RANGE_BEGIN), write.vlanInfo(11)], first + 8, /VLAN 11: range without end/],
    [[write.vlanInfo(10, RANGE_BEGIN), write.vlanInfo(9, RANGE_END)], first + 8, /VLANs 10 to 9/],
    [[write.vlanInfo(0)], first, /VLANs 0 to 0, expected a range within 1 to 4094/],
    [[write.vlanInfo(4095)], first, /VLANs 4095 to 4095/],
    [[write.attr(2, write.u16(1))], first, /attribute 2 of 2 bytes, expected 4/],
    [[write.attr(3, write.attr(1, write.u32(5)))], first, /without VLAN or tunnel id/],
  ]
  for (const [infos, offset, what] of cases) refused(write.portVlans(5, infos), offset, what)
})

test('VLAN changes: what a port got or lost', () => {
  const got = write.vlanChange(5, { first: 10, last: 19, flags: write.UNTAGGED, vni: 5010 })
  const lost = write.vlanChange(5, { first: 1, flags: write.PVID, gone: true })
  assert.deepEqual(decode(Buffer.concat([got, lost])), [
    {
      kind: 'vlan-change',
      gone: false,
      change: {
        ifindex: 5,
        vlans: [{ first: 10, last: 19, pvid: false, untagged: true }],
        tunnels: [{ first: 10, last: 19, vni: 5010 }],
      },
      states: [{ first: 10, last: 19, state: 'forwarding' }],
    },
    {
      kind: 'vlan-change',
      gone: true,
      change: { ifindex: 5, vlans: [{ first: 1, last: 1, pvid: true, untagged: false }], tunnels: [] },
      states: [{ first: 1, last: 1, state: 'forwarding' }],
    },
  ])
})

test("addresses: the interface's own, not its peer's; tentative or not; other families are ignored", () => {
  const ipv6 = 'fe80000000000000000000000000000a'
  const bytes = Buffer.concat([
    write.address(2, { ip: '0a 02 01 01' }),
    write.address(2, { ip: '0a 02 01 01', peer: '0a 02 01 02', prefixLength: 32 }),
    write.address(2, { ip: ipv6, prefixLength: 64, gone: true }),
    write.address(2, { ip: ipv6, prefixLength: 64, flags: 0x40 }),
    write.address(2, { ip: ipv6, prefixLength: 64, flags: 0x08 }),
    write.message(write.NEWADDR, [write.u8(45), Buffer.alloc(3), write.u32(2), write.attr(2, write.u8(9))]), // AF_MCTP
  ])
  assert.deepEqual(decode(bytes), [
    { kind: 'address', gone: false, address: { ifindex: 2, ip: '10.2.1.1', prefixLength: 24, tentative: false } },
    { kind: 'address', gone: false, address: { ifindex: 2, ip: '10.2.1.1', prefixLength: 32, tentative: false } },
    { kind: 'address', gone: true, address: { ifindex: 2, ip: 'fe80::a', prefixLength: 64, tentative: false } },
    { kind: 'address', gone: false, address: { ifindex: 2, ip: 'fe80::a', prefixLength: 64, tentative: true } },
    { kind: 'address', gone: false, address: { ifindex: 2, ip: 'fe80::a', prefixLength: 64, tentative: true } },
    undefined,
  ])
})

test('messages that tell nothing about ports are ignored', () => {
  const inet6 = write.message(write.NEWLINK, [write.ifinfomsg(5, { family: 10 })])
  const neighbour = write.message(28, [Buffer.alloc(12)])
  assert.deepEqual(decode(Buffer.concat([inet6, neighbour])), [undefined, undefined])
})

test('lengths that do not fit are refused, with their offset', () => {
  const good = write.link(5, 'tap1')
  const with_ = (offset: number, bytes: Buffer): Buffer => {
    const changed = Buffer.from(good)
    bytes.copy(changed, offset)
    return changed
  }
  refused(good.subarray(0, 15), 0, /15 bytes left, a netlink header has 16/)
  refused(with_(0, write.u32(15)), 0, /nlmsg_len 15, expected 16 to/)
  refused(with_(0, write.u32(good.length + 1)), 0, /nlmsg_len/)
  refused(Buffer.concat([good, Buffer.alloc(4)]), good.length, /4 bytes left/)
  refused(with_(20, write.u32(0)), 20, /ifi_index 0/)
  refused(with_(32, write.u16(3)), 32, /rta_len 3, expected 4 to/)
  refused(with_(32, write.u16(0xffff)), 32, /rta_len 65535/)
  refused(write.message(write.NEWLINK, [Buffer.alloc(15)]), 16, /ifinfomsg of 15 bytes, expected 16/)
  refused(write.message(write.NEWLINK, [write.ifinfomsg(5)]), 16, /a link without IFLA_IFNAME/)
  refused(write.link(5, 'a-name-too-long-'), 16, /IFLA_IFNAME of 16 characters, at most 15/)
  refused(
    write.link(5, 'vx', { kind: 'vxlan', data: [write.attr(1, write.u16(5))] }),
    76,
    /attribute 1 of 2 bytes, expected 4/,
  )
  refused(write.message(write.NEWADDR, [write.u8(2), Buffer.alloc(3), write.u32(2)]), 24, /without IFA_LOCAL/)
  refused(write.address(2, { ip: '0a 02 01 01 01' }), 28, /attribute 1 of 5 bytes, expected 16/)
})

test("the kernel's answers: success, errno, its own words", () => {
  const result = (bytes: Buffer): unknown => [...netlinkMessages(bytes)].map(decodeResult)[0]
  const CAPPED = 0x100
  const TLVS = 0x200
  const errno = write.hex('ea ff ff ff') // -22
  const request = write.message(18, [Buffer.alloc(20)])
  const words = write.attr(1, write.text('Unknown attribute type'))
  assert.deepEqual(result(write.message(NLMSG_DONE, [write.u32(0)])), { errno: 0, text: 'success' })
  assert.deepEqual(result(write.message(NLMSG_ERROR, [errno, request])), { errno: 22, text: 'EINVAL' })
  const explained = { errno: 22, text: 'EINVAL: Unknown attribute type' }
  assert.deepEqual(result(write.message(NLMSG_ERROR, [errno, request, words], { flags: TLVS })), explained)
  const header = request.subarray(0, 16)
  assert.deepEqual(result(write.message(NLMSG_ERROR, [errno, header, words], { flags: TLVS | CAPPED })), explained)
  assert.deepEqual(result(write.message(NLMSG_DONE, [errno, words], { flags: TLVS })), explained)
  const tooLong = write.message(NLMSG_ERROR, [errno, write.u32(1000), Buffer.alloc(12)], { flags: TLVS })
  assert.throws(() => result(tooLong), NetlinkDecodeError)
})

test('dump requests', () => {
  // nlmsghdr: 40 bytes, RTM_GETLINK, NLM_F_REQUEST|NLM_F_DUMP, seq 7, pid 0
  const header = '28000000 1200 0103 07000000 00000000'
  // ifinfomsg of the family, IFLA_EXT_MASK RTEXT_FILTER_SKIP_STATS
  assert.deepEqual(encodeDump(GET_LINKS, 7), write.hex(`${header} ${'00'.repeat(16)} 0800 1d00 08000000`))
  // AF_BRIDGE, RTEXT_FILTER_BRVLAN_COMPRESSED
  assert.deepEqual(encodeDump(GET_PORT_VLANS, 7), write.hex(`${header} 07${'00'.repeat(15)} 0800 1d00 04000000`))
})
