// `macipctl events`, `explain` and `clear` as a user runs them, against the snooper's control socket.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import type { Event } from '../../src/bindings/event.js'
import { step } from '../../src/bindings/step.js'
import { monotonicMs } from '../../src/base/clock.js'
import { type ClearRequest, listenSnoopControl } from '../../src/snoop/control.js'
import { MACIPCTL } from '../../lab/programs.js'
import { silent, spawnMacipctl, tempDir } from '../support.js'
import { macipctl, type Result } from '../../lab/in-process.js'
import { evidence, VM1, VM2 } from '../bindings/build.js'
import { FakeRelay } from '../snoop/fake-relay.js'
import { subject } from '../snoop/subject.js'

type Scene = {
  relay: string
  snoop: string
  args: readonly string[]
  ctl: (...args: string[]) => Promise<Result>
  note: (changes: Partial<Event> & { ip?: string; mac?: string; vni?: number }) => void
  cleared: ClearRequest[]
  close: () => Promise<void>
}

/** A snooper that knows 10.0.0.1, clears what it is asked to, and remembers four events. */
async function scene(t: TestContext): Promise<Scene> {
  const dir = tempDir(t)
  const [relay, snoop] = [join(dir, 'relay.sock'), join(dir, 'snoop.sock')]
  const it = subject()
  const note: Scene['note'] = ({ ip = '10.0.0.1', mac = VM1, vni = 100, ...changes }) => {
    const key = { vni, mac, ip }
    it.history.add({ event: 'learned', key, port: 'tap1', detail: '', ...changes }, monotonicMs())
  }
  const clear = (request: ClearRequest): number => {
    if (request.ip === '10.0.0.77') return 0
    note({ event: request.what === 'duplicate' ? 'released' : 'withdrawn' })
    return it.clear(request)
  }
  step(it.table, { type: 'relay', connected: true }, DEFAULT_POLICY, monotonicMs())
  step(it.table, evidence({}), DEFAULT_POLICY, monotonicMs())
  const report = { type: 'report', key: { vni: 100, mac: VM1, ip: '10.0.0.1' }, status: 'announced', seq: 7 } as const
  step(it.table, report, DEFAULT_POLICY, monotonicMs())
  note({})
  note({ event: 'contested', detail: `${VM2} tap2` })
  note({ ip: '2001:db8::1', vni: 200, event: 'withdrawn', detail: 'aged' })
  note({ ip: '10.0.0.66', mac: VM2, vni: 0, event: 'refused', detail: 'no-vni' })
  const status = () => ({ version: '0.1.0', frames: [{ name: 'arp-probe', value: 2 }] })
  const server = await listenSnoopControl(snoop, { ...it, clear }, status, silent)
  const close = async (): Promise<void> => server.close()
  t.after(close)
  const args = ['--relay', relay, '--snoop', snoop]
  return {
    relay,
    snoop,
    args,
    note,
    cleared: it.cleared,
    close,
    ctl: (...given) => macipctl(...given, '--snoop', snoop),
  }
}

/** Lines without their time, each run of spaces as one. */
const lines = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' ').replace(/^\d\d:\d\d:\d\d /, ''))

test('events: one line each, oldest first, with what they mean', async (t) => {
  const { ctl } = await scene(t)
  const { code, stdout, stderr } = await ctl('events')
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(lines(stdout), [
    `learned VNI 100 10.0.0.1 ${VM1} tap1 a host said that it has the address`,
    `contested VNI 100 10.0.0.1 ${VM1} tap1 another host claims the address, or zebra routes it to another VTEP; the owner is asked first (${VM2} tap2)`,
    `withdrawn VNI 200 2001:db8::1 ${VM1} tap1 no longer known here: aged, not seen for the configured age, and no probe was answered`,
    `refused no VNI 10.0.0.66 ${VM2} tap1 what a host said was not believed: no-vni, the port and VLAN belong to no VNI`,
  ])
})

const FILTERS: [args: string[], sequences: number[]][] = [
  [['10.0.0.1'], [0, 1]],
  [[VM2.toUpperCase()], [1, 3]],
  [['--vni', '200'], [2]],
  [
    ['--event', 'learned,refused'],
    [0, 3],
  ],
  [['--event', 'learned', '--event', 'withdrawn', '2001:db8:0::1'], [2]],
  [['--last', '1'], [3]],
  [['--last', '1', '10.0.0.1'], [1]],
  [
    ['--last', 'all'],
    [0, 1, 2, 3],
  ],
  [['10.9.9.9'], []],
]
for (const [args, sequences] of FILTERS) {
  test(`events ${args.join(' ')}`, async (t) => {
    const { ctl } = await scene(t)
    const { code, stdout, stderr } = await ctl('events', '--json', ...args)
    assert.deepEqual([code, stderr], [0, ''])
    const events = stdout.split('\n').filter(Boolean)
    assert.deepEqual(
      events.map((line) => (JSON.parse(line) as { sequence: number }).sequence),
      sequences,
    )
  })
}

test('events --json: the documented names on each line', async (t) => {
  const { ctl } = await scene(t)
  const { stdout } = await ctl('events', '--json', '--last', '1')
  const { time, ...event } = JSON.parse(stdout) as Record<string, unknown>
  assert.deepEqual(event, {
    ...{ type: 'event', sequence: 3, event: 'refused', vni: null, ip: '10.0.0.66', mac: VM2 },
    ...{ port: 'tap1', detail: 'no-vni' },
  })
  assert.ok(typeof time === 'number' && Math.abs(time - Date.now()) < 60_000)
})

test('events --follow: as they happen, until interrupted; the snooper’s end is an error', async (t) => {
  const { snoop, note, close } = await scene(t)
  for (const end of ['interrupted', 'snooper gone']) {
    const follow = [MACIPCTL, 'events', '--follow', '--last', '1', '--event', 'moved,learned', '--snoop', snoop]
    const child = spawn(process.execPath, follow, { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = once(child, 'exit')
    let errors = ''
    child.stderr.on('data', (chunk) => (errors += String(chunk)))
    const seen: string[] = []
    for await (const line of createInterface(child.stdout)) {
      seen.push(line)
      if (seen.length === 1) {
        note({ event: 'router' })
        note({ event: 'moved', detail: 'tap2' })
      } else if (end === 'interrupted') child.kill('SIGINT')
      else await close()
    }
    assert.match(seen.at(-1) ?? '', /moved .* the same host is behind another port or VLAN now \(tap2\)$/)
    assert.equal(seen.length, 2)
    assert.deepEqual(await ended, [end === 'interrupted' ? 0 : 7, null])
    assert.match(errors, end === 'interrupted' ? /^$/ : /^macipctl: the snooper at \S+ has closed the connection\n$/)
  }
})

test('explain: the verdict comes first; both processes are asked', async (t) => {
  const { relay, args } = await scene(t)
  const fake = await FakeRelay.listen(t, relay)
  fake.hold({ vni: 100, mac: VM1, ip: '10.0.0.1' })
  const { code, stdout, stderr } = await spawnMacipctl('explain', '10.0.0.1', ...args)
  assert.deepEqual([code, stderr], [0, ''])
  const shown = stdout.split('\n')
  assert.equal(shown[0], `10.0.0.1 (VNI 100) is advertised: macipd announces it to bgpd as ${VM1}, sequence number 7`)
  assert.match(stdout, /^ {2}Zebra {5}VNI 100 is not live/m)
  assert.match(stdout, /^ {2}History .* learned on tap1/m)
  assert.match(stdout, /^ {12}.* contested on tap1/m)
  assert.ok(!stdout.includes('\u001b'), 'no colours in a pipe')
})

test('explain --json has the documented names', async (t) => {
  const { args } = await scene(t)
  const { code, stdout } = await macipctl('explain', VM1, '--json', ...args)
  assert.equal(code, 0)
  const result = JSON.parse(stdout) as Record<string, unknown> & { subjects: Record<string, unknown>[] }
  const names = 'address vni subjects unknown events refusals policy hints'
  assert.deepEqual(Object.keys(result).sort(), names.split(' ').sort())
  const of = 'vni ip mac advertisedBy verdict todo state reason binding detail zebra remote synced events refusals'
  assert.deepEqual(Object.keys(result.subjects[0] ?? {}).sort(), of.split(' ').sort())
  assert.equal(result.subjects.length, 1)
})

test('explain of what nobody knows: why that may be, exit code 8', async (t) => {
  const { args, relay } = await scene(t)
  const unknown = await macipctl('explain', '10.0.0.77', '--vni', '100', ...args)
  assert.deepEqual([unknown.code, unknown.stderr], [8, 'macipctl: 10.0.0.77 is not known here\n'])
  assert.match(unknown.stdout, /^10\.0\.0\.77 \(VNI 100\) is not known here: no host on this node/)
  assert.match(unknown.stdout, /did not believe: 2 arp-probe/)
  assert.ok(unknown.stdout.includes(`the relay does not answer at ${relay}: there is no such socket`))
  const refused = await macipctl('explain', '10.0.0.66', '--vni', '100', ...args)
  assert.equal(refused.code, 8)
  assert.match(refused.stdout, /^10\.0\.0\.66 \(VNI 100\) is not learned: the port and VLAN belong to no VNI/)
})

test('explain without a snooper: what the relay has kept', async (t) => {
  const dir = tempDir(t)
  const [relay, snoop] = [join(dir, 'relay.sock'), join(dir, 'snoop.sock')]
  const fake = await FakeRelay.listen(t, relay)
  fake.hold({ vni: 100, mac: VM1, ip: '10.0.0.1' }, { port: 'tap1', lastSeen: Date.now() })
  const { code, stdout } = await macipctl('explain', '10.0.0.1', '--relay', relay, '--snoop', snoop)
  assert.equal(code, 0)
  assert.match(stdout, /^10\.0\.0\.1 \(VNI 100\) is advertised/)
  assert.ok(stdout.includes(`! the snooper does not answer at ${snoop}: there is no such socket`))
})

test('nothing runs: exit code 7', async (t) => {
  const dir = tempDir(t)
  const args = ['--snoop', join(dir, 'snoop.sock')]
  for (const command of [['events'], ['clear', 'duplicate'], ['explain', '10.0.0.1', '--relay', join(dir, 'r.sock')]]) {
    const { code, stdout, stderr } = await macipctl(...command, ...args)
    assert.deepEqual([code, stdout], [7, ''])
    assert.match(stderr, /^macipctl: .*snoop\.sock.*\n$/)
  }
})

test('clear: what was cleared, and what that did', async (t) => {
  const { ctl, cleared } = await scene(t)
  const all = await ctl('clear', 'duplicate')
  assert.deepEqual([all.code, all.stderr], [0, ''])
  assert.deepEqual(lines(all.stdout), ['cleared 1 duplicate', `released VNI 100 10.0.0.1 ${VM1} tap1 no longer frozen`])
  const json = await ctl('clear', 'binding', VM1, '--vni', '100', '--json')
  const report = JSON.parse(json.stdout) as { cleared: number; events: { event: string }[] }
  assert.deepEqual([report.cleared, report.events.map(({ event }) => event)], [2, ['withdrawn']])
  assert.deepEqual(cleared, [
    { what: 'duplicate', vni: undefined, mac: undefined, ip: undefined },
    { what: 'binding', vni: 100, mac: VM1, ip: undefined },
  ])
})

test('clear of what is not there: exit code 8', async (t) => {
  const { snoop } = await scene(t)
  const clear = ['clear', 'binding', '10.0.0.77', '--vni', '100']
  const { code, stdout, stderr } = await spawnMacipctl(...clear, '--snoop', snoop)
  assert.deepEqual([code, stdout], [8, ''])
  assert.equal(stderr, 'macipctl: no binding 10.0.0.77 in VNI 100: nothing was cleared\n')
})

const WRONG: [args: string[], message: RegExp][] = [
  [['explain'], /missing required argument 'address'/],
  [['explain', 'tap1'], /Expected an IP address or a MAC address/],
  [['explain', '10.0.0.1', '--follow'], /unknown option '--follow'/],
  [['events', '--event', 'learnt'], /Known are learned, restored/],
  [['events', '--last', '-1'], /Expected a number, or 'all'/],
  [['events', '--relay', '/x'], /unknown option '--relay'/],
  [['clear'], /a command is needed: duplicate or binding/],
  [['clear', 'binding'], /missing required argument 'address'/],
  [['clear', 'all'], /unknown command 'all'/],
]
for (const [args, message] of WRONG) {
  test(`macipctl ${args.join(' ')}: one line, exit code 2`, async () => {
    const { code, stdout, stderr } = await macipctl(...args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
    assert.match(stderr, /^macipctl: .*\n$/)
  })
}
