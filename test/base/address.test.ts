import assert from 'node:assert/strict'
import { isIP, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatIp, formatMac, isHostIp, parseIp, parseMac, unmapped } from '../../src/base/address.js'

test('MAC text is lower case and round-trips', () => {
  assert.equal(formatMac(Buffer.from('00bc24110000ff', 'hex'), 1), 'bc:24:11:00:00:ff')
  assert.deepEqual(parseMac('BC:24:11:00:00:FF'), Buffer.from('bc24110000ff', 'hex'))
  for (const wrong of ['', 'bc:24:11:00:00', 'bc:24:11:00:00:01:02', 'bc-24-11-00-00-01', 'bc:24:11:00:00:0g']) {
    assert.equal(parseMac(wrong), undefined, wrong)
  }
})

// RFC 5952 section 4: the longest run of zeros, the first of equals, never a single field
const CANONICAL = [
  '::',
  '::1',
  '2001:db8::11',
  '2001:0:0:1::1',
  '2001:db8::1:0:0:1',
  '2001:db8:0:1:1:1:1:1',
  'fe80::',
  '10.2.1.11',
  '::ffff:10.2.1.11',
  '::ffff:0.0.0.0',
  '::fffe:a02:10b',
]
test('IP text is canonical', () => {
  for (const text of CANONICAL) {
    const bytes = parseIp(text)
    assert.ok(bytes, text)
    assert.equal(formatIp(bytes), text)
  }
  assert.deepEqual(parseIp('::ffff:10.2.1.11'), Buffer.from('00000000000000000000ffff0a02010b', 'hex'))
  assert.deepEqual(['::ffff:10.2.1.11', '::ffff:1', '2001:db8::11', '10.2.1.11'].map(unmapped), [
    '10.2.1.11',
    '::ffff:1',
    '2001:db8::11',
    '10.2.1.11',
  ])
})

test('addresses that no host can have', () => {
  for (const ip of ['0.1.2.3', '127.0.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', 'ff02::1', '::ffff:10.2.1.11'])
    assert.equal(isHostIp(ip), false, ip)
  for (const ip of ['10.2.1.11', '2001:db8::ffff:1', 'fe80::1']) assert.equal(isHostIp(ip), true, ip)
})

test('what is not an IP address is refused', () => {
  for (const wrong of ['', '10.2.1', '10.2.1.256', '2001:db8', 'fe80::1%eth0', '10.2.1.0/24']) {
    assert.equal(parseIp(wrong), undefined, wrong)
  }
})

test('an IP address is what Node takes for one, without a zone', () => {
  const part = fc.oneof(
    fc.constantFrom(':', ':', '::', '.', '0', '00', '255', '256', '1', '%', ' ', 'g', 'FFFF', '12345'),
    fc.integer({ min: 0, max: 0xffff }).map((group) => group.toString(16)),
    fc.ipV4(),
  )
  const almost = fc.array(part, { maxLength: 18 }).map((parts) => parts.join(''))
  const groups = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(':'))
  const octets = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.'))
  fc.assert(
    fc.property(fc.oneof(almost, groups, octets, fc.ipV4(), fc.ipV6()), (text) => {
      const length = text.includes('%') ? 0 : { 0: 0, 4: 4, 6: 16 }[isIP(text)]
      assert.equal(parseIp(text)?.length ?? 0, length)
    }),
    { numRuns: 5000 },
  )
})

test('any 4 or 16 bytes round-trip through text', () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  )
  fc.assert(
    fc.property(address, (bytes) => {
      const text = formatIp(bytes)
      assert.equal(isIPv6(text), bytes.length === 16)
      assert.deepEqual(parseIp(text), Buffer.from(bytes))
    }),
  )
})
