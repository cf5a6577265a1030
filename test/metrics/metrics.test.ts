// The metrics: what they say of relay and snooper, and that Prometheus' own parser accepts the text.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { renderFamilies } from '../../src/cli/metrics/exposition.js'
import { familiesOf, type Measured } from '../../src/cli/metrics/metrics.js'
import { type RelayReport, relayReport, type SnooperReport, snooperReport } from '../../src/cli/report.js'
import { notRunning } from '../support.js'
import { LABELS } from './table.js'

const SESSION = {
  ...{ id: 1, kind: 'main', client: '', since: 0, bytesToZebra: 0, bytesToBgpd: 0, inSync: true },
  ...{ framesToZebra: 0, framesToBgpd: 0, injected: 0, dropped: 0, note: '', untrusted: '', uncertain: '' },
}
const PORT = {
  ...{ name: 'tap1', bridge: 'br0', up: true, attached: 'tcx', error: '', bindings: 2, limited: 5 },
  ...{ state: 'forwarding', learning: 'on', macs: 3, silentMs: 0, ahead: [], filters: [] },
}
const RELAY: RelayReport = {
  ...relayReport({ workerStarts: 2, since: 1_500_000, release: '10.3', injecting: true, vnis: 1, localMacs: 2 }),
  sessions: [SESSION, { ...SESSION, id: 2, kind: 'vnc' }],
  statuses: { announced: 2, 'mac-not-local': 1 },
  passed: { bytesToBgpd: 10, bytesToZebra: 20, framesToBgpd: 1, framesToZebra: 2, injected: 3, dropped: 4 },
}
const SNOOPER: SnooperReport = {
  ...snooperReport({ relayConnected: true, duplicates: 1, fpm: { phase: 'live' } }),
  stateCounts: [
    { state: 'active', reason: 'announced', bindings: 2 },
    { state: 'probing', reason: 'announced', bindings: 1 },
  ],
  ports: [PORT, { ...PORT, name: 'tap2', attached: '', limited: 0 }],
  frames: { passed: 7, repeated: 1, 'ring-full': 2 },
  refused: { 'own-ip': 1 },
  probes: { sent: 9, answered: 8 },
  events: { moved: 2, 'taken-over': 1, learned: 5 },
}

type Changes = Partial<Pick<Measured, 'perPort' | 'differences'>> & {
  relay?: RelayReport | null
  snooper?: SnooperReport | null
}

const measured = ({ relay = RELAY, snooper = SNOOPER, differences, perPort = true }: Changes): Measured => ({
  version: '1.2.3',
  relay: relay === null ? notRunning('/run/relay') : { running: true, socket: '/run/relay', ...relay },
  snooper: snooper === null ? notRunning('/run/snoop') : { running: true, socket: '/run/snoop', ...snooper },
  differences,
  perPort,
})
const rendered = (changes: Changes): string => renderFamilies(familiesOf(measured(changes)))
const samples = (changes: Changes = {}): string[] =>
  rendered(changes)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

/** What promtool says of a text: nothing, if all is well. */
async function promtool(text: string): Promise<string> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  child.stdin.end(text)
  const [code] = (await once(child, 'close')) as [number]
  return code === 0 ? said : `exit code ${code}: ${said}`
}

suite('the metrics', () => {
  test('say what relay and snooper say', () => {
    const found = samples({ differences: 6 })
    for (const line of [
      'macipd_build_info{version="1.2.3"} 1',
      'macipd_relay_up 1',
      'macipd_relay_bgpd_connected 1',
      'macipd_relay_bgpd_bypassed 0',
      'macipd_relay_injecting 1',
      'macipd_relay_sessions{kind="main"} 1',
      'macipd_relay_sessions{kind="vnc"} 1',
      'macipd_relay_bytes_total{direction="to-bgpd"} 10',
      'macipd_relay_frames_total{direction="to-zebra"} 2',
      'macipd_relay_injected_total 3',
      'macipd_relay_dropped_total 4',
      'macipd_relay_worker_starts_total 2',
      'macipd_relay_start_time_seconds 1500',
      'macipd_frr_release_info{release="10.3"} 1',
      'macipd_overlay_entries{status="announced"} 2',
      'macipd_overlay_entries{status="shadowed"} 0',
      'macipd_zebra_vnis 1',
      'macipd_zebra_local_macs 2',
      'macipd_snoop_relay_connected 1',
      'macipd_bindings{state="active",reason="announced"} 2',
      'macipd_bindings{state="probing",reason="announced"} 1',
      'macipd_bindings{state="pending",reason="no-session"} 0',
      'macipd_refused_total{reason="own-ip"} 1',
      'macipd_frames_total{kind="passed"} 7',
      'macipd_frames_lost_total 2',
      'macipd_ports{mode="tcx"} 1',
      'macipd_ports{mode="none"} 1',
      'macipd_probes_total{result="answered"} 8',
      'macipd_duplicates 1',
      'macipd_moves_total 3',
      'macipd_fpm_connected 1',
      'macipd_check_differences 6',
      'macipd_port_bindings{bridge="br0",port="tap1"} 2',
      'macipd_port_limited_total{bridge="br0",port="tap1"} 5',
    ])
      assert.ok(found.includes(line), `${line} is not in\n${found.join('\n')}`)
    assert.deepEqual(new Set(found.map((line) => line.replace(/[ {].*/, ''))), new Set(LABELS.keys()))
  })

  test('have the labels that are documented', () => {
    for (const family of familiesOf(measured({ differences: 0 })))
      for (const { labels } of family.samples)
        assert.deepEqual(Object.keys(labels), LABELS.get(family.name), family.name)
  })

  test('tell nothing of a process that does not answer, except that', () => {
    const none = samples({ relay: null, snooper: null }).sort()
    assert.deepEqual(none, [
      'macipd_build_info{version="1.2.3"} 1',
      'macipd_relay_up 0',
      'macipd_snoop_relay_connected 0',
    ])
    assert.ok(!samples({ relay: null }).some((line) => /^macipd_(zebra|bgpd|overlay)/.test(line)))
    assert.ok(!samples({ snooper: null }).some((line) => /^macipd_(bindings|frames|ports)/.test(line)))
  })

  test('count a relay as down that has lost its keeper', () => {
    assert.ok(samples({ relay: { ...RELAY, keeperLost: true } }).includes('macipd_relay_up 0'))
  })

  test('leave out what is not known: release, FPM, differences, ports unless wanted', () => {
    const uncertain = { ...RELAY, release: '' }
    const off = { ...SNOOPER, fpm: { ...SNOOPER.fpm, off: true } }
    const found = samples({ relay: uncertain, snooper: off, perPort: false }).join('\n')
    assert.doesNotMatch(found, /macipd_(frr_release_info|fpm_connected|check_differences|port_)/)
    const disconnected = { ...SNOOPER, fpm: { ...SNOOPER.fpm, phase: 'disconnected' } }
    assert.ok(samples({ snooper: disconnected }).includes('macipd_fpm_connected 0'))
  })
})

suite('Prometheus’ own parser', () => {
  test('accepts the metrics, and has nothing to object to their names', async () => {
    assert.equal(await promtool(rendered({ differences: 0 })), '')
    assert.equal(await promtool(rendered({ relay: null, snooper: null })), '')
  })

  test('is not content with everything', async () => {
    assert.notEqual(await promtool('# TYPE macipd_x counter\nmacipd_x 1\n'), '')
  })

  test('accepts any names of ports', async () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 15 })
    const names = [...fc.sample(name, 200), 'a"b\\c\nd', '{', '\u0001'].map((text, index) => `${text} ${index}`)
    const ports = names.map((text) => ({ ...PORT, name: text, bridge: text }))
    assert.equal(await promtool(rendered({ snooper: { ...SNOOPER, ports } })), '')
  })
})
