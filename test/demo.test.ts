// The demo as its reader sees it: the compiled program, run as a process.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseMessage } from '../lab/demo/questions.js'
import { timeInFrrLog, timeOfNeighbor } from '../lab/demo/timeline.js'
import { arpAnnouncement, arpReply, neighborAdvertisement, neighborSolicitation } from '../lab/frames.js'
import { ROOT } from '../lab/frr.js'
import { directory, listLabs } from '../lab/holder.js'
import { waitFor } from '../lab/wait.js'

const DEMO = join(ROOT, 'dist/lab/demo.js')
const LAB = join(ROOT, 'dist/lab/cli.js')

interface Run {
  readonly child: ChildProcess
  stdout: string
  stderr: string
}

function start(...args: string[]): Run {
  const child = spawn(process.execPath, [DEMO, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const run: Run = { child, stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (run.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (run.stderr += text))
  return run
}

async function ended(run: Run): Promise<number | null> {
  await once(run.child, 'close')
  return run.child.exitCode
}

/** The text of each scene, after what comes before the first. */
const scenes = (stdout: string): string[] => stdout.split(/^=== \d\. /m)

/** Waits until the demo has come to a scene. */
async function arrives(run: Run, scene: number): Promise<void> {
  const there = (): boolean => scenes(run.stdout).length > scene
  await waitFor(
    `scene ${scene} of the demo`,
    () => there() || run.child.exitCode !== null,
    (done) => done,
    // it may have to build first
    { timeoutMs: 120_000 },
  )
  assert.ok(there(), run.stderr)
}

/** The name of the lab a process started. */
function labOf({ child }: Run): string {
  const name = listLabs().find(({ state }) => state.owner === child.pid)?.state.name
  if (name === undefined) throw new Error('the demo has no lab')
  return name
}

test('the demo shows routes that were not there before, and who answers, and leaves nothing behind', async () => {
  const run = start('--frr', '8.4')
  assert.equal(await ended(run), 0, run.stderr)
  const [, setUp = '', before = '', between = '', after = '', neighbors = '', suppression = '', macipctl = ''] = scenes(
    run.stdout,
  )
  assert.match(setUp, /^FRRouting 8\.4\.\d/m)
  assert.match(setUp, /^br0 +UP *$/m)

  const macOnly = /\[2\]:\[0\]:\[48\]:\[bc:24:11:00:00:01\]$/m
  const ipv4 = /\[2\]:\[0\]:\[48\]:\[bc:24:11:00:00:01\]:\[32\]:\[10\.2\.1\.11\]$/m
  const ipv6 = /\[2\]:\[0\]:\[48\]:\[bc:24:11:00:00:01\]:\[128\]:\[2001:db8::11\]$/m
  assert.match(before, macOnly)
  for (const route of [ipv4, ipv6]) {
    assert.doesNotMatch(before, route)
    assert.match(after, route)
  }

  const times = [...between.matchAll(/^.{3,}? {2,}(<1|\d+) {2,}(<1|\d+) {2}/gm)].map(([, ...ms]) => ms.map(Number))
  assert.equal(times.length, 6, between)
  const [last = []] = times.slice(-1)
  assert.ok(
    last.every((ms) => ms > 0),
    'a neighbour at the far node takes longer than nothing',
  )

  assert.match(neighbors, /^root@n1:~# ip neigh show dev br0\n\(nothing\)$/m)
  assert.match(neighbors, /^10\.2\.1\.11 lladdr bc:24:11:00:00:01 extern_learn/m)
  assert.match(suppression, /^ARP who has 10\.2\.1\.11\? +10\.2\.1\.11 is at bc:24:11:00:00:01 +0$/m)
  assert.match(suppression, /^ND {2}who has 2001:db8::11\? +2001:db8::11 is at bc:24:11:00:00:01 +0$/m)
  assert.match(suppression, /^ARP who has 10\.2\.1\.99\? +none +1$/m)
  assert.match(suppression, /^ND {2}who has 2001:db8::99\? +none +1$/m)
  assert.match(macipctl, /^OK$/m)
  assert.match(macipctl, /2 of 2 MAC-IPs/)
  assert.match(macipctl, /^100 +10\.2\.1\.11 +bc:24:11:00:00:01 +tap1 +active/m)

  assert.ok(!run.stdout.includes('\x1b'), 'no colours where there is no terminal')
  const [, name = ''] = /Nothing is left of lab "(demo-[0-9a-f]+)"/.exec(run.stdout) ?? []
  assert.ok(name !== '' && !existsSync(directory(name)))
})

test('--keep leaves a lab to play with, and `lab down` takes it away', async () => {
  const run = start('--frr', '10.7', '--keep')
  assert.equal(await ended(run), 0, run.stderr)
  const name = labOf(run)
  try {
    assert.ok(run.stdout.includes(`npm run lab -- shell n2 --name ${name}\n`))
    const shell = spawnSync(process.execPath, [LAB, 'shell', 'n2', '--name', name], {
      encoding: 'utf8',
      input: 'vtysh -c "show bgp l2vpn evpn route type macip"',
    })
    assert.match(shell.stdout, /\[bc:24:11:00:00:01\]:\[32\]:\[10\.2\.1\.11\]/)
    const lines = run.stdout.split('\n').map((line) => line.trim())
    const commands = lines.filter((line) => line.startsWith('DIR=') || line.startsWith('node '))
    const said = spawnSync('sh', ['-ec', commands.join('\n')], { cwd: ROOT, encoding: 'utf8' })
    assert.equal(said.status, 0, said.stderr)
    assert.match(said.stdout, /^OK\n[^]*2001:db8::11/)
  } finally {
    const down = spawnSync(process.execPath, [LAB, 'down', '--name', name], { encoding: 'utf8' })
    assert.equal(down.status, 0, down.stderr)
  }
  assert.ok(!existsSync(directory(name)))
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  test(`${signal} in the middle of the story leaves nothing behind`, async () => {
    const run = start()
    await arrives(run, 2)
    const name = labOf(run)
    run.child.kill(signal)
    assert.equal(await ended(run), code)
    assert.equal(run.stderr.trimEnd().split('\n').at(-1), `demo: ended by ${signal}`)
    assert.ok(!existsSync(directory(name)))
  })

/** PIDs of a lab's processes with this command name. */
function processesOf(name: string, command: string): number[] {
  const holder = listLabs().find(({ state }) => state.name === name)?.state.holder
  const attempt = (read: () => string): string => {
    try {
      return read()
    } catch {
      // it ended while we looked
      return ''
    }
  }
  const home = readlinkSync(`/proc/${holder}/ns/pid`)
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => attempt(() => readlinkSync(`/proc/${pid}/ns/pid`)) === home)
    .filter((pid) => attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8')).trim() === command)
    .map(Number)
}

test('a story that goes wrong ends with the reason and the logs, and leaves nothing behind', async () => {
  const run = start()
  await arrives(run, 2)
  const name = labOf(run)
  const pids = processesOf(name, 'bgpd')
  assert.equal(pids.length, 2)
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  assert.equal(await ended(run), 1)
  assert.match(run.stderr, /^n1 --- zebra, running/m)
  assert.match(run.stderr, /^n2 --- bgpd, ended \(SIGKILL\)[^]*^demo: (`.*vtysh|waited \d+ ms for: )/m)
  assert.ok(!existsSync(directory(name)))
})

test('--help teaches; a wrong option gets one line; another user than root is told', () => {
  const demo = (...argv: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8' })
  const help = demo(process.execPath, DEMO, '--help')
  assert.deepEqual([help.status, help.stderr], [0, ''])
  for (const words of ['npm run demo -- [options]', '--frr <release>', '10.7', '--keep', 'root'])
    assert.ok(help.stdout.includes(words), words)
  for (const args of [['--frr', '9.9'], ['--bogus'], ['--frr'], ['sideways']]) {
    const { status, stdout, stderr } = demo(process.execPath, DEMO, ...args)
    assert.deepEqual([status, stdout, stderr.trimEnd().split('\n').length], [2, '', 1], stderr)
    assert.match(stderr, /\(see npm run demo -- --help\)$/m)
  }
  // the clone may be where only root can read
  const nobody = ['setpriv', '--reuid=65534', '--clear-groups', '--inh-caps=+dac_read_search']
  const { status, stdout, stderr } = demo(...nobody, '--ambient-caps=+dac_read_search', process.execPath, DEMO)
  assert.deepEqual([status, stdout], [3, ''], stderr)
  assert.match(stderr, /^demo: .*run this as root\n$/)
})

test('time stamps are read to the millisecond from the first line that tells of an address', () => {
  const log = [
    '2026/11/21 03:36:37.100 BGP: [JSYCM-MV07M] 0:Recv MACIP Add f 0x0 MAC bc:24:11:00:00:01 IP 10.2.1.1 VNI 100',
    '2026/11/21 03:36:37.759 BGP: [JSYCM-MV07M] 0:Recv MACIP Add f 0x0 MAC bc:24:11:00:00:01 IP 10.2.1.11 VNI 100',
    '2026/11/21 03:36:38.000 BGP: [JSYCM-MV07M] 0:Recv MACIP Add f 0x0 MAC bc:24:11:00:00:01 IP 10.2.1.11 VNI 100',
  ].join('\n')
  assert.equal(timeInFrrLog(log, 'Recv MACIP Add', ' IP 10.2.1.11 '), Date.UTC(2026, 10, 21, 3, 36, 37, 759))
  assert.equal(timeInFrrLog(log, 'Recv MACIP Add', ' IP 10.2.1.12 '), undefined)
  const neighbors = [
    '[2026-11-21T03:36:37.820530] Deleted 10.2.1.11 dev br0 lladdr bc:24:11:00:00:01 extern_learn NOARP proto zebra',
    '[2026-11-21T03:36:37.821761] 10.2.1.11 dev br0 lladdr bc:24:11:00:00:01 extern_learn NOARP proto zebra',
  ]
  assert.equal(timeOfNeighbor(neighbors, '10.2.1.11'), Date.UTC(2026, 10, 21, 3, 36, 37, 821))
  assert.equal(timeOfNeighbor(neighbors, '10.2.1.1'), undefined)
})

test('questions and answers are told apart', () => {
  const host = { mac: 'bc:24:11:00:00:01', ipv4: '10.2.1.11', ipv6: '2001:db8::11' }
  const other = { mac: 'bc:24:11:00:00:02', ipv4: '10.2.1.12', ipv6: '2001:db8::12' }
  const answer = host.mac
  const [arp, nd] = [
    { protocol: 'ARP', ip: host.ipv4 },
    { protocol: 'ND', ip: host.ipv6 },
  ]
  assert.deepEqual(parseMessage(arpAnnouncement(host)), { ...arp, answer: undefined })
  assert.deepEqual(parseMessage(arpReply(host, other)), { ...arp, answer })
  assert.deepEqual(parseMessage(neighborSolicitation(other, host.ipv6)), { ...nd, answer: undefined })
  assert.deepEqual(parseMessage(neighborAdvertisement(host)), { ...nd, answer })
  assert.equal(parseMessage(Buffer.from('ffffffffffffbc241100000188b5'.padEnd(120, '0'), 'hex')), undefined)
})
