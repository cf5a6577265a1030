import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { dissect } from '../../src/zapi/dissect.js'
import { renderTree } from '../../src/zapi/render.js'
import { type FrrRelease, frrRelease } from '../../src/zapi/releases.js'
import { NUMBERS, frame, hex, macIpAdd, macIpDel, remoteMacIpAdd, u32 } from './build.js'

const n = NUMBERS['10.3']
const MAC = 'bc:24:11:00:00:01'
function release(name: string): FrrRelease {
  const found = frrRelease(name)
  assert.ok(found)
  return found
}
const frr103 = release('10.3')

suite('one line for people', () => {
  const lines: [string, Buffer, 'to-zebra' | 'to-bgpd', string][] = [
    ['a MAC-IP', macIpAdd(n, MAC, '0a02010b'), 'to-bgpd', `vni 100 mac ${MAC} ip 10.2.1.11 seq 0`],
    [
      'a router, flags by name',
      macIpAdd(n, MAC, '0a02010b', 3, 5),
      'to-bgpd',
      `vni 100 mac ${MAC} ip 10.2.1.11 flags STICKY,ROUTER seq 3`,
    ],
    ['a MAC alone', macIpDel(n, MAC, ''), 'to-bgpd', `vni 100 mac ${MAC} state ACTIVE`],
    ['a remote one', remoteMacIpAdd(n, MAC, '', 1), 'to-zebra', `vni 100 mac ${MAC} vtep 192.0.2.2 seq 1`],
    [
      'HELLO',
      frame(n.HELLO, hex('0a', '0000', '00000000', '00')),
      'to-zebra',
      'proto bgp instance 0 session id 0 synchronous false',
    ],
    [
      'a route',
      frame(
        n.ROUTE_ADD,
        hex('0a 0000 00000000 00000007 01 02 18 0a0102 0001 00000000 03 00 c0000202 00000009 14 00000000'),
      ),
      'to-zebra',
      'prefix 10.1.2.0/24 type bgp nexthops {gate 192.0.2.2 ifindex 9 vrf id 0} distance 20 metric 0',
    ],
  ]
  for (const [what, bytes, direction, expected] of lines) {
    test(what, () => {
      assert.equal(dissect(bytes, frr103, direction).summary, expected)
    })
  }
})

suite('what is not understood is shown', () => {
  test('while the release is not known: the number and the hex', () => {
    const { command, family, fields, undecoded } = dissect(macIpDel(n, MAC, ''), undefined, 'to-bgpd')
    assert.deepEqual([command, family, fields], ['73', 'unknown', undefined])
    assert.deepEqual(undecoded, {
      reason: 'the release is not known',
      hex: '00000064bc24110000010000000000000001',
    })
  })
  test('a number that the release does not have', () => {
    const { command, family, undecoded } = dissect(frame(200, hex('cafe')), frr103, 'to-bgpd')
    assert.deepEqual([command, family], ['command 200', 'unknown'])
    assert.deepEqual(undecoded, { reason: 'FRR 10.3 has no such command', hex: 'cafe' })
  })
  test('a command without a layout keeps its name and family', () => {
    const number = frr103.commandNumber('ZEBRA_SRV6_MANAGER_GET_LOCATOR') ?? 0
    const { command, family, fields, summary, undecoded } = dissect(frame(number, hex('00026c31')), frr103, 'to-zebra')
    assert.deepEqual([command, family, fields], ['ZEBRA_SRV6_MANAGER_GET_LOCATOR', 'srv6', undefined])
    assert.equal(summary, 'undecoded 00026c31')
    assert.deepEqual(undecoded, { reason: 'no layout is known to-zebra', hex: '00026c31' })
  })
  test('bytes left over', () => {
    const bytes = frame(n.VNI_DEL, hex(u32(100), 'cafe'))
    const { fields, summary, undecoded } = dissect(bytes, frr103, 'to-bgpd')
    assert.deepEqual(fields, { vni: 100 })
    assert.equal(summary, 'vni 100 undecoded cafe')
    assert.deepEqual(undecoded, { reason: 'end at offset 4: 2 bytes are left over', hex: 'cafe' })
  })
  test('a message that ends too early shows what came before', () => {
    const { fields, undecoded } = dissect(frame(n.MACIP_ADD, hex(u32(100), MAC, '0000')), frr103, 'to-bgpd')
    assert.deepEqual(fields, { vni: 100, mac: MAC })
    assert.deepEqual(undecoded, { reason: 'ip length at offset 10: needs 4 bytes, 2 are left', hex: '0000' })
  })
  test('less than a header', () => {
    const { family, length, undecoded } = dissect(hex('000a'), frr103, 'to-bgpd')
    assert.deepEqual([family, length], ['unknown', 2])
    assert.deepEqual(undecoded, { reason: '2 bytes are no header', hex: '000a' })
  })
  test('a prefix longer than an address', () => {
    const route = hex('0a 0000 00000000 00000000 01 02 21 0a010203ff')
    const { fields, undecoded } = dissect(frame(n.ROUTE_ADD, route), frr103, 'to-zebra')
    assert.equal(fields?.['prefix'], undefined)
    assert.equal(undecoded?.reason, 'prefix at offset 13: prefix length 33, at most 32 is possible')
    assert.equal(undecoded.hex, '02210a010203ff')
  })
  test('a VNI without a local address, which bgpd does not accept either', () => {
    const bytes = frame(n.VNI_ADD, hex(u32(100), '0000', u32(0), u32(0), u32(0)))
    const { undecoded } = dissect(bytes, release('10.7'), 'to-bgpd')
    assert.equal(undecoded?.reason, 'vtep at offset 6: family 0, there is no address')
  })
})

test('as a tree', () => {
  const route = hex('0a 0000 00000000 00000001 01 02 18 0a0102 0001 00000000 03 00 c0000202 00000009 ff')
  assert.deepEqual(renderTree(dissect(frame(n.ROUTE_ADD, route), frr103, 'to-zebra')), [
    '  type: bgp',
    '  instance: 0',
    '  flags: none',
    '  message: NEXTHOP',
    '  safi: unicast',
    '  prefix: 10.1.2.0/24',
    '  nexthops 1:',
    '    vrfId: 0',
    '    type: IPV4_IFINDEX',
    '    flags: none',
    '    gate: 192.0.2.2',
    '    ifindex: 9',
    '  undecoded: end at offset 33: 1 bytes are left over',
    '    ff',
  ])
})
