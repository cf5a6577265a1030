import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { WATCH_LIMITS, type WatchVxlan } from '../../../src/control/vxlan-codec.js'
import { OUTCOMES } from '../../../src/snoop/bpf/layout.js'
import {
  decodeVxlanRecord,
  encodeDestination,
  encodeSource,
  encodeVni,
  encodeVxlanConfig,
  VXLAN_OUTCOMES,
  VXLAN_RECORD_BYTES,
  VXLAN_UDP_PORTS,
} from '../../../src/snoop/bpf/vxlan-layout.js'

// dist/test/snoop → the sources
const header = readFileSync(new URL('../../../../bpf/vxlan.h', import.meta.url), 'utf8')

test('outcomes are those of frames, then enum vxlan_outcome in its order', () => {
  const names = [...header.matchAll(/^\tVXLAN_OUTCOME_(\w+)(?: = SNOOP_OUTCOME_COUNT)?,/gm)].map(
    ([, name = '']) => name,
  )
  assert.deepEqual(VXLAN_OUTCOMES, [...OUTCOMES, ...names.map((name) => name.toLowerCase().replaceAll('_', '-'))])
})

test('a request may name as much as the maps have room for', () => {
  const defined = (name: string) => Number(new RegExp(`^#define ${name} (\\d+)$`, 'm').exec(header)?.[1])
  assert.deepEqual(['VXLAN_VNIS_MAX', 'VXLAN_SOURCES_MAX', 'VXLAN_DESTINATIONS_MAX', 'VXLAN_UDP_PORTS'].map(defined), [
    WATCH_LIMITS.vnis,
    WATCH_LIMITS.sources,
    WATCH_LIMITS.destinations,
    WATCH_LIMITS.udpPorts,
  ])
  assert.equal(VXLAN_UDP_PORTS, WATCH_LIMITS.udpPorts)
})

const record = (vtep: string, ip: string, kind: string): Buffer =>
  Buffer.from(
    [
      '00000000 3b9aca00', // at: 1 s
      '00002774', // VNI 10100
      vtep,
      '020000000001', // MAC
      '020000000002', // source of the frame
      ip,
      `${kind} 80 0000`, // router
      '00000000', // up to a multiple of 8 bytes
    ]
      .join('')
      .replaceAll(' ', ''),
    'hex',
  )

test('a record is read field by field', () => {
  const arp = record('00000000 00000000 0000ffff cb007107', 'c0000201 00000000 00000000 00000000', '02')
  assert.equal(arp.length, VXLAN_RECORD_BYTES)
  const claim = { at: 1000, vni: 10_100, mac: '02:00:00:00:00:01', etherSource: '02:00:00:00:00:02', router: true }
  assert.deepEqual(decodeVxlanRecord(arp, 0), { ...claim, kind: 'arp-reply', vtep: '203.0.113.7', ip: '192.0.2.1' })
  const na = record('20010db8 00ff0000 00000000 00000007', '20010db8 00000000 00000000 00000001', '03')
  const both = Buffer.concat([arp, na])
  assert.deepEqual(decodeVxlanRecord(both, VXLAN_RECORD_BYTES), {
    ...{ ...claim, kind: 'na', vtep: '2001:db8:ff::7', ip: '2001:db8::1' },
  })
})

test('a record of unknown kind is refused', () => {
  const address = '00'.repeat(16)
  for (const kind of ['00', '08', 'ff'])
    assert.throws(() => decodeVxlanRecord(record(address, address, kind), 0), /snoop record of unknown kind/)
})

const WATCH: WatchVxlan = {
  interfaces: ['eth0'],
  udpPorts: [4789, 8472],
  vnis: [],
  sources: [],
  destinations: [],
  repeatIntervalMs: 0,
  rate: { perSecond: 0, burst: 0 },
  totalRate: { perSecond: 50, burst: 100 },
  asker: '02:00:00:00:00:09',
}

test('the configuration is as struct vxlan_config has it', () => {
  const numbers = (config: Buffer) => [...new BigUint64Array(Uint8Array.from(config.subarray(0, 16)).buffer)]
  const config = encodeVxlanConfig(WATCH)
  assert.deepEqual(numbers(config), [20_000_000n, 2_000_000_000n])
  const ports = ['12b5', '2118', ...Array<string>(6).fill('12b5')].join('')
  assert.equal(config.toString('hex', 16), `${ports}02000000000901` + '00')
  const nobody = encodeVxlanConfig({ ...WATCH, totalRate: { perSecond: 0, burst: 9 }, asker: undefined })
  assert.deepEqual(numbers(nobody), [0n, 0n])
  assert.equal(nobody.toString('hex', 32), '00'.repeat(8))
})

test('keys of the filters: VNI, mapped address, and a prefix behind its family', () => {
  assert.equal(encodeVni(0x010203).toString('hex'), '00010203')
  assert.equal(encodeDestination('203.0.113.1').toString('hex'), '00'.repeat(10) + 'ffff' + 'cb007101')
  assert.equal(encodeDestination('2001:db8::1').toString('hex'), '20010db8' + '00'.repeat(11) + '01')
  const source = (ip: string, length: number) => {
    const key = encodeSource({ ip, length })
    return [new Uint32Array(Uint8Array.from(key).buffer)[0], key.toString('hex', 4)]
  }
  assert.deepEqual(source('203.0.113.0', 24), [56, '00000004' + 'cb007100' + '00'.repeat(12)])
  assert.deepEqual(source('::', 0), [32, '00000006' + '00'.repeat(16)])
})
