import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { version } from '../../src/base/version.js'
import { MACIPD } from '../../lab/programs.js'
import { run, spawnMacipctl, spawnMacipd, tempDir } from '../support.js'
import { macipd } from '../../lab/in-process.js'

test('--help and --version', async () => {
  const help = await macipd('--help')
  assert.equal(help.code, 0)
  for (const word of ['relay', 'snoop', 'proxy', 'Exit codes', 'zebra does not answer'])
    assert.ok(help.stdout.includes(word), word)
  for (const command of ['relay', 'snoop', 'proxy']) {
    const { code, stdout } = await macipd(command, '--help')
    assert.equal(code, 0)
    assert.match(stdout, /default: .*Example:/s)
  }
  assert.deepEqual(await macipd('--version'), { code: 0, stdout: `${version}\n`, stderr: '' })
})

const WRONG: [args: string[], message: RegExp][] = [
  [[], /a command is needed: relay, snoop or proxy/],
  [['rely'], /unknown command 'rely'.*Did you mean relay/],
  [['relay', '--stael-time', '3'], /unknown option '--stael-time'.*Did you mean --stale-time/],
  [['relay', '--stale-time', 'soon'], /--stale-time.*'soon' is invalid.*Expected a duration/],
  [['relay', '--frr-release', '8.3'], /'8\.3' is invalid\. Known are 8\.4, /],
  [['relay', '--log-level', 'loud'], /Allowed choices are trace, debug/],
  [['relay', '-N', '../x'], /'\.\.\/x' is invalid/],
  [['relay', '--config', '/nonexistent/macipd.yaml'], /configuration \/nonexistent\/macipd\.yaml cannot be read/],
  [['relay', '--listen', 'zserv.api'], /listen: zserv\.api is not an absolute path/],
  [['snoop', '--control', `/tmp/${'x'.repeat(110)}`], /control: a socket path has at most/],
  [['snoop', '--age', '2'], /age: 2 s is too short; with probes it must be at least 3 s/],
  [['snoop', '--state', 'bindings'], /state: bindings is neither an absolute path nor none/],
  [['snoop', 'eth0'], /too many arguments/],
]
for (const [args, message] of WRONG) {
  test(`macipd ${args.join(' ').slice(0, 50)}: one line, exit code 2`, async () => {
    const { code, stdout, stderr } = await macipd(...args)
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, message)
    assert.match(stderr, /^macipd: .*\n$/, 'exactly one line')
  })
}

const OPTION_KEYS = ['control', 'relay', 'mode', 'age', 'repeatInterval', 'exclude', 'state']
const SNOOP_KEYS = [
  'control',
  'relay',
  'mode',
  'age',
  'repeatInterval',
  'exclude',
  'probes',
  'probeRate',
  'probeSources',
  'neighborSolicitations',
  'linkLocal',
  'macMismatch',
  'filters',
  'vrrp',
  'duplicates',
  'limits',
  'allow',
  'deny',
  'pin',
  'static',
  'state',
  'stateAge',
]

test('help knows every key that is not an option', async () => {
  const { stdout } = await macipd('snoop', '--help')
  for (const key of SNOOP_KEYS) {
    assert.equal(new RegExp(`^ {2}snoop\\.${key}[. ]`, 'm').test(stdout), !OPTION_KEYS.includes(key), key)
  }
  assert.match(stdout, /--observe .*--state /s)
  assert.doesNotMatch(stdout, /undefined|NaN|Object/)
})

test('a mistake in the configuration is shown with its place', async (t) => {
  const file = join(tempDir(t), 'macipd.yaml')
  writeFileSync(file, 'snoop:\n  agee: 5m\n')
  const { code, stderr } = await macipd('snoop', '--config', file)
  assert.equal(code, 2)
  assert.equal(stderr, `macipd: ${file}:2:3: snoop.agee: unknown key; known here: ${SNOOP_KEYS.join(', ')}\n`)
})

test('another process on the control socket: exit code 5', async (t) => {
  const path = join(tempDir(t), 'snoop.sock')
  const other = createServer((socket) => {
    socket.destroy()
  })
  await new Promise<void>((resolve) => other.listen(path, resolve))
  t.after(() => other.close())
  const { code, stderr } = await spawnMacipd('snoop', '--control', path, '--relay', `${path}.relay`, '--state', 'none')
  assert.equal(code, 5)
  assert.equal(stderr, `macipd: ${path}: another process is listening on it; stop it or choose another path\n`)
  assert.ok(existsSync(path))
})

test('no privilege: exit code 3, nothing left behind', async (t) => {
  const dir = tempDir(t)
  const command = [
    process.execPath,
    MACIPD,
    'snoop',
    '--control',
    join(dir, 's'),
    '--relay',
    join(dir, 'r'),
    '--state',
    'none',
  ]
  // root without any capability is still the owner of its files
  const isRoot = process.getuid?.() === 0
  const [program = '', ...args] = isRoot ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', ...command] : command
  const { code, stderr } = await run(program, args)
  assert.equal(code, 3, stderr)
  assert.match(stderr.trimEnd().split('\n').at(-1) ?? '', /^macipd: .*CAP_BPF and CAP_NET_ADMIN/)
  assert.deepEqual(readdirSync(dir), [])
})

/** The snooper in a network namespace of its own, once it works. */
async function snooping(
  t: TestContext,
  flags: string[] = [],
): Promise<{ dir: string; control: string; relay: string; child: ChildProcess }> {
  const dir = tempDir(t)
  const [control, relay] = [join(dir, 'snoop.sock'), join(dir, 'relay.sock')]
  const paths = ['--control', control, '--relay', relay, '--state', 'none']
  const args = ['--net', '--', process.execPath, ...flags, MACIPD, 'snoop', ...paths]
  const child = spawn('unshare', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const works = new Promise<void>((resolve) => {
    createInterface(child.stderr).on('line', (line) => {
      if (line.includes('"msg":"snooping"')) resolve()
    })
  })
  t.after(() => child.kill('SIGKILL'))
  const ended = exit(child).then((end) => {
    throw new Error(`the snooper ended (${end}): is this root on a kernel with network namespaces and eBPF?`)
  })
  ended.catch(() => undefined)
  await Promise.race([works, ended])
  return { dir, control, relay, child }
}

const exit = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) =>
    child.on('exit', (code, signal) => {
      resolve(String(signal ?? code))
    }),
  )

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`the snooper runs without a relay, and ends with ${signal}, leaving nothing behind`, async (t) => {
    const { dir, control, relay, child } = await snooping(t)
    const status = await spawnMacipctl('status', '--json', '--snoop', control, '--relay', relay)
    assert.equal(status.code, 10, status.stderr)
    const report = JSON.parse(status.stdout) as { snooper: { running: boolean; relayConnected: boolean } }
    assert.equal(report.snooper.running, true)
    assert.equal(report.snooper.relayConnected, false)
    const ended = exit(child)
    child.kill(signal)
    child.kill(signal)
    assert.equal(await ended, '0')
    assert.deepEqual(readdirSync(dir), [])
  })
}

test('hostile bytes on the control socket do not end the snooper', async (t) => {
  const { control, relay } = await snooping(t)
  for (const hex of ['ffffffff', '00000002ffff', '0000000100', '00000000']) {
    const socket = connect(control).end(Buffer.from(hex, 'hex'))
    await new Promise((resolve) =>
      socket
        .on('error', () => undefined)
        .on('close', resolve)
        .resume(),
    )
  }
  const { code, stdout } = await spawnMacipctl('status', '--json', '--snoop', control, '--relay', relay)
  assert.equal(code, 10)
  const report = JSON.parse(stdout) as { snooper: { control: { malformed: number } } }
  assert.ok(report.snooper.control.malformed >= 2)
})

test('a defect ends the process with code 1 and leaves no socket behind', async (t) => {
  const defect = 'process.on("SIGUSR2", () => { throw new Error("a defect") })'
  const { dir, child } = await snooping(t, ['--import', `data:text/javascript,${encodeURIComponent(defect)}`])
  const ended = exit(child)
  child.kill('SIGUSR2')
  assert.equal(await ended, '1')
  assert.deepEqual(readdirSync(dir), [])
})
