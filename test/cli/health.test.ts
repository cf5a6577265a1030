import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findings, type Status } from '../../src/cli/status/health.js'
import { fpmStatusReport } from '../../src/cli/fpm/report.js'
import type { NotRunningCause, RelayReport } from '../../src/cli/report.js'
import { renderStatus } from '../../src/cli/status/text.js'
import type { FindingId } from '../../src/cli/status/finding.js'
import type { KeeperReport } from '../../src/control/keeper-report.js'
import { SESSION, status, USED } from './build-status.js'

const NOW = 1_000_000

const said = (status: Status): string[] => findings(status, NOW).map(({ severity, what }) => `${severity}: ${what}`)

test('nothing to say when all is well', () => {
  assert.deepEqual(said(status({}, {})), [])
})

const CASES: [name: string, status: Status, expected: RegExp][] = [
  ['bgpd not connected', status({ sessions: [] }, {}), /^problem: bgpd is not connected/],
  [
    'line uncertain',
    status({ injecting: false, releaseReason: 'odd HELLO' }, {}),
    /^problem: nothing is announced: odd HELLO/,
  ],
  ['no VNI', status({ vnis: 0 }, {}), /^problem: zebra has announced no VNI/],
  ['worker died', status({ workerStarts: 3 }, {}), /^notice: the relay’s worker was replaced 2 times/],
  ['no port', status({}, { ports: [] }), /^problem: there is no port/],
  ['frames lost', status({}, { frames: { 'ring-full': 1 } }), /^notice: 1 frame came faster/],
  ['versions differ', status({ version: '1' }, { version: '2' }), /^notice: relay 1 and snooper 2 differ/],
  ['VNI not live', status({}, { reasons: { 'vni-not-live': 2 } }), /^problem: 2 bindings in VNIs/],
  ['MAC not local', status({}, { reasons: { 'mac-not-local': 1 } }), /^notice: 1 binding whose MAC/],
  [
    'duplicates',
    status({}, { duplicates: 3, duplicateIps: [{ vni: 100, ip: '10.0.0.5' }] }),
    /^problem: 3 duplicate IPs: 10\.0\.0\.5 \(VNI 100\), and 2 more$/,
  ],
  ['observe mode', status({}, { mode: 'observe' }), /^notice: observe mode: nothing is announced/],
  ['IP conflict', status({}, { reasons: { 'ip-conflict': 1 } }), /^problem: 1 binding of an IP/],
]
for (const [name, status, expected] of CASES) {
  test(name, () => {
    const [first, ...others] = said(status)
    assert.match(first ?? '', expected)
    assert.deepEqual(others, [])
  })
}

test('the heading says in which way a process is missing', () => {
  const heading = (cause: NotRunningCause): string | undefined => {
    const text = renderStatus(status({ cause }, {}, { cause }), [], NOW, (_style, words) => words)
    return text.split('\n').find((line) => line.startsWith('RELAY'))
  }
  assert.equal(heading('absent'), 'RELAY  not running')
  assert.equal(heading('silent'), 'RELAY  hangs')
  assert.equal(heading('unnamed'), 'RELAY  cannot be reached')
})

const SILENT = { cause: 'silent', pid: 42, error: 'no answer within 1.2 s' } as const
const REFUSED = { cause: 'refused', error: 'nobody listens on the socket' } as const
const UNNAMED = { cause: 'unnamed', error: 'the socket’s name was removed' } as const
const worker = (state: KeeperReport['worker']['state']): KeeperReport['worker'] => ({
  ...{ state, pid: 42, starts: 2 },
  lastEnd: { why: 'SIGKILL', time: NOW - 3000 },
})
const failure = (code: string): NonNullable<RelayReport['journalFailure']> => ({
  ...{ path: '/run/macipd/journal', since: NOW - 60_000, code, why: `${code}: no`, isWritten: false },
})
const UNCERTAIN = { ...SESSION, uncertain: 'frames have passed while no worker served' }

const STATES: [name: string, status: Status, id: FindingId, what: RegExp, todo: RegExp][] = [
  ['worker hung', status(SILENT, {}), 'worker-hung', /worker 42 hangs/, /within some seconds.*kill -KILL 42/],
  [
    'worker hung, as the keeper says',
    status(REFUSED, {}, { worker: worker('hung') }),
    'worker-hung',
    /42 hangs/,
    /some seconds/,
  ],
  [
    'worker gone',
    status(REFUSED, {}, { worker: { ...worker('gone'), pid: null } }),
    'worker-gone',
    /no worker .* serves.*ended 3 s ago \(SIGKILL\)/,
    /starts another one by itself.*macipctl status/,
  ],
  ['worker starting', status(REFUSED, {}, { worker: worker('starting') }), 'worker-gone', /no worker/, /by itself/],
  ['control socket removed', status(UNNAMED, {}), 'relay-socket', /worker runs, but nobody/, /ls -ld \/run\/macipd;/],
  ['keeper’s socket removed', status({}, {}, UNNAMED), 'relay-socket', /keeper runs, but nobody/, /ls -ld/],
  ['snooper’s socket removed', status({}, UNNAMED), 'snooper-socket', /snooper runs, but nobody/, /ls -ld/],
  ['control socket gone', status(undefined, {}), 'relay-socket', /worker 42 serves, but/, /--relay/],
  [
    'plain forwarding',
    status(REFUSED, {}, { plain: 'workers end at once', worker: worker('starting') }),
    'plain-forwarding',
    /forwards the bytes .* unseen.*: workers end at once; the last one ended 3 s ago \(SIGKILL\)/,
    /the worker ended/,
  ],
  [
    'keeper gone',
    status({ keeperLost: true }, {}, REFUSED),
    'keeper-gone',
    /keeper 41 has ended; its worker 42 still serves 1 connection/,
    /loses zebra for a moment .*: kill -TERM 42; macipd relay$/,
  ],
  [
    'keeper hung',
    status({}, {}, { ...SILENT, pid: 41 }),
    'keeper-hung',
    /keeper 41 hangs/,
    /kill -CONT 41.*kill -KILL 41 42; macipd relay$/,
  ],
  [
    'lock lost',
    status({}, {}, { isAlone: false }),
    'lock-lost',
    /another relay .* \/run\/macipd/,
    /lslocks.*--run-dir/,
  ],
  [
    'run directory full',
    status({ journalFailure: failure('ENOSPC') }, {}),
    'run-directory-full',
    /\/run\/macipd is full, so \/run\/macipd\/journal cannot be written for 1 min/,
    /df -h \/run\/macipd/,
  ],
  [
    'run directory full, the journal still written',
    status({ journalFailure: { ...failure('ENOSPC'), why: 'it may take more', isWritten: true } }, {}),
    'run-directory-full',
    /\/run\/macipd is full: \/run\/macipd\/journal is still written, but it may take more; if the worker ends then,/,
    /df -h \/run\/macipd/,
  ],
  [
    'journal not writable',
    status({ journalFailure: failure('EACCES') }, {}),
    'journal-not-writable',
    /cannot be written \(EACCES: no\)/,
    /ls -ld \/run\/macipd /,
  ],
  [
    'session unknown',
    status({ sessions: [{ ...SESSION, kind: 'unknown', untrusted: 'HELLO was not seen' }], injecting: false }, {}),
    'session-unknown',
    /nothing is announced: HELLO was not seen/,
    /restarted: macipctl hook install --restart-bgpd$/,
  ],
  [
    'session not trusted',
    status(
      {
        ...{ sessions: [{ ...SESSION, untrusted: 'MACIP_ADD is too short' }], injecting: false },
        zebra: '/run/frr/blue/zserv.api',
      },
      {},
    ),
    'session-not-trusted',
    /nothing is announced: MACIP_ADD is too short/,
    /restarted: macipctl hook install -N blue --restart-bgpd$/,
  ],
  [
    'session uncertain',
    status({ sessions: [UNCERTAIN], injecting: false }, {}),
    'session-uncertain',
    /nothing is announced or withdrawn: frames have passed while no worker served; .* is being read from FRR$/,
    /some seconds.*half a minute.*macipctl status$/,
  ],
  [
    'session uncertain, and nothing can be read',
    status({ sessions: [UNCERTAIN], injecting: false, relearningFailure: 'bgpd.vty: EACCES' }, {}),
    'session-uncertain',
    /could not be read from FRR, which is tried again: bgpd\.vty: EACCES$/,
    /ls -l .*vty; .*: macipctl hook install --restart-bgpd$/,
  ],
  [
    'release uncertain',
    status({ injecting: false, releaseReason: 'odd HELLO' }, {}),
    'release-uncertain',
    /nothing is announced: odd HELLO/,
    /vtysh -c "show version".*macipd relay --frr-release X\.Y/,
  ],
  [
    'bgpd direct',
    status({ sessions: [], injecting: false, bgpdDirect: true }, {}),
    'bgpd-direct',
    /bgpd is connected to zebra, but not through this relay/,
    /^FRR must start bgpd with -z \/run\/macipd\/zserv\.api: macipctl hook install --restart-bgpd$/,
  ],
  [
    'snooper hung',
    status(
      { snooperSilent: true, snooperPid: 43, snooperSince: NOW - 60_000, staleMs: 300_000, overlayEntries: 5 },
      { ...SILENT, pid: 43 },
    ),
    'snooper-hung',
    /the snooper does not answer at .*: its process 43 hangs for 1 min/,
    /kill -CONT 43.*kill -KILL 43.*macipd snoop — the relay withdraws 5 MAC-IPs in 4 min/,
  ],
]
for (const [name, status, id, what, todo] of STATES) {
  test(`${name}: found, with advice, and nothing else`, () => {
    const [first, ...others] = findings(status, NOW).filter(({ severity }) => severity === 'problem')
    assert.deepEqual([first?.id, others], [id, []])
    assert.match(first?.what ?? '', what)
    assert.match(first?.todo ?? '', todo)
  })
}

test('a keeper in another run directory is looked for with an option, and is no problem', () => {
  const [first, ...others] = findings(status({}, {}, { cause: 'absent' }), NOW)
  assert.deepEqual([first?.id, first?.severity, others], ['keeper-not-found', 'notice', []])
  assert.match(first?.todo ?? '', /--run-dir/)
})

test('the keeper tells of a full run directory while no worker answers', () => {
  const found = findings(status(REFUSED, {}, { worker: worker('starting'), runDirFull: true }), NOW)
  assert.deepEqual(
    found.map(({ id }) => id),
    ['worker-gone', 'run-directory-full'],
  )
  assert.match(found[1]?.what ?? '', /\/run\/macipd is full, so the next worker cannot keep a journal/)
  assert.deepEqual(said(status({}, {}, { runDirFull: true })), [])
})

test('neither keeper nor worker is there: start them', () => {
  const found = findings(status(undefined, {}, { cause: 'absent' }), NOW)
  assert.deepEqual(
    found.map(({ id }) => id),
    ['relay-not-running'],
  )
})

test('a missing cross-check with FPM is no problem, and neither is one that is not wanted', () => {
  const listening = ['127.0.0.1:2620']
  const connected = { listening, peer: '127.0.0.1:40000', phase: 'live' }
  const fpm = (changes: Parameters<typeof fpmStatusReport>[0]): string[] =>
    said(status({}, { fpm: fpmStatusReport(changes) }))
  assert.deepEqual(fpm({ off: true }), [])
  assert.deepEqual(fpm(connected), [])
  assert.deepEqual(fpm({ listening, phase: 'disconnected' }), [
    'notice: no cross-check with FPM: zebra has not connected',
  ])
  const ensure = { state: 'other-server', why: 'zebra is configured for another FPM server, 10.0.0.9:2620' }
  assert.deepEqual(fpm({ listening, phase: 'disconnected', ensure }), [
    `notice: zebra’s FPM configuration is not kept: ${ensure.why}`,
  ])
  for (const state of ['looking', 'kept'])
    assert.deepEqual(fpm({ listening, phase: 'disconnected', ensure: { state } }), [
      'notice: no cross-check with FPM: zebra has not connected',
    ])
  assert.deepEqual(fpm({ error: 'another process is listening there' }), [
    'notice: no cross-check with FPM: another process is listening there',
  ])
  assert.deepEqual(fpm({ ...connected, counters: [{ name: 'refused', value: 3 }] }), [
    'notice: 3 FPM connections of others than root and FRR refused',
  ])
  assert.deepEqual(fpm({ ...connected, counters: [{ name: 'malformed', value: 2 }] }), [
    'notice: 2 FPM messages could not be understood',
  ])
  assert.deepEqual(fpm({ ...connected, forward: { to: '127.0.0.1:2621', state: 'missed' } }), [
    'notice: the FPM server at 127.0.0.1:2621 has not got everything',
  ])
})

test('a port that is not snooped is named with its reason', () => {
  const port = { name: 'tap9', bridge: 'br0', up: true, attached: '', error: 'EPERM', bindings: 0, limited: 0, ...USED }
  assert.deepEqual(said(status({}, { ports: [port] })), ['problem: port tap9 is not snooped: EPERM'])
})

test('ports that were over the learning rate are named, but not without end', () => {
  const ports = Array.from({ length: 9 }, (_, index) => {
    const port = { name: `tap${index}`, bridge: 'br0', up: true, attached: 'tcx', error: '', bindings: 0, ...USED }
    return { ...port, limited: index }
  })
  const found = said(status({}, { ports }))
  assert.equal(found[0], 'notice: port tap1 claimed addresses faster than it may: 1 claim not looked at')
  assert.deepEqual([found.length, found[5]], [6, 'notice: so did 3 other ports'])
})

test('without a snooper: how long the relay keeps what it has', () => {
  const relay = { snooperConnected: false, overlayEntries: 5, snooperSince: NOW - 60_000, staleMs: 300_000 }
  const [finding] = findings(status(relay, undefined), NOW)
  assert.match(finding?.todo ?? '', /withdraws 5 MAC-IPs in 4 min/)
})

test('what follows from a missing bgpd is not said a second time', () => {
  assert.equal(said(status({ sessions: [], injecting: false, vnis: 0 }, { reasons: { 'vni-not-live': 3 } })).length, 1)
})
