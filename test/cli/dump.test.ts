import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { overlay as proto } from '../../src/gen/overlay.js'
import { CaptureWriter } from '../../src/record/pcapng/zapi-capture.js'
import { encodeGap, type ExchangeRecord, RecordKind } from '../../src/record/zapi-records.js'
import { MACIPCTL } from '../../lab/programs.js'
import { run, tempDir } from '../support.js'
import { macipctl, macipctlOnTerminal } from '../../lab/in-process.js'
import { frame, hex, macIpAdd, macIpDel, NUMBERS, OPENINGS, vniAdd } from '../zapi/build.js'

const N = NUMBERS['8.4']
const { hello, capabilities } = OPENINGS['8.4']
const MAC = 'bc:24:11:00:00:01'
const OTHER_MAC = 'bc:24:11:00:00:02'
const ENTRY = proto.Entry.encode({
  key: { vni: 100, mac: hex(MAC), ip: Buffer.from([10, 2, 1, 11]) },
  port: 'tap1',
  vlan: 7,
}).finish()
/** 2026-11-21 04:04:23 UTC */
const START = 1_795_233_863_000

/** A conversation, one record each millisecond. */
const RECORDS = (
  [
    [RecordKind.opened, 1, Buffer.alloc(0)],
    [RecordKind.toZebra, 1, hello],
    [RecordKind.toZebra, 1, frame(N.ROUTE_ADD, Buffer.alloc(0))],
    [RecordKind.toBgpd, 1, capabilities],
    [RecordKind.toBgpd, 1, vniAdd(N)],
    [RecordKind.toBgpd, 1, macIpAdd(N, MAC, '')],
    [RecordKind.overlayPut, 0, Buffer.from(ENTRY)],
    [RecordKind.injected, 1, macIpAdd(N, MAC, '0a02010b')],
    [RecordKind.dropped, 1, macIpDel(N, MAC, '0a02010b')],
    [RecordKind.toBgpd, 1, macIpAdd(N, OTHER_MAC, '')],
    [RecordKind.gap, 1, encodeGap({ lost: 3, inParts: 1 })],
    [RecordKind.toBgpd, 1, frame(250, Buffer.from('\u001b[31m'))],
    [RecordKind.closed, 1, Buffer.alloc(0)],
  ] as const
).map(([kind, session, bytes], index): ExchangeRecord => ({ kind, time: START + index, session, bytes }))

function captureOf(t: TestContext, records: readonly ExchangeRecord[] = RECORDS): string {
  const writer = new CaptureWriter()
  const file = join(tempDir(t), 'in.pcapng')
  writeFileSync(file, Buffer.concat([writer.begin('test'), ...records.map((record) => writer.packet(record, ''))]))
  return file
}

const dump = (...args: string[]): ReturnType<typeof macipctl> => macipctl('zapi', 'dump', ...args)

type Shown = { type: string; command?: string; mark?: string; session?: number; release?: string; hex?: string }

async function shown(file: string, ...args: string[]): Promise<Shown[]> {
  const { code, stdout, stderr } = await dump('--read', file, '--json', ...args)
  assert.deepEqual([code, stderr], [0, ''])
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Shown)
}
const name = ({ type, command }: Shown): string => command?.replace('ZEBRA_', '') ?? type

suite('macipctl zapi dump', () => {
  test('one line for each message, aligned, marks in words, no colour in a pipe', async (t) => {
    const { code, stdout } = await run('env', [
      'TZ=UTC',
      process.execPath,
      MACIPCTL,
      'zapi',
      'dump',
      '-r',
      captureOf(t),
    ])
    assert.equal(code, 0)
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines[0], '2026-11-21')
    for (const expected of [
      '04:04:23.000000 1 main . bgpd   session opened',
      '04:04:23.004000 1 main ← zebra  VNI_ADD           vni 100 vtep 192.0.2.1',
      '04:04:23.006000        + macipd overlay put       vni 100 mac bc:24:11:00:00:01 ip 10.2.1.11 port tap1 vlan 7',
      '04:04:23.007000 1 main ← MACIPD MACIP_ADD         INJECTED vni 100 mac bc:24:11:00:00:01 ip 10.2.1.11',
      '04:04:23.008000 1 main ✗ zebra  MACIP_DEL         DROPPED vni 100 mac bc:24:11:00:00:01 ip 10.2.1.11',
      '04:04:23.010000 1 main ? gap    3 records lost: this dump was read too slowly; 1 message passed in parts',
      '04:04:23.012000 1 main . bgpd   session closed',
    ]) {
      assert.ok(
        lines.some((line) => line.startsWith(expected)),
        `${expected}\n${stdout}`,
      )
    }
    assert.ok(!stdout.includes('\u001b'))
  })

  test('on a terminal: colours, unless they are not wanted, and lines that fit', async (t) => {
    const file = captureOf(t)
    for (const [env, coloured] of [
      [{}, true],
      [{ NO_COLOR: '1' }, false],
    ] as const) {
      const { code, stdout } = await macipctlOnTerminal(90, env, 'zapi', 'dump', '--read', file)
      assert.equal(code, 0)
      assert.equal(stdout.includes('\u001b'), coloured)
      const lines = stripVTControlCharacters(stdout).trimEnd().split('\n')
      assert.ok(lines.every((line) => line.length <= 90))
      assert.ok(
        lines.some((line) => /^ {20,}\S/.test(line)),
        'a line is folded',
      )
    }
  })

  test('--json has the documented names', async (t) => {
    const all = await shown(captureOf(t), '--hex')
    assert.deepEqual(
      all.map(({ type }) => type),
      [
        'opened',
        ...new Array<string>(5).fill('message'),
        'overlay-put',
        ...new Array<string>(3).fill('message'),
        'gap',
        'message',
        'closed',
      ],
    )
    const injected = all.find(({ mark }) => mark === 'injected')
    assert.deepEqual(
      Object.keys(injected ?? {}).join(' '),
      'type time session kind direction mark release command number family vrf length fields summary undecoded hex',
    )
    assert.deepEqual(injected, {
      type: 'message',
      time: START + 7,
      session: 1,
      kind: 'main',
      direction: 'to-bgpd',
      mark: 'injected',
      release: '8.4',
      command: 'ZEBRA_MACIP_ADD',
      number: N.MACIP_ADD,
      family: 'macip',
      vrf: 0,
      length: macIpAdd(N, MAC, '0a02010b').length,
      fields: { vni: 100, mac: MAC, ip: '10.2.1.11', flags: [], seq: 0 },
      summary: 'vni 100 mac bc:24:11:00:00:01 ip 10.2.1.11 seq 0',
      undecoded: null,
      hex: macIpAdd(N, MAC, '0a02010b').toString('hex'),
    })
    const [put, gap] = ['overlay-put', 'gap'].map((type) => all.find((each) => each.type === type))
    assert.deepEqual(
      Object.keys((put as unknown as { fields: object }).fields)
        .sort()
        .join(' '),
      'firstSeen ip lastSeen mac minSeq observe port router vlan vni',
    )
    assert.deepEqual(gap, { type: 'gap', time: START + 10, session: 1, lost: 3, inParts: 1 })
  })

  const GAP = 'gap'
  const FILTERS: [args: string[], expected: string[]][] = [
    [
      ['--direction', 'to-zebra'],
      ['HELLO', 'ROUTE_ADD', GAP],
    ],
    [
      ['--command', 'zebra_macip_del,VNI_ADD'],
      ['VNI_ADD', 'MACIP_DEL', GAP],
    ],
    [
      ['--family', 'vni'],
      ['VNI_ADD', GAP],
    ],
    [
      ['--ip', '10.2.1.11'],
      ['overlay-put', 'MACIP_ADD', 'MACIP_DEL', GAP],
    ],
    [
      ['--mac', OTHER_MAC.toUpperCase()],
      ['MACIP_ADD', GAP],
    ],
    [
      ['--vni', '100', '--mac', MAC, '--direction', 'to-bgpd'],
      ['MACIP_ADD', 'MACIP_ADD', 'MACIP_DEL', GAP],
    ],
    [['--vni', '101'], [GAP]],
    [['--vrf', '1'], [GAP]],
    [['--session', 'vnc'], [GAP]],
    [['--session', '2'], [GAP]],
    [
      ['--last', '2'],
      ['command 250', 'closed'],
    ],
    [
      ['--last', '2', '--command', 'MACIP_ADD,MACIP_DEL'],
      ['MACIP_ADD', GAP],
    ],
    [['--last', '0'], []],
  ]
  for (const [args, expected] of FILTERS) {
    test(`filters: ${args.join(' ')}`, async (t) => {
      assert.deepEqual((await shown(captureOf(t), ...args)).map(name), expected)
    })
  }

  test('--session main, by number, and its number agree', async (t) => {
    const file = captureOf(t)
    const [byKind, byNumber] = [await shown(file, '--session', 'main'), await shown(file, '--session', '1')]
    assert.deepEqual(byKind, byNumber)
    assert.equal(byKind.length, RECORDS.length - 1)
  })

  test('what bgpd says before zebra’s CAPABILITIES is decoded with what these tell', async (t) => {
    const [first, second] = (await shown(captureOf(t))).filter(({ type }) => type === 'message')
    assert.deepEqual([first?.release, second?.release], ['8.4', '8.4'])
  })

  test('--frr-release decodes as another release', async (t) => {
    const all = await shown(captureOf(t), '--frr-release', '10.7')
    assert.ok(all.filter(({ type }) => type === 'message').every(({ release }) => release === '10.7'))
  })

  test('--verbose and --hex show every field and byte', async (t) => {
    const { stdout } = await dump('-r', captureOf(t), '--verbose', '--hex', '--command', 'VNI_ADD')
    assert.match(stdout, /^ +vni: 100$/m)
    assert.match(stdout, /^ +0000 {2}00 [0-9a-f ]+ {2,}\S+$/m)
  })

  test('--time delta counts from the line before', async (t) => {
    const { stdout } = await dump('-r', captureOf(t), '--time', 'delta', '--command', 'MACIP_ADD')
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(' ')[0]),
      ['0.000000', '0.002000', '0.002000', '0.001000'],
    )
  })

  test('what control characters a message has reaches no terminal', async (t) => {
    const { stdout } = await dump('-r', captureOf(t), '-v')
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(stdout))
  })
})

suite('--write', () => {
  test('writes back exactly what was read', async (t) => {
    const [file, copy] = [captureOf(t), join(tempDir(t), 'copy.pcapng')]
    const { code, stdout, stderr } = await dump('--read', file, '--write', copy)
    assert.deepEqual([code, stdout, stderr], [0, '', `macipctl: ${RECORDS.length} records written to ${copy}\n`])
    assert.deepEqual(await shown(copy, '--hex'), await shown(file, '--hex'))
  })

  test('of a part of a session, the file still tells how it began', async (t) => {
    const [file, copy] = [captureOf(t), join(tempDir(t), 'copy.pcapng')]
    await dump('--read', file, '--write', copy, '--command', 'MACIP_ADD')
    const args = ['--hex', '--command', 'MACIP_ADD']
    assert.deepEqual(await shown(copy, ...args), await shown(file, ...args))
  })

  test('the decoding is in the comments', async (t) => {
    const copy = join(tempDir(t), 'copy.pcapng')
    await dump('--read', captureOf(t), '--write', copy)
    const bytes = readFileSync(copy)
    assert.ok(bytes.includes('1 main ← MACIPD MACIP_ADD         INJECTED vni 100'))
    assert.ok(bytes.includes('1 main ✗ zebra  MACIP_DEL         DROPPED vni 100'))
  })

  test('- is standard output, and standard input for --read', async (t) => {
    const [file, copy] = [captureOf(t), join(tempDir(t), 'copy.pcapng')]
    const pipe = `"$0" "$1" zapi dump -r "$2" -w - | tee "$3" | "$0" "$1" zapi dump -r - --json`
    const { code, stdout } = await run('sh', ['-c', pipe, process.execPath, MACIPCTL, file, copy])
    assert.equal(code, 0)
    assert.equal(stdout.trimEnd().split('\n').length, RECORDS.length)
    assert.equal((await shown(copy)).length, RECORDS.length)
  })
})

suite('what cannot be done is said in one line', () => {
  const WRONG: [args: string[], message: RegExp][] = [
    [['--follow', '--read', 'x'], /'-f, --follow' cannot be used with option '-r, --read <file>'/],
    [['--json', '--write', 'x'], /'--json' cannot be used with option '-w, --write <file>'/],
    [['--json', '--verbose'], /cannot be used with option/],
    [['--last', '-1'], /Expected a number, or 'all'/],
    [['--session', 'first'], /Expected a number, main, vnc or synchronous/],
    [['--direction', 'up'], /Allowed choices are to-zebra, to-bgpd/],
    [['--command', 'MACIP_ADD,NO_SUCH'], /No FRR release has the command ZEBRA_NO_SUCH/],
    [['--family', 'none'], /Known are session, /],
    [['--mac', '1.2.3.4'], /Expected a MAC address/],
    [['--ip', MAC], /Expected an IP address/],
    [['--prefix', '10.0.0.0/33'], /Expected a prefix/],
    [['--vni', '0'], /Expected a number from 1 to 16777215/],
    [['--frr-release', '7.5'], /Known are 8.4, /],
    [['--read', '/nonexistent'], /\/nonexistent cannot be read: ENOENT/],
    [['--read', '/proc/self/cmdline'], /cannot be read: at byte 0: this is not a pcapng file/],
    [['--read', '/proc/self/cmdline', '--write', '/proc/self/cmdline'], /cannot be read and written at the same time/],
    [['--read', '/dev/null', '--write', '/nonexistent/x'], /\/nonexistent\/x cannot be written: ENOENT/],
  ]
  for (const [args, message] of WRONG) {
    test(`dump ${args.join(' ')}: exit code 2`, async () => {
      const { code, stdout, stderr } = await dump(...args)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, message)
      assert.match(stderr, /^macipctl: .*\n$/)
    })
  }

  test('no relay: exit code 7', async (t) => {
    const { code, stdout, stderr } = await dump('--relay', join(tempDir(t), 'none.sock'))
    assert.deepEqual([code, stdout], [7, ''])
    assert.match(stderr, /^macipctl: the relay does not answer at .*: there is no such socket\n$/)
  })

  test('zapi alone: its commands, exit code 2', async () => {
    const { code, stderr } = await macipctl('zapi')
    assert.equal(code, 2)
    assert.match(stderr, /^macipctl: a command is needed: dump/)
  })

  test('a file that ends inside a packet: what there is, and a remark', async (t) => {
    const file = captureOf(t)
    writeFileSync(file, readFileSync(file).subarray(0, -5))
    const { code, stdout, stderr } = await dump('--read', file, '--json')
    assert.equal(code, 0)
    assert.equal(stdout.trimEnd().split('\n').length, RECORDS.length - 1)
    assert.equal(stderr, `macipctl: ${file} ends inside a packet\n`)
  })
})
