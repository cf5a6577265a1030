import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import type { Input } from '../../src/bindings/input.js'
import { step } from '../../src/bindings/step.js'
import { Table } from '../../src/bindings/table.js'
import type { KeeperReport } from '../../src/control/keeper-report.js'
import type { snoop as proto } from '../../src/gen/snoop.js'
import { monotonicMs } from '../../src/base/clock.js'
import { listenSnoopControl } from '../../src/snoop/control.js'
import { counters } from '../../src/control/snoop-codec.js'
import { countStates } from '../../src/snoop/status.js'
import { silent, spawnMacipctl, tempDir } from '../support.js'
import { macipctl, type Result } from '../../lab/in-process.js'
import { evidence, TAP2, VM1, VM2 } from '../bindings/build.js'
import { FakeRelay } from '../snoop/fake-relay.js'
import { subject } from '../snoop/subject.js'

type Run = (...args: string[]) => Promise<Result>
/** `spawned` asks as `ctl` does, as a process of its own. */
type Scene = { relay: string; snoop: string; ctl: Run; spawned: Run }

function scene(t: TestContext): Scene {
  const dir = tempDir(t)
  const [relay, snoop] = [join(dir, 'relay.sock'), join(dir, 'snoop.sock')]
  const sockets = ['--relay', relay, '--snoop', snoop]
  return {
    relay,
    snoop,
    ctl: (...args) => macipctl(...args, ...sockets),
    spawned: (...args) => spawnMacipctl(...args, ...sockets),
  }
}

const MAIN = {
  id: 1,
  kind: 'main',
  client: 'bgp/0/0',
  inSync: true,
  bytesToBgpd: 1_500_000,
  bytesToZebra: 900,
  injected: 2,
}

async function withRelay(t: TestContext, path: string): Promise<FakeRelay> {
  const relay = await FakeRelay.listen(t, path)
  relay.status = {
    version: '0.1.0',
    keeperPid: 41,
    workerPid: 42,
    workerStarts: 1,
    since: Date.now() - 3_700_000,
    release: '10.3',
    releaseReason: 'HELLO and CAPABILITIES',
    injecting: true,
    sessions: [MAIN],
    vnis: 1,
    overlayEntries: 2,
    announced: 2,
    snooperConnected: true,
    staleMs: 300_000,
    counters: [{ name: 'protocolErrors', value: 0 }],
  }
  return relay
}

/** A keeper that all is well with, in the run directory of a relay. */
async function withKeeper(t: TestContext, relay: string): Promise<void> {
  const report: KeeperReport = {
    ...{ version: '0.1.0', pid: 41, since: Date.now() - 3_700_000, connections: 1 },
    ...{ listen: '/run/macipd/zserv.api', zebra: '/run/frr/zserv.api', runDir: dirname(relay) },
    worker: { state: 'serving', pid: 42, starts: 1, lastEnd: null },
    ...{ plain: null, isAlone: true, runDirFull: false, descriptorsLeft: null },
  }
  const server = createServer((socket) => socket.end(`${JSON.stringify(report)}\n`))
  server.listen(join(dirname(relay), 'keeper.sock'))
  await once(server, 'listening')
  t.after(() => server.close())
}

/** A snooper with three bindings: active, pending, and one in another VNI. */
async function withSnooper(t: TestContext, path: string, changes: proto.SnoopStatus.$Properties = {}): Promise<void> {
  const table = new Table()
  const send = (event: Input): void => {
    step(table, event, DEFAULT_POLICY, monotonicMs())
  }
  send({ type: 'relay', connected: true })
  send(evidence({ ip: '10.0.0.9' }))
  send(evidence({ ip: '10.0.0.10', mac: VM2, anchor: { ...TAP2, vlan: 7 } }))
  send(evidence({ ip: '2001:db8::1', kind: 'na', router: true, vni: 200 }))
  for (const [vni, mac, ip] of [
    [100, VM1, '10.0.0.9'],
    [200, VM1, '2001:db8::1'],
  ] as const) {
    send({ type: 'report', key: { vni, mac, ip }, status: 'announced', seq: 3 })
  }
  send({ type: 'report', key: { vni: 100, mac: VM2, ip: '10.0.0.10' }, status: 'mac-not-local', seq: 0 })
  const status = (): proto.SnoopStatus.$Properties => ({
    version: '0.1.0',
    pid: 43,
    since: Date.now() - 12.5 * 60_000,
    relayConnected: true,
    bindings: table.size,
    ...countStates(table, DEFAULT_POLICY),
    ports: [{ name: 'tap1', bridge: 'br0', up: true, attached: 'tcx', bindings: 2 }],
    frames: counters({ passed: 3, repeated: 0 }),
    refused: counters(table.refused),
    withdrawn: counters(table.withdrawn),
    ...changes,
  })
  const server = await listenSnoopControl(path, subject({ table }), status, silent)
  t.after(() => server.close())
}

/** Each run of spaces as one, and seconds, which depend on how busy the machine is, as N. */
const lines = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/ +/g, ' ')
        .replaceAll(/\b\d+ s\b/g, 'N s')
        .trim(),
    )

test('nothing runs: both are named, exit code 7', async (t) => {
  const { ctl, relay, snoop } = scene(t)
  const status = await ctl('status')
  assert.equal(status.code, 7)
  assert.match(status.stdout, /NOT OK: 2 problems/)
  assert.equal(status.stderr, `macipctl: neither the relay (${relay}) nor the snooper (${snoop}) answers\n`)
  const bindings = await ctl('bindings')
  assert.deepEqual([bindings.code, bindings.stdout], [7, ''])
})

test('status with both: all is well, first of all', async (t) => {
  const { spawned, relay, snoop } = scene(t)
  const esi = Buffer.from('03444839ffff01000001', 'hex')
  const segments = [{ esi, vnis: [100, 200], macs: 3, heard: 2, proxied: 1, synced: 4 }]
  Object.assign((await withRelay(t, relay)).status, { segments })
  await withKeeper(t, relay)
  await withSnooper(t, snoop)
  const { code, stdout, stderr } = await spawned('status')
  assert.deepEqual([code, stderr], [0, ''])
  const shown = lines(stdout)
  assert.equal(shown[0], 'OK')
  for (const line of [
    'RELAY running for 1 h, version 0.1.0',
    'FRR release 10.3 (HELLO and CAPABILITIES)',
    'announced 2 of 2 MAC-IPs learned here',
    'ETHERNET SEGMENT VNIS MACS HEARD PROXIED SYNCED',
    '03:44:48:39:ff:ff:01:00:00:01 100 200 3 2 1 4',
    'SNOOPER running for 12 min, version 0.1.0',
    'bindings 3: 2 active, 1 pending',
    'why 2 announced, 1 mac-not-local',
    'tap1 br0 up tcx 2 0',
  ]) {
    assert.ok(shown.includes(line), `${line}\n${stdout}`)
  }
  assert.ok(!stdout.includes('\u001b'), 'no colours in a pipe')
})

test('status of one half: the other is shown as missing, exit code 10', async (t) => {
  const { ctl, relay, snoop } = scene(t)
  await withSnooper(t, snoop, { relayConnected: false, relay })
  const { code, stdout, stderr } = await ctl('status')
  assert.deepEqual([code, stderr], [10, 'macipctl: 2 problems\n'])
  const shown = lines(stdout)
  assert.equal(shown[0], 'NOT OK: 2 problems')
  assert.ok(shown.includes(`! the relay does not answer at ${relay}: there is no such socket`))
  assert.ok(shown.includes(`! the snooper has no relay at ${relay}`))
  assert.ok(shown.includes('RELAY not running'))
  assert.ok(shown.includes('SNOOPER running for 12 min, version 0.1.0'))
})

test('zebra’s FPM connection counts in status when it begins, not when its peer is known', async (t) => {
  const { ctl, snoop } = scene(t)
  const fpm = { listening: ['127.0.0.1:2620'], peer: '127.0.0.1:9', phase: 'disconnected' }
  await withSnooper(t, snoop, { fpm })
  const { stdout } = await ctl('status')
  assert.ok(lines(stdout).includes('FPM zebra is not connected; listening on 127.0.0.1:2620'), stdout)
})

test('status --json has the documented names', async (t) => {
  const { ctl, relay, snoop } = scene(t)
  await withRelay(t, relay)
  await withKeeper(t, relay)
  await withSnooper(t, snoop)
  const { stdout } = await ctl('status', '--json')
  const report = JSON.parse(stdout) as Record<string, Record<string, unknown>>
  assert.deepEqual(Object.keys(report), ['healthy', 'findings', 'keeper', 'relay', 'snooper'])
  assert.equal(report['healthy'], true)
  assert.equal(report['relay']?.['running'], true)
  assert.equal(report['relay']['release'], '10.3')
  assert.deepEqual(report['relay']['counters'], { protocolErrors: 0 })
  assert.deepEqual(report['snooper']?.['states'], { active: 2, pending: 1 })
  assert.equal((report['snooper']['refused'] as Record<string, number>)['no-vni'], 0)
})

test('bindings: one line each, by VNI and address', async (t) => {
  const { spawned, snoop } = scene(t)
  await withSnooper(t, snoop)
  const { code, stdout } = await spawned('bindings')
  assert.equal(code, 0)
  assert.deepEqual(lines(stdout), [
    'VNI IP MAC PORT VLAN STATE WHY SEQ SEEN KNOWN BY',
    `100 10.0.0.9 ${VM1} tap1 active announced 3 N s N s arp-request`,
    `100 10.0.0.10 ${VM2} tap2 7 pending mac-not-local 0 N s N s arp-request`,
    `200 2001:db8::1 ${VM1} tap1 active announced 3 N s N s na, router`,
  ])
})

const FILTERS: [args: string[], ips: string[]][] = [
  [['--port', 'tap2'], ['10.0.0.10']],
  [['--vni', '200'], ['2001:db8::1']],
  [['--state', 'pending'], ['10.0.0.10']],
  [['10.0.0.9'], ['10.0.0.9']],
  [['2001:DB8:0::1'], ['2001:db8::1']],
  [[VM1.toUpperCase()], ['10.0.0.9', '2001:db8::1']],
  [[VM1, '--vni', '100'], ['10.0.0.9']],
  [['10.0.0.77'], []],
]
for (const [args, ips] of FILTERS) {
  test(`bindings ${args.join(' ')}`, async (t) => {
    const { ctl, snoop } = scene(t)
    await withSnooper(t, snoop)
    const { code, stdout } = await ctl('bindings', '--json', ...args)
    assert.equal(code, 0)
    const { source, bindings } = JSON.parse(stdout) as { source: string; bindings: { ip: string }[] }
    assert.equal(source, 'snooper')
    assert.deepEqual(
      bindings.map(({ ip }) => ip),
      ips,
    )
  })
}

test('bindings without a snooper: what the relay holds', async (t) => {
  const { ctl, relay, snoop } = scene(t)
  const fake = await withRelay(t, relay)
  fake.hold(
    { vni: 100, mac: VM1, ip: '10.0.0.1' },
    { port: 'tap1', firstSeen: Date.now() - 90_000, lastSeen: Date.now() },
  )
  const { code, stdout, stderr } = await ctl('bindings')
  assert.equal(code, 0)
  assert.equal(lines(stdout)[1], `100 10.0.0.1 ${VM1} tap1 active announced 7 N s 1 min`)
  assert.equal(stderr, `macipctl: no snooper at ${snoop}: there is no such socket; these are the relay's entries\n`)
})

const WRONG: [args: string[], message: RegExp][] = [
  [
    [],
    /a command is needed: status, doctor, bindings, explain, events, clear, show, check, metrics, hook, zapi, fpm or completion/,
  ],
  [['bindings', '10.0.0.256'], /Expected an IP address or a MAC address/],
  [['bindings', 'bc:24:11'], /Expected an IP address or a MAC address/],
  [['bindings', '--vni', '16777216'], /Expected a number from 1 to 16777215/],
  [
    ['bindings', '--state', 'lost'],
    /Allowed choices are pending, active, probing, contested, claiming, duplicate, remote, shadowed/,
  ],
  [['status', '--verbose'], /unknown option '--verbose'/],
]
for (const [args, message] of WRONG) {
  test(`macipctl ${args.join(' ')}: one line, exit code 2`, async () => {
    const { code, stdout, stderr } = await macipctl(...args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
    assert.match(stderr, /^macipctl: .*\n$/)
  })
}

test('a socket on which something else answers is not taken for the snooper', async (t) => {
  const { ctl, relay, snoop } = scene(t)
  await withRelay(t, relay)
  await FakeRelay.listen(t, snoop)
  chmodSync(snoop, 0o660)
  const { code, stdout } = await ctl('status')
  assert.equal(code, 10)
  assert.match(stdout, /the snooper does not answer/)
})

test('--version says what it says with all commands loaded', async () => {
  for (const option of ['-V', '--version']) assert.deepEqual(await spawnMacipctl(option), await macipctl(option))
})
