import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  CONFIG_FIELDS,
  KEY_BYTES,
  KINDS,
  OUTCOMES,
  PORT_BYTES,
  RECORD_BYTES,
  decodeLimited,
  decodeRecord,
  encodeConfig,
  encodeKeys,
  encodeIfindex,
} from '../../../src/snoop/bpf/layout.js'
import { FRAME_REFUSALS } from '../../../src/bindings/frame-refusal.js'
import { evidenceOf } from './frames.js'

// dist/test/snoop → the sources
const header = readFileSync(new URL('../../../../bpf/snoop.h', import.meta.url), 'utf8')

test('outcomes have the names and the order of enum snoop_outcome', () => {
  const names = [...header.matchAll(/^\tSNOOP_OUTCOME_(\w+),/gm)].map(([, name = '']) => name)
  assert.deepEqual(
    OUTCOMES,
    names.map((name) => name.toLowerCase().replaceAll('_', '-')),
  )
})

test('kinds have the names and the numbers of enum snoop_kind', () => {
  const kinds = [...header.matchAll(/^\tSNOOP_KIND_(\w+) = (\d+),/gm)].map(([, name = '', number]) => [
    Number(number),
    name.toLowerCase().replaceAll('_', '-'),
  ])
  assert.deepEqual(
    KINDS.map((kind, index) => [index + 1, kind]),
    kinds,
  )
})

/** Names of a structure whose fields are all of one type. */
function fieldsOf(structure: string, type: string): string[] {
  const [, body = ''] = new RegExp(`^struct ${structure} \\{\\n([^}]*)\\n\\};`, 'm').exec(header) ?? []
  return body.split('\n').map((line) => new RegExp(`^\t${type} (\\w+);`).exec(line)?.[1] ?? line)
}

test('the configuration has the fields of struct snoop_config', () => {
  assert.deepEqual(
    CONFIG_FIELDS,
    fieldsOf('snoop_config', '__u64').map((name) => name.replaceAll(/_./g, (at) => at.charAt(1).toUpperCase())),
  )
  const numbers = (config: Buffer) => [...new BigUint64Array(Uint8Array.from(config).buffer)]
  assert.deepEqual(numbers(encodeConfig({ repeatIntervalMs: 30_000 })), [30_000_000_000n, 0n, 0n, 0n, 0n, 0n])
  const rate = { perSecond: 50, burst: 100 }
  assert.deepEqual(
    numbers(encodeConfig({ repeatIntervalMs: 0.5, rate, learnNs: true, heedFilters: true }, 2n ** 53n + 1n)),
    [500_000n, 20_000_000n, 2_000_000_000n, 1n, 2n ** 53n + 1n, 1n],
  )
})

test('what a port was refused is where struct snoop_port has it', () => {
  const fields = fieldsOf('snoop_port', '__u64')
  assert.equal(PORT_BYTES, 8 * fields.length)
  const port = new BigUint64Array(fields.length)
  port[fields.indexOf('limited')] = 7n
  assert.equal(decodeLimited(Buffer.from(port.buffer)), 7)
  assert.equal(encodeIfindex(0x01020304).toString('hex'), '01020304')
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
  assert.deepEqual(evidenceOf(record), {
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

test('a record has 4 bytes of address for ARP, 16 for neighbour discovery', () => {
  const ips = KINDS.map((kind, index) => {
    const record = Buffer.alloc(RECORD_BYTES)
    record.set([0x20, 1, 0xd, 0xb8], 28)
    record.writeUInt8(index + 1, 44)
    const evidence = evidenceOf(record)
    assert.equal(evidence.kind, kind)
    return [kind, evidence.ip]
  })
  const [ipv4, ipv6] = ['32.1.13.184', '2001:db8::']
  assert.deepEqual(Object.fromEntries(ips), {
    ...{ 'arp-request': ipv4, 'arp-reply': ipv4, 'arp-probe': ipv4 },
    ...{ na: ipv6, ns: ipv6, ra: ipv6, 'dad-ns': ipv6 },
  })
})

test('a record of a refused frame has the reason, and what was read of the claim', () => {
  const record = (kind: string, outcome: number): Buffer => {
    const claim = kind === '00' ? '00'.repeat(6) : '020000000001'
    const ip = kind === '00' ? '00'.repeat(16) : 'c0000201' + '00'.repeat(12)
    const head = '000000003b9aca00' + '00000007' + '00648100'
    return Buffer.from(`${head}${claim}020000000002${ip}${kind}00${outcome.toString(16).padStart(2, '0')}00`, 'hex')
  }
  const place = { ifindex: 7, vlan: 100 }
  assert.deepEqual(decodeRecord(record('01', OUTCOMES.indexOf('mac-multicast')), 0), {
    type: 'refused',
    refused: { ...place, reason: 'mac-multicast', mac: '02:00:00:00:00:01', ip: '192.0.2.1' },
  })
  assert.deepEqual(decodeRecord(record('00', OUTCOMES.indexOf('arp-truncated')), 0), {
    type: 'refused',
    refused: { ...place, reason: 'arp-truncated', mac: '02:00:00:00:00:02', ip: '' },
  })
  for (const outcome of [OUTCOMES.indexOf('repeated'), OUTCOMES.length])
    assert.throws(() => decodeRecord(record('01', outcome), 0), {
      message: `snoop record of unknown outcome ${outcome}`,
    })
})

test('what people are told of are outcomes', () => {
  for (const name of Object.keys(FRAME_REFUSALS)) assert.ok((OUTCOMES as readonly string[]).includes(name), name)
})

test('a record of unknown kind is refused', () => {
  for (const kind of [0, KINDS.length + 1, 255])
    assert.throws(() => decodeRecord(Buffer.alloc(RECORD_BYTES).fill(kind, 44, 45), 0), {
      message: `snoop record of unknown kind ${kind}`,
    })
})

test('a key has 32 bytes: port, VLAN, kind of tag, MAC, family, IP', () => {
  const [untagged] = encodeKeys(7, 0, '02:00:00:00:00:01', '192.0.2.1')
  assert.equal(
    untagged?.toString('hex'),
    '00000007' + '0000' + '0000' + '020000000001' + '04' + '00' + 'c0000201' + '00'.repeat(12),
  )
  assert.equal(untagged.length, KEY_BYTES)
  assert.deepEqual(untagged.subarray(0, 4), encodeIfindex(7))
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
