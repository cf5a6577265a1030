import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { eachFrame } from '../../src/fpm/frame.js'
import {
  decodeFpmRecords,
  encodeFpmRecord,
  type FpmRecord,
  FpmRecordKind,
  lostRecord,
} from '../../src/record/fpm-records.js'
import { FpmCaptureReader, FpmCaptureWriter } from '../../src/record/pcapng/fpm-capture.js'
import { PcapngError } from '../../src/record/pcapng/reader.js'
import { MACIPCTL } from '../../lab/programs.js'
import { run, tempDir } from '../support.js'
import { macipctl } from '../../lab/in-process.js'
import { ROOT } from '../../lab/frr.js'

const framesOf = (recording: string): Buffer[] => [
  ...eachFrame(readFileSync(join(ROOT, `test/fixtures/fpm/10.3/${recording}.bin`))),
]
const FRAMES = framesOf('dplane_fpm_nl-first-1')
const MORE_FRAMES = framesOf('dplane_fpm_nl-first-2')
/** Of the old module, in both formats. */
const OLD_FRAMES = [...framesOf('fpm-first-1'), ...framesOf('fpm_protobuf-first-1')]
const MAC = 'bc:24:11:00:00:02'
/** 2026-11-21 04:04:23 UTC */
const START = 1_795_233_863_000
/** fpm.Message of type ADD_ROUTE without a route. */
const PROTOBUF = Buffer.from([1, 2, 0, 6, 8, 1])
const NOTHING = Buffer.alloc(0)

/** Three connections, one record each millisecond. */
const RECORDS: FpmRecord[] = [
  { kind: FpmRecordKind.opened, connection: 1, bytes: NOTHING },
  ...FRAMES.map((bytes) => ({ kind: FpmRecordKind.frame, connection: 1, bytes })),
  { kind: FpmRecordKind.live, connection: 1, bytes: NOTHING },
  { kind: FpmRecordKind.closed, connection: 1, bytes: NOTHING },
  { kind: FpmRecordKind.opened, connection: 2, bytes: NOTHING },
  ...MORE_FRAMES.map((bytes) => ({ kind: FpmRecordKind.frame, connection: 2, bytes })),
  { kind: FpmRecordKind.opened, connection: 3, bytes: NOTHING },
  { kind: FpmRecordKind.frame, connection: 3, bytes: PROTOBUF },
].map((record, index) => ({ ...record, time: START + index }))

function written(records: readonly FpmRecord[]): Buffer {
  const writer = new FpmCaptureWriter()
  return Buffer.concat([writer.begin('test'), ...records.map((record) => writer.packet(record, 'in our words'))])
}

function captureOf(t: TestContext, records: readonly FpmRecord[] = RECORDS): string {
  const file = join(tempDir(t), 'in.pcapng')
  writeFileSync(file, written(records))
  return file
}

function read(file: Buffer, piece = file.length): { records: FpmRecord[]; foreign: number } {
  const reader = new FpmCaptureReader()
  const records: FpmRecord[] = []
  for (let offset = 0; offset < file.length; offset += piece)
    records.push(...reader.feed(file.subarray(offset, offset + piece)))
  return { records, foreign: reader.foreign }
}

suite('records and captures', () => {
  test('records are read as they were written, up to the first that is none', () => {
    const bytes = Buffer.concat(RECORDS.map(encodeFpmRecord))
    assert.deepEqual([...decodeFpmRecords(bytes)], RECORDS)
    assert.equal([...decodeFpmRecords(bytes.subarray(0, -1))].length, RECORDS.length - 1)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => [...decodeFpmRecords(Buffer.from(any))].length >= 0),
    )
  })

  test('a capture gives back every record as it was, in whatever pieces it is read', () => {
    for (const piece of [1, 7, 100, 1e6])
      assert.deepEqual(read(written(RECORDS), piece), { records: RECORDS, foreign: 0 })
    const [, second, third] = RECORDS
    assert.ok(second && third)
    assert.deepEqual(
      read(written([second, lostRecord(3, START), third])).records.map(({ connection }) => connection),
      [1, 0, 1],
    )
  })

  test('whatever the bytes: records, or an error that names the place', () => {
    const file = written(RECORDS.slice(0, 8))
    const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
    const property = fc.property(damage, (changes) => {
      const bytes = Buffer.from(file)
      for (const [at, value] of changes) bytes[at] = value
      try {
        read(bytes, 50)
      } catch (error) {
        assert.ok(error instanceof PcapngError)
      }
    })
    fc.assert(property, { numRuns: 1000 })
  })
})

const dump = (...args: string[]): ReturnType<typeof macipctl> => macipctl('fpm', 'dump', ...args)

type Shown = { type: string; kind?: string; connection?: number; summary?: string; gone?: boolean; lost?: number }

async function shown(t: TestContext, ...args: string[]): Promise<Shown[]> {
  const { code, stdout, stderr } = await dump('--read', captureOf(t), '--json', ...args)
  assert.deepEqual([code, stderr], [0, ''])
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Shown)
}

suite('macipctl fpm dump', () => {
  test('one line for each message, aligned, no colour in a pipe', async (t) => {
    const argv = [process.execPath, MACIPCTL, 'fpm', 'dump', '-r', captureOf(t)]
    const { code, stdout } = await run('env', ['TZ=UTC', ...argv])
    assert.equal(code, 0)
    const lines = stdout.trimEnd().split('\n')
    assert.deepEqual(lines.slice(0, 2), ['2026-11-21', '04:04:23.000000 1   . zebra   connected: it tells everything'])
    const without = lines.map((line) => line.slice(16).replaceAll(/ (dev|nhid|id|metric) \d+/g, ' $1 N'))
    for (const expected of [
      '1   + nexthop id N via 192.0.2.2 dev N',
      '1   ~ route   203.0.113.7/32 table 254 static nhid N metric N',
      `1   + mac     ${MAC} vtep 192.0.2.2 vni 100 dev N`,
      `2   - mac     ${MAC} vtep 192.0.2.2 vni 100 dev N`,
      '1   . zebra   disconnected',
      '3   ! other   the message has no add_route: 0801',
    ])
      assert.ok(without.includes(expected), `${expected}\n${without.join('\n')}`)
    assert.ok(!stdout.includes('\u001b'))
  })

  const FILTERS: [args: string[], kinds: string[]][] = [
    [
      ['--type', 'mac'],
      ['mac', 'mac'],
    ],
    [[MAC.toUpperCase()], ['mac', 'mac']],
    [
      ['--vni', '100'],
      ['mac', 'mac'],
    ],
    [
      ['--family', 'bridge,mpls'],
      ['mac', 'mac'],
    ],
    [['--vni', '101'], []],
    [['--type', 'other'], ['malformed']],
    [['--type', 'mac', '--last', '1'], ['mac']],
    [['203.0.113.5', '--type', 'route', '--last', '1'], ['route']],
    [['203.0.113.0/24', '--table', '7'], []],
  ]
  for (const [args, kinds] of FILTERS) {
    test(`dump ${args.join(' ')}`, async (t) => {
      assert.deepEqual(
        (await shown(t, ...args)).map(({ kind }) => kind),
        kinds,
      )
    })
  }

  test('a deletion of the old module may be of any table; protobuf names the VRF', async (t) => {
    const records = OLD_FRAMES.map((bytes, index) => {
      return { kind: FpmRecordKind.frame, connection: 1, bytes, time: START + index }
    })
    const file = captureOf(t, records)
    const gone = async (...args: string[]): Promise<(string | undefined)[]> => {
      const { stdout } = await dump('--read', file, '--json', '203.0.113.8', ...args)
      const all = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Shown)
      return all.filter((message) => message.gone).map(({ summary }) => summary)
    }
    assert.deepEqual(await gone(), ['203.0.113.8/32 table unknown', '203.0.113.8/32 vrf 0'])
    assert.deepEqual(await gone('--table', '254'), ['203.0.113.8/32 table unknown'])
  })

  test('a prefix shows what is inside it, an IP also what leads there', async (t) => {
    const inside = await shown(t, '203.0.113.0/24')
    assert.ok(inside.length > 3)
    assert.ok(inside.every(({ kind, summary }) => kind === 'route' && summary?.startsWith('203.0.113.')))
    const towards = new Set((await shown(t, '192.0.2.2')).map(({ kind }) => kind))
    assert.deepEqual(towards, new Set(['nexthop', 'mac', 'route']))
  })

  test('--json has the documented names', async (t) => {
    const all = await shown(t, '--hex')
    const mac = all.find(({ kind }) => kind === 'mac')
    assert.equal(Object.keys(mac ?? {}).join(' '), 'type time connection format kind gone replace fields summary hex')
    assert.deepEqual(Object.keys(all[0] ?? {}), ['type', 'time', 'connection'])
    const { fields } = mac as unknown as { fields: { mac: string; dst: string; vlan: null } }
    assert.deepEqual([fields.mac, fields.dst, fields.vlan], [MAC, '192.0.2.2', null])
  })

  test('--verbose shows the fields, without those that say nothing', async (t) => {
    const { stdout } = await dump('-r', captureOf(t), '--type', 'mac', '--last', '1', '--verbose', '--hex')
    assert.match(stdout, /\n {4}srcVni: 100\n/)
    assert.doesNotMatch(stdout, /vlan/)
    assert.match(stdout, /\n {4}0000 {2}01 01 /)
  })

  test('what was written is written again the same', async (t) => {
    const [from, to] = [captureOf(t), join(tempDir(t), 'out.pcapng')]
    const { code, stderr } = await dump('-r', from, '-w', to)
    assert.deepEqual([code, stderr], [0, `macipctl: ${RECORDS.length} records written to ${to}\n`])
    assert.deepEqual(read(readFileSync(to)).records, RECORDS)
  })

  test('what cannot be asked for is refused', async (t) => {
    for (const [args, why] of [
      [['--type', 'arp'], /Known are route, nexthop, mac, mpls, other/],
      [['10.0.0.0/33'], /Expected a MAC address, an IP address, or a prefix/],
      [['--json', '--write', 'x'], /cannot be used with/],
      [['--read', join(tempDir(t), 'none')], /cannot be read: ENOENT/],
    ] as const) {
      const { code, stderr } = await dump(...args)
      assert.equal(code, 2)
      assert.match(stderr, why)
    }
  })
})

test('tshark takes every netlink frame for netlink, finds nothing malformed, and shows our comment', async (t) => {
  const fields = ['netlink-route.nltype', 'netlink.hdr_len', 'frame.comment', '_ws.malformed'].flatMap((name) => [
    '-e',
    name,
  ])
  const { code, stdout, stderr } = await run('tshark', ['-r', captureOf(t), '-Y', 'netlink', '-T', 'fields', ...fields])
  assert.equal(code, 0, stderr)
  const lines = stdout.replace(/\n$/, '').split('\n')
  const expected = [...FRAMES, ...MORE_FRAMES].map((frame) => {
    const types: number[] = []
    const lengths: number[] = []
    for (let at = 4; at < frame.length; at += (frame.readUInt32LE(at) + 3) & ~3) {
      lengths.push(frame.readUInt32LE(at))
      types.push(frame.readUInt16LE(at + 4))
    }
    return [types.join(), lengths.join(), 'in our words', ''].join('\t')
  })
  assert.deepEqual(lines, expected)
})
