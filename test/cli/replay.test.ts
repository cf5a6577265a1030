import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { spawnMacipctl, tempDir } from '../support.js'
import { macipctl, type Result } from '../../lab/in-process.js'
import { RELEASES, ROOT } from '../../lab/frr.js'

const fixture = (frr: string): string => join(ROOT, 'test/fixtures/exchange', `${frr}.bin`)
const replay = (...args: string[]): Promise<Result> => macipctl('zapi', 'replay', ...args)
const lines = (text: string): string[] => (text === '' ? [] : text.trimEnd().split('\n'))

type Act = Record<string, unknown>
const parse = ({ stdout }: Result): Act[] => lines(stdout).map((line) => JSON.parse(line) as Act)

for (const frr of RELEASES) {
  test(`the recording of FRR ${frr}: one line per action, and --check agrees`, async () => {
    const { code, stdout, stderr } = await replay(fixture(frr), '--check')
    assert.equal(code, 0)
    assert.match(stderr, /^macipctl: the replay agrees with the recording: \d+ injected, 2 dropped\n$/)
    const shown = lines(stdout)
    for (const line of shown) assert.match(line, /^ +\+\d+\.\d{3} {2}(session|end|inject|drop|status) +\S/)
    const at = (pattern: RegExp): number => shown.findIndex((line) => pattern.test(line))
    const order = [
      at(/session +1 main, bgp instance 0 session 0: FRR \d/),
      at(/inject .* 10\.2\.1\.11 +ADD seq 0$/),
      at(/inject .* 10\.2\.1\.11 +DEL: bgpd has a remote route/),
      at(/inject .* 10\.2\.1\.11 +ADD seq 2$/),
      at(/drop .* 10\.2\.1\.11 +ADD seq 2: bgpd has it from us$/),
      at(/drop .* 10\.2\.1\.11 +DEL: ours stays$/),
      at(/inject .* 10\.2\.1\.11 +DEL: zebra does not announce the MAC as local/),
      at(/status .* 10\.2\.1\.11 +vni-not-live: /),
      at(/end +1: the main session is over$/),
    ]
    assert.ok(
      order.every((index, position) => index > (order[position - 1] ?? -1)),
      `${order.join()}\n${stdout}`,
    )
    assert.ok(!stdout.includes('\u001b'), 'no colours in a pipe')
  })
}

test('--json: one object a line, with the documented names', async () => {
  const acts = parse(await replay(fixture('10.3'), '--json'))
  const names = (action: string): string[] => Object.keys(acts.find((act) => act['action'] === action) ?? {})
  const common = ['time', 'offset', 'action']
  assert.deepEqual(names('session'), [...common, 'session', 'kind', 'client', 'release', 'releaseReason'])
  assert.deepEqual(names('end'), [...common, 'session'])
  assert.deepEqual(names('inject'), [...common, 'vni', 'mac', 'ip', 'command', 'seq', 'flags', 'esi', 'cause'])
  assert.deepEqual(names('drop'), [...common, 'vni', 'mac', 'ip', 'command', 'seq', 'flags', 'esi'])
  assert.deepEqual(names('status'), [...common, 'vni', 'mac', 'ip', 'status', 'seq'])
  const [start] = acts.map(({ time, offset }) => Number(time) - Number(offset))
  assert.ok(acts.every(({ time, offset }) => Number(time) - Number(offset) === start))
})

test('--entry: what if this binding had existed', async () => {
  const entries = ['--entry', '100,BC:24:11:00:00:01,10.2.1.99', '--entry', '100,bc:24:11:00:00:77,2001:DB8::77']
  const result = await replay(fixture('8.4'), '--json', '--check', ...entries)
  assert.equal(result.code, 1)
  assert.match(result.stderr, /^macipctl: the replay differs from the recording in 1 MAC-IP: .*\n$/)
  const acts = parse(result)
  const imagined = acts.filter(({ ip, action }) => ip === '10.2.1.99' && action === 'inject')
  assert.deepEqual(
    imagined.slice(0, 3).map(({ command, cause }) => [command, cause]),
    [
      ['ZEBRA_MACIP_ADD', null],
      ['ZEBRA_MACIP_DEL', 'remote'],
      ['ZEBRA_MACIP_ADD', null],
    ],
  )
  // nobody has that MAC
  assert.deepEqual([...new Set(acts.filter(({ ip }) => ip === '2001:db8::77').map(({ action }) => action))], ['status'])
  const { action, vni, mac, ip, recorded } = acts.at(-1) ?? {}
  assert.deepEqual([action, vni, mac, ip, recorded], ['difference', 100, 'bc:24:11:00:00:01', '10.2.1.99', []])
})

test('--frr-release: another line than that of the recording, and nothing is injected', async () => {
  const { code, stdout } = await replay(fixture('10.7'), '--frr-release', '8.4', '--check')
  assert.equal(code, 1)
  assert.match(stdout, /FRR 8.4 is configured, but the session is that of 10.6/)
  assert.doesNotMatch(stdout, /^ +\S+ {2}inject/m)
  assert.match(stdout, /^differs .* recorded: ADD seq 0, .*; replayed: nothing$/m)
  const agreed = await replay(fixture('10.7'), '--frr-release', '10.7', '--check')
  assert.equal(agreed.code, 0)
})

test('a recording that is cut is replayed up to the cut, which is said', async (t) => {
  const file = join(tempDir(t), 'cut')
  const whole = readFileSync(fixture('8.4'))
  writeFileSync(file, whole.subarray(0, whole.length - 1))
  const { code, stdout, stderr } = await spawnMacipctl('zapi', 'replay', file, '--check')
  assert.equal(code, 0)
  assert.ok(lines(stdout).length > 20)
  const [cut, verdict] = lines(stderr)
  assert.match(cut ?? '', /^macipctl: \S+ is cut: what follows byte \d+ is unfinished or no record$/)
  assert.match(verdict ?? '', /agrees/)
})

test('a recording in which nothing was said is no error', async (t) => {
  const file = join(tempDir(t), 'empty')
  writeFileSync(file, 'MACIPDX1')
  assert.deepEqual(await replay(file), { code: 0, stdout: '', stderr: '' })
})

test('wrong files, options and arguments: one line, exit code 2', async (t) => {
  const dir = tempDir(t)
  const other = join(dir, 'other')
  writeFileSync(other, 'MACIPDX2 and more')
  const wrong: [args: string[], message: RegExp][] = [
    [[other], /other is no recorded exchange: neither a journal \(MACIPDX1\) nor a pcapng capture/],
    [[join(dir, 'none')], /none cannot be read: there is no such file/],
    [[dir], /cannot be read: it is not a file/],
    [['/dev/zero'], /cannot be read: it is not a file/],
    [[], /missing required argument 'file'/],
    [[other, '--entry', '100,bc:24:11:00:00:01'], /Expected VNI,MAC,IP such as/],
    [[other, '--entry', '0,bc:24:11:00:00:01,10.0.0.1'], /Expected a number from 1 to 16777215/],
    [[other, '--frr-release', '7.5'], /Known are 8\.4, /],
  ]
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await replay(...args)
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
    assert.match(stderr, /^macipctl: .*\n$/)
  }
})
