// evpn-semantics: an IP that is announced behind another VTEP with another MAC is won with a higher sequence number.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claim, driven, evidence, KEY1, remote, report, TAP1, VM1, VM2, VM3 } from './build.js'

const IP = '10.0.0.1'
const put = (seq: number): string[] => [`put 100 ${VM1} ${IP} tap1${seq > 0 ? ` seq>=${seq}` : ''}`]
const STICKY = 1

test('an IP taken over from another VTEP is announced with a higher sequence number', () => {
  const d = driven()
  d.send(remote(VM2, IP, 6))
  assert.deepEqual(d.send(evidence({})), put(7))
  assert.equal(d.table.get(KEY1)?.moves.length, 1, 'it has moved')
})

test('the highest of several remote routes is the one to beat', () => {
  const d = driven()
  d.send(remote(VM2, IP, 6))
  d.send(remote(VM3, IP, 9))
  d.send(remote(VM3, '10.0.0.2', 20))
  assert.deepEqual(d.send(evidence({})), put(10))
})

test('the same MAC behind another VTEP is zebra’s to move', () => {
  const d = driven()
  d.send(remote(VM1, IP, 6))
  assert.deepEqual(d.send(evidence({})), put(0))
  d.connect()
  d.send(report('remote'))
  assert.deepEqual(d.send(evidence({})), [], 'zebra will see the MAC, and say so')
})

test('a route that is gone has no say, nor one of another VNI', () => {
  const d = driven()
  d.send(remote(VM2, IP, 6))
  d.send(remote(VM2, IP, 6, true))
  assert.deepEqual(d.send(evidence({})), put(0))
  const other = driven()
  other.send(remote(VM2, IP, 6))
  assert.deepEqual(other.send(evidence({ vni: 200 })), [`put 200 ${VM1} ${IP} tap1`])
})

test('nobody overtakes a sticky route, nor the last sequence number', () => {
  for (const [seq, flags] of [
    [6, STICKY],
    [0xffff_ffff, 0],
  ] as const) {
    const d = driven()
    d.connect()
    d.send(remote(VM2, IP, seq, false, flags))
    assert.deepEqual(d.send(evidence({})), put(0))
    d.send(report('remote'))
    assert.deepEqual(d.send(evidence({})), [])
  }
  const last = driven()
  last.send(remote(VM2, IP, 0xffff_fffe))
  assert.deepEqual(last.send(evidence({})), put(0xffff_ffff))
})

test('a host that speaks although bgpd prefers another route wins the IP back; a silent one does not', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  d.send(report('announced'), 1)
  d.send(remote(VM2, IP, 3), 2)
  d.send(report('remote'), 2)
  assert.deepEqual(d.wait(500), [`0s probe tap1 ${VM1} ${IP}`])
  assert.deepEqual(d.send(evidence({}), 501), put(4))
  assert.deepEqual(d.send(evidence({}), 502), [], 'said once')
  const silent = driven()
  silent.connect()
  silent.send(evidence({}), 0)
  silent.send(report('announced'), 1)
  silent.send(remote(VM2, IP, 3), 2)
  silent.send(report('remote'), 2)
  // what nobody has any longer must not come back when the other one is gone
  const asked = [`0s probe tap1 ${VM1} ${IP}`, `1s probe tap1 ${VM1} ${IP}`]
  assert.deepEqual(silent.wait(TAP1.ageingMs), [...asked, `2s remove 100 ${VM1} ${IP}`])
})

test('a host that claims an IP at the same moment as another one behind another VTEP, and loses, is asked as well', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  d.send(remote(VM2, IP, 0), 1)
  d.send(report('remote'), 1)
  assert.deepEqual(d.wait(500), [`0s probe tap1 ${VM1} ${IP}`])
  assert.deepEqual(d.send(evidence({ kind: 'arp-reply' }), 501), put(1))
})

test('a host is not asked to object while it asks whether the address is free', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  d.send(report('announced'), 1)
  d.send(evidence({ kind: 'arp-probe' }), 1)
  d.send(remote(VM2, IP, 3), 2)
  d.send(report('remote'), 2)
  assert.deepEqual(d.wait(10_000), [`2s remove 100 ${VM1} ${IP}`])
})

test('a migration and back, ten times, is no duplicate', () => {
  const d = driven()
  d.connect()
  for (let n = 0; n < 10; n++) {
    const at = n * 10_000
    assert.deepEqual(d.send(evidence({}), at), put(0))
    d.send(remote(VM1, IP, 2 * n, true), at + 1)
    d.send(report('announced'), at + 1)
    // the other node's zebra has seen it; a moment later the port here goes down
    d.send(remote(VM1, IP, 2 * n + 1), at + 5000)
    d.send(report('remote'), at + 5000)
    assert.deepEqual(d.send({ type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-gone' }, at + 6000), [
      `remove 100 ${VM1} ${IP}`,
    ])
  }
  assert.ok(!d.noted.includes('duplicate'))
  assert.equal(d.table.size, 0)
})

test('moves stay with the IP when it changes its owner here', () => {
  const d = driven({ probes: 'off' })
  d.send(evidence({}), 0)
  d.send(claim(), 1)
  d.send(evidence({}), 2)
  assert.equal(d.table.get(KEY1)?.moves.length, 2)
})
