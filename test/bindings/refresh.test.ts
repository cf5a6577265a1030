// RFC 9161 3.5: hosts that are silent are asked before they are given up.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Driven, driven, evidence, KEY1, remote, report, TAP1, TAP2, VM1, VM2 } from './build.js'

const AGE = TAP1.ageingMs
const PROBE = `probe tap1 ${VM1} 10.0.0.1`
const jitterOf = ({ table }: Driven): number => table.get(KEY1)?.jitter ?? NaN
const probes = (lines: readonly string[]): string[] => lines.filter((line) => line.includes('probe'))

test('a silent host is asked at every third of the bridge’s ageing time, and withdrawn only after three probes', () => {
  const d = driven()
  d.send(evidence({}), 0)
  const third = (AGE / 3) * jitterOf(d)
  const s = (ms: number): string => `${Math.round(ms / 1000)}s`
  const expires = Math.max(AGE, 3 * third + 2000)
  assert.deepEqual(
    d.wait(3 * third),
    [1, 2, 3].map((n) => `${s(n * third)} ${PROBE}`),
  )
  assert.deepEqual(d.wait(expires - 1), [], 'the third one can still be answered')
  assert.deepEqual(d.wait(expires), [`${s(expires)} remove 100 ${VM1} 10.0.0.1`])
  assert.equal(d.table.withdrawn.aged, 1)
  assert.equal(d.table.timers.next(), undefined)
})

test('a host that answers stays, for as long as it does', () => {
  const d = driven()
  d.send(evidence({}), 0)
  for (let asked = 1; asked <= 10; asked++) {
    const binding = d.table.get(KEY1)
    assert.ok(binding)
    const at = d.table.timers.at(binding) ?? NaN
    assert.deepEqual(probes(d.wait(at)).length, 1)
    assert.equal(d.seen()?.state, 'probing')
    assert.deepEqual(d.send(evidence({ kind: 'arp-reply' }), at + 5), [], 'the relay knows already')
    assert.notEqual(d.seen()?.state, 'probing')
  }
  assert.equal(d.table.withdrawn.aged, 0)
})

test('hosts learned together are not asked together', () => {
  const { table, send } = driven()
  for (let n = 1; n <= 100; n++) send(evidence({ ip: `10.0.0.${n}` }), 0)
  const times = [...table.bindings()].map((it) => table.timers.at(it) ?? 0)
  assert.ok(Math.min(...times) >= 90_000 && Math.max(...times) <= 100_000)
  assert.ok(new Set(times).size > 90)
})

test('what the operator says about the age counts; the bridge is kept from forgetting the MAC all the same', () => {
  const longer = driven({ ageMs: 4 * AGE })
  longer.send(evidence({}), 0)
  assert.ok((longer.table.timers.next() ?? NaN) <= AGE / 3)
  const lines = longer.wait(10 * AGE)
  assert.ok(probes(lines).length >= 12)
  assert.equal(lines.at(-1), `1200s remove 100 ${VM1} 10.0.0.1`)
  const shorter = driven({ ageMs: 60_000 })
  shorter.send(evidence({}), 0)
  assert.equal(shorter.wait(AGE).at(-1), `60s remove 100 ${VM1} 10.0.0.1`)
  const never = driven()
  never.send(evidence({ anchor: { ...TAP1, ageingMs: 0 } }), 0)
  assert.equal(never.wait(3600_000).at(-1), `1800s remove 100 ${VM1} 10.0.0.1`)
})

test('without probes silence alone decides', () => {
  const d = driven({ probes: 'off', ageMs: 1000 })
  d.send(evidence({}), 0)
  d.send(evidence({}), 500)
  assert.deepEqual(d.wait(1499), [])
  assert.deepEqual(d.wait(1500), [`2s remove 100 ${VM1} 10.0.0.1`])
})

test('the probe goes to where the host was last seen', () => {
  const d = driven()
  d.send(evidence({}), 0)
  d.send(evidence({ anchor: TAP2 }), 1)
  d.wait(2001)
  assert.deepEqual(probes(d.wait(AGE / 3 + 1)), [
    `${Math.round(((AGE / 3) * jitterOf(d) + 1) / 1000)}s probe tap2 ${VM1} 10.0.0.1`,
  ])
})

test('nobody is asked about an address within ten seconds of asking whether it is free (RFC 5227 2.1.1)', () => {
  for (const kind of ['arp-probe', 'dad-ns'] as const) {
    const d = driven()
    d.send(evidence({}), 0)
    assert.deepEqual(d.send(evidence({ kind }), 85_000), [])
    assert.deepEqual(d.wait(94_999), [])
    d.send(evidence({ kind }), 94_999)
    assert.deepEqual(d.wait(104_998), [])
    assert.equal(probes(d.wait(105_000)).length, 1)
    assert.equal(d.table.get(KEY1)?.lastSeen, 0, 'it claims nothing')
  }
  const other = driven()
  other.send(evidence({}), 0)
  const third = (AGE / 3) * jitterOf(other)
  other.send(evidence({ kind: 'arp-probe', anchor: TAP2 }), third - 1000)
  assert.equal(other.wait(third).length, 1, 'on another port, nobody is bothered, and nobody can hinder')
})

test('an address that somebody asks for again and again, and nobody has, is given up after its age', () => {
  const d = driven()
  d.send(evidence({}), 0)
  for (let at = 1000; at < 3 * AGE; at += 5000) {
    assert.deepEqual(probes(d.wait(at)), [])
    d.send(evidence({ kind: 'arp-probe', mac: VM2 }), at)
  }
  assert.equal(d.table.size, 0)
  assert.equal(d.table.withdrawn.aged, 1)
})

test('behind another VTEP nobody is asked; back from there at once', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  d.send(report('announced'), 10)
  d.send(remote(VM1, '10.0.0.1', 1), 20)
  d.send(report('remote'), 20)
  assert.equal(d.seen()?.state, 'remote')
  assert.deepEqual(d.wait(200_000), [])
  d.send(report('announced'), 200_000)
  assert.deepEqual(probes(d.wait(200_001)).length, 1, 'the bridge is about to forget it')
  const gone = driven()
  gone.connect()
  gone.send(evidence({}), 0)
  gone.send(report('announced'), 10)
  gone.send(report('remote'), 20)
  assert.deepEqual(gone.wait(AGE), [`300s remove 100 ${VM1} 10.0.0.1`])
})

test('a MAC that zebra lost is found again by asking its hosts at once', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  d.send(report('announced'), 10)
  d.send(report('mac-not-local'), 1000)
  assert.deepEqual(d.wait(1001), [`1s ${PROBE}`])
  d.send(evidence({}), 1010)
  d.send(report('mac-not-local'), 1020)
  assert.deepEqual(d.wait(2000), [], 'once is enough')
})
