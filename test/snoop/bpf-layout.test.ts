import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { KEY_BYTES, OUTCOMES, RECORD_BYTES, decodeRecord, encodeKeys, keyIfindex } from '../../src/snoop/bpf-layout.js'

// dist/test/snoop → the sources
const header = readFileSync(new URL('../../../bpf/snoop.h', import.meta.url), 'utf8')

test('outcomes have the names and the order of enum snoop_outcome', () => {
  const names = [...header.matchAll(/^\tSNOOP_OUTCOME_(\w+),/gm)].map(([, name = '']) => name)
  assert.deepEqual(
    OUTCOMES,
    names.map((name) => name.toLowerCase().replaceAll('_', '-')),
  )
})

test('a record is read field by field', () => {
  const record = Buffer.from(
    [
      '00000000 3b9aca00', // at: 1 s
      '00000007', // ifindex
      '0064 8100', // VLAN 100, 802.1Q
      '020000000001', // MAC
      '020000000002', // source of the frame
      '20010db8 00000000 00000000 00000001', // IP
      '03 a0 0000', // NA, router and override
    ]
      .join('')
      .replaceAll(' ', ''),
    'hex',
  )
  assert.equal(record.length, RECORD_BYTES)
  assert.deepEqual(decodeRecord(record, 0), {
    kind: 'na',
    at: 1000,
    ifindex: 7,
    vlan: 100,
    vlanProtocol: 0x8100,
    mac: '02:00:00:00:00:01',
    etherSource: '02:00:00:00:00:02',
    ip: '2001:db8::1',
    router: true,
    solicited: false,
    override: true,
  })
})

test('a record of unknown kind is refused', () => {
  assert.throws(() => decodeRecord(Buffer.alloc(RECORD_BYTES), 0), /unknown kind 0/)
})

test('a key has 32 bytes: port, VLAN, kind of tag, MAC, family, IP', () => {
  const [untagged] = encodeKeys(7, 0, '02:00:00:00:00:01', '192.0.2.1')
  assert.equal(
    untagged?.toString('hex'),
    '00000007' + '0000' + '0000' + '020000000001' + '04' + '00' + 'c0000201' + '00'.repeat(12),
  )
  assert.equal(untagged.length, KEY_BYTES)
  assert.equal(keyIfindex(untagged), 7)
  const tagged = encodeKeys(7, 100, '02:00:00:00:00:01', '2001:db8::1')
  assert.deepEqual(
    tagged.map((key) => key.toString('hex', 4, 16)),
    ['00648100' + '020000000001' + '0600', '006488a8' + '020000000001' + '0600'],
  )
})

test('a key is made of addresses only', () => {
  assert.throws(() => encodeKeys(7, 0, 'nonsense', '192.0.2.1'), /nonsense/)
  assert.throws(() => encodeKeys(7, 0, '02:00:00:00:00:01', '192.0.2'), /192\.0\.2/)
})
