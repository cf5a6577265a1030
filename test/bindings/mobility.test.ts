// evpn-semantics: an IP that is announced behind another VTEP with another MAC is won with a higher sequence number.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claim, driven, evidence, KEY1, remote, report, TAP1, VM1, VM2, VM3 } from './build.js'

const IP = '10.0.0.1'
const put = (seq: number): string[] => [`put 100 ${VM1} ${IP} tap1${seq > 0 ? ` seq>=${seq}` : ''}`]
const STICKY = 1

const ask = (mac: string): string => `ask-remote ${mac} ${IP}`
/** The second question: as a neighbour asks that wants to send something. */
const resolve = (mac: string): string => `${ask(mac)} resolution`
const answer = (mac: string) => ({ type: 'remote-answer', key: { vni: 100, mac, ip: IP } }) as const

test('an IP is taken over from another VTEP with a higher sequence number, if its owner there is silent', () => {
  const d = driven()
  d.send(remote(VM2, IP, 6))
  assert.deepEqual(d.send(evidence({}), 0), [ask(VM2)])
  assert.equal(d.seen()?.state, 'claiming')
  assert.deepEqual(d.send(evidence({}), 10), [], 'asked once, whatever it repeats')
  assert.deepEqual(d.wait(3000), [`1s ${resolve(VM2)}`, `2s ${ask(VM2)}`, ...put(7).map((line) => `3s ${line}`)])
  assert.equal(d.table.get(KEY1)?.moves.length, 1, 'it has moved')
})

test('an owner behind another VTEP that answers keeps the IP, and the claim is charged to the challenger', () => {
  const d = driven()
  d.send(remote(VM2, IP, 6))
  for (let n = 0; n < 5; n++) {
    d.send(evidence({}), n * 4500)
    assert.deepEqual(d.send(answer(VM2), n * 4500 + 1), [])
    assert.equal(d.seen()?.state, 'claiming', 'it may be about to give the IP up')
    d.wait(n * 4500 + 1000)
    assert.deepEqual(d.send(answer(VM2)), [])
    assert.equal(d.table.size, 0)
  }
  assert.equal(d.noted.filter((name) => name === 'held-down').length, 1)
  assert.deepEqual(d.send(evidence({}), 25_000), [])
  assert.equal(d.table.refused['held-down'], 1)
  assert.deepEqual(d.send(evidence({ ip: '10.0.0.2' })), [`put 100 ${VM1} 10.0.0.2 tap1`], 'its own address is its own')
})

test('only the host that bgpd knows there can answer, and only while it is asked', () => {
  const d = driven()
  d.send(answer(VM2))
  d.send(remote(VM2, IP, 6))
  d.send(evidence({}), 0)
  for (const mac of [VM1, VM3]) d.send(answer(mac), 1)
  assert.equal(d.seen()?.state, 'claiming')
  d.wait(3000)
  d.send(answer(VM2))
  assert.equal(d.table.find(100, IP)?.mac, VM1)
})

test('a route that goes while its host is asked gives the IP to whoever claims it, at once', () => {
  const d = driven()
  d.send(remote(VM2, IP, 6))
  d.send(evidence({}), 0)
  assert.deepEqual(d.send(remote(VM2, IP, 6, true), 100), put(0))
  assert.equal(d.table.get(KEY1)?.moves.length, 0)
})

test('a claim here does not outlive its port', () => {
  const d = driven()
  d.send(remote(VM2, IP, 6))
  d.send(evidence({}), 0)
  assert.deepEqual(d.send({ type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-down' }, 1), [])
  assert.equal(d.table.size, 0)
})

test('without probes nobody is asked, here or elsewhere', () => {
  const d = driven({ probes: 'off' })
  d.send(remote(VM2, IP, 6))
  assert.deepEqual(d.send(evidence({})), put(7))
})

test('whoever has taken an IP from another VTEP does not insist when it is taken back, but asks there', () => {
  const d = driven()
  d.connect()
  d.send(remote(VM2, IP, 6))
  d.send(evidence({}), 0)
  d.wait(3000)
  d.send(report('announced'))
  d.send(remote(VM2, IP, 8))
  d.send(report('remote'))
  assert.deepEqual(d.send(evidence({}), 3001).slice(-1), [ask(VM2)])
  d.wait(4001)
  d.send(answer(VM2))
  assert.equal(d.table.size, 0)
})

test('the highest of several remote routes is the one to beat', () => {
  const d = driven()
  d.send(remote(VM2, IP, 6))
  d.send(remote(VM3, IP, 9))
  d.send(remote(VM3, '10.0.0.2', 20))
  assert.deepEqual(d.send(evidence({}), 0), [ask(VM3)])
  assert.deepEqual(d.wait(3000).slice(-1), [`3s ${put(10)[0]}`])
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
  last.send(evidence({}), 0)
  assert.deepEqual(last.wait(3000).slice(-1), [`3s ${put(0xffff_ffff)[0]}`])
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
  const asked = [0, 1, 2].map((at) => `${at}s probe tap1 ${VM1} ${IP}`)
  assert.deepEqual(silent.wait(TAP1.ageingMs), [...asked, `3s remove 100 ${VM1} ${IP}`])
})

test('a host that claims an IP at the same moment as another one behind another VTEP, and loses, is asked as well', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  d.send(remote(VM2, IP, 0), 1)
  d.send(report('remote'), 1)
  assert.deepEqual(d.wait(500), [`0s probe tap1 ${VM1} ${IP}`])
  assert.deepEqual(d.send(evidence({ kind: 'arp-reply' }), 501), [`remove 100 ${VM1} ${IP}`, ask(VM2)])
  assert.deepEqual(d.wait(3501).slice(-1), [`4s ${put(1)[0]}`])
})

test('a host is not asked to object while it asks whether the address is free', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  d.send(report('announced'), 1)
  d.send(evidence({ kind: 'arp-probe' }), 1)
  d.send(remote(VM2, IP, 3), 2)
  d.send(report('remote'), 2)
  assert.deepEqual(d.wait(10_000), [`3s remove 100 ${VM1} ${IP}`])
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

test('an IP that went to another VTEP, and is taken from there by another host here, has moved twice', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  d.send(report('announced'))
  d.send(remote(VM3, IP, 1), 1000)
  d.send(report('remote'))
  assert.equal(d.table.get(KEY1)?.moves.length, 1)
  assert.deepEqual(d.send(claim(), 1100).slice(-1), [ask(VM3)])
  d.wait(4100)
  const { mac, moves } = d.table.find(100, IP) ?? assert.fail()
  assert.deepEqual([mac, moves.length], [VM2, 2])
})

test('moves stay with the IP when it changes its owner here', () => {
  const d = driven({ probes: 'off' })
  d.send(evidence({}), 0)
  d.send(claim(), 1)
  d.send(evidence({}), 2)
  assert.equal(d.table.get(KEY1)?.moves.length, 2)
})
