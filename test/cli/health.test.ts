import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findings, type Status } from '../../src/cli/status/health.js'
import { fpmStatusReport } from '../../src/cli/fpm/report.js'
import { type RelayReport, relayReport, type SnooperReport, snooperReport } from '../../src/cli/report.js'

const NOW = 1_000_000

function status(relay: Partial<RelayReport> | undefined, snooper: Partial<SnooperReport> | undefined): Status {
  const missing = { running: false, socket: '/run/x', error: 'there is no such socket' } as const
  const main = { ...{ id: 1, kind: 'main', client: '', since: 0, bytesToZebra: 0, bytesToBgpd: 0 }, inSync: true }
  const session = { ...main, framesToZebra: 0, framesToBgpd: 0, injected: 0, dropped: 0, note: '' }
  const goodRelay = { ...relayReport({}), sessions: [session], injecting: true, vnis: 1, workerStarts: 1 }
  const port = { name: 'tap1', bridge: 'br0', up: true, attached: 'tcx', error: '', bindings: 0, limited: 0 }
  const goodSnooper = { ...snooperReport({}), relayConnected: true, ports: [port] }
  return {
    relay: relay === undefined ? missing : { running: true, socket: '/run/r', ...goodRelay, ...relay },
    snooper: snooper === undefined ? missing : { running: true, socket: '/run/s', ...goodSnooper, ...snooper },
  }
}

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
  const port = { name: 'tap9', bridge: 'br0', up: true, attached: '', error: 'EPERM', bindings: 0, limited: 0 }
  assert.deepEqual(said(status({}, { ports: [port] })), ['problem: port tap9 is not snooped: EPERM'])
})

test('ports that were over the learning rate are named, but not without end', () => {
  const ports = Array.from({ length: 9 }, (_, index) => {
    const port = { name: `tap${index}`, bridge: 'br0', up: true, attached: 'tcx', error: '', bindings: 0 }
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
