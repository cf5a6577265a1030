import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { formatIp, formatMac } from '../../src/base/address.js'
import { arpRequest, MAX_PROBE_BYTES, neighborSolicitation } from '../../src/arp-nd/question.js'
import { icmpv6Checksum } from '../snoop/bpf/frames.js'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

const arp = { dstMac: '52:54:00:00:00:01', srcMac: '02:00:00:00:00:fe', srcIp: '192.0.2.254', targetIp: '192.0.2.1' }
const ARP = `0806 0001 0800 06 04 0001
  0200000000fe c00002fe  525400000001 c0000201  ${'00'.repeat(18)}`
const ns = { dstMac: '52:54:00:00:00:01', srcMac: '02:00:00:00:00:fe', srcIp: 'fe80::fe', targetIp: '2001:db8::1' }
const NS = `86dd 60000000 0020 3a ff
  fe8000000000000000000000000000fe 20010db8000000000000000000000001
  87 00 19b3 00000000 20010db8000000000000000000000001  01 01 0200000000fe`

suite('bytes', () => {
  const ethernet = '525400000001 0200000000fe'
  test('an ARP request, padded to what Ethernet requires', () => {
    const frame = arpRequest({ ...arp, vlan: 0 })
    assert.equal(frame.toString('hex'), hex(`${ethernet} ${ARP}`).toString('hex'))
    assert.equal(frame.length, 60)
  })
  test('in a VLAN: with a tag, and long enough without it', () => {
    const frame = arpRequest({ ...arp, vlan: 4094 })
    assert.equal(frame.toString('hex'), hex(`${ethernet} 8100 0ffe ${ARP}`).toString('hex'))
  })
  test('an ARP probe', () => {
    const frame = arpRequest({ ...arp, srcIp: '0.0.0.0', vlan: 0 })
    assert.deepEqual(frame.subarray(28, 32), Buffer.alloc(4))
  })
  test('a neighbor solicitation', () => {
    assert.equal(neighborSolicitation({ ...ns, vlan: 0 }).toString('hex'), hex(`${ethernet} ${NS}`).toString('hex'))
  })
  test('in a VLAN', () => {
    const frame = neighborSolicitation({ ...ns, vlan: 10 })
    assert.equal(frame.toString('hex'), hex(`${ethernet} 8100 000a ${NS}`).toString('hex'))
    assert.equal(frame.length, MAX_PROBE_BYTES)
  })
})

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const ipv6 = fc.oneof(bytes(16), fc.constant(new Uint8Array(16).fill(0xff)))

test('the checksum is right whatever the addresses are, and nothing is left of the frame before', () => {
  const into = Buffer.alloc(MAX_PROBE_BYTES, 0xff)
  fc.assert(
    fc.property(bytes(6), bytes(6), ipv6, ipv6, fc.nat(4094), (dst, src, from, to, vlan) => {
      const macs = { dstMac: formatMac(dst), srcMac: formatMac(src), vlan }
      const fields = { ...macs, srcIp: formatIp(from), targetIp: formatIp(to) }
      const frame = neighborSolicitation(fields, into)
      const ip = frame.length - 72
      assert.equal(icmpv6Checksum(frame.subarray(ip + 8, ip + 40), frame.subarray(ip + 40)), 0)
      assert.deepEqual(frame, neighborSolicitation(fields))
      const arpFields = { ...macs, srcIp: formatIp(from.subarray(0, 4)), targetIp: formatIp(to.subarray(0, 4)) }
      assert.deepEqual(arpRequest(arpFields, into), arpRequest(arpFields))
    }),
  )
})

test('the checksum is right whatever its carries are', () => {
  for (let word = 0; word <= 0xffff; word++) {
    const frame = neighborSolicitation({ ...ns, srcIp: `fe80::ffff:${word.toString(16)}`, vlan: 0 })
    assert.equal(icmpv6Checksum(frame.subarray(22, 54), frame.subarray(54)), 0)
  }
})

test('what is no address of the family is refused by name', () => {
  assert.throws(() => arpRequest({ ...arp, srcIp: 'fe80::1', vlan: 0 }), /IP address of 4 bytes .* not fe80::1/)
  assert.throws(() => neighborSolicitation({ ...ns, srcIp: '0.0.0.0', vlan: 0 }), /of 16 bytes .* not 0\.0\.0\.0/)
  assert.throws(() => arpRequest({ ...arp, dstMac: 'x', vlan: 0 }), /MAC expected in a probe, not x/)
})
