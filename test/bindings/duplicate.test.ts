// RFC 9161 3.7: an IP that changes its owner too often belongs to nobody for a while. A claim that its owner answers is no
// change of owner: it costs whoever makes it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { step } from '../../src/bindings/step.js'
import {
  claim,
  DUPLICATES,
  type Driven,
  driven,
  evidence,
  KEY1,
  KEY2,
  remote,
  report,
  TAP1,
  TAP2,
  TAP3,
  VM1,
  VM2,
} from './build.js'

const IP = '10.0.0.1'
const HOLD_DOWN = DUPLICATES.holdDownMs
const frozenMacs = ({ table }: Driven): string[] => [...table.duplicates].map(({ mac }) => mac)

/** One of the questions to an owner that answers both decides. */
function object(d: Driven, from: number): string[] {
  d.send(evidence({ kind: 'arp-reply' }), from + 1)
  d.wait(from + 1000)
  return d.send(evidence({ kind: 'arp-reply' }), from + 1001)
}

/** The other one claims the address, its owner objects: so many times, some seconds apart. */
function quarrel(d: Driven, times: number, from = 1000): string[] {
  let last: string[] = []
  for (let n = 0; n < times; n++) {
    d.send(claim(), from + n * 4500)
    last = object(d, from + n * 4500)
  }
  return last
}

/** The address goes to and fro so many times: each host is silent when the other one claims it. */
function wander(d: Driven, times: number, from = 1000, everyMs = 10_000): string[] {
  let last: string[] = []
  for (let n = 0; n < times; n++) {
    const isHome = d.table.find(100, IP)?.mac === VM1
    d.send(isHome ? claim() : evidence({}), from + n * everyMs)
    last = d.wait(from + n * everyMs + 3000)
  }
  return last
}

test('two hosts that both insist: whoever had it first keeps it, and the other is not believed for a while', () => {
  const d = driven()
  d.send(evidence({}), 0)
  assert.deepEqual(quarrel(d, 20), [])
  assert.equal(d.table.find(100, IP)?.mac, VM1)
  assert.notEqual(d.seen()?.state, 'duplicate')
  assert.equal(d.noted.filter((name) => name === 'defended').length, 5)
  assert.equal(d.noted.filter((name) => name === 'held-down').length, 1, 'reported once')
  assert.equal(d.table.refused['held-down'], 15)
  assert.deepEqual(d.send(evidence({ mac: VM2, anchor: TAP2, ip: '10.0.0.2' })).length, 1, 'its own address is its own')
})

test('the hold-down time of a challenger ends; when the owner goes, it has the address at once', () => {
  const d = driven()
  d.send(evidence({}), 0)
  quarrel(d, 6)
  d.wait(30_000 + HOLD_DOWN)
  d.send(evidence({}))
  assert.equal(d.send(claim()).length, 1, 'the owner is asked again')
  object(d, 30_000 + HOLD_DOWN)
  quarrel(d, 5, 35_000 + HOLD_DOWN)
  d.send({ type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-down' })
  assert.deepEqual(d.send(claim()), [`put 100 ${VM2} ${IP} tap2`])
})

test('what was not believed is heard as soon as the owner is gone, or an operator says so', () => {
  for (const end of [
    { type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-down' },
    { type: 'clear', what: 'held-down', key: KEY2 },
  ] as const) {
    const d = driven()
    d.send(evidence({}), 0)
    quarrel(d, 6)
    const actions = step(d.table, end, d.policy, 40_000)
    assert.ok(actions.some((it) => it.type === 'forget' && it.mac === VM2 && it.anchor === TAP2))
    assert.equal(d.table.unheard.size, 0)
  }
  const d = driven()
  d.send(remote(VM1, IP))
  for (let n = 0; n < 6; n++) {
    d.send(claim(), n * 4500)
    d.wait(n * 4500 + 1000)
    d.send(answerOf(VM1))
  }
  assert.equal(d.table.unheard.size, 1)
  const actions = step(d.table, remote(VM1, IP, 0, true), d.policy, 40_000)
  assert.ok(actions.some((it) => it.type === 'forget' && it.mac === VM2 && it.anchor === TAP2))
})

const answerOf = (mac: string) => ({ type: 'remote-answer', key: { vni: 100, mac, ip: IP } }) as const

test('repeated announcements within a moment are one claim', () => {
  const d = driven()
  d.send(evidence({}), 0)
  d.send(claim(), 1000)
  object(d, 1000)
  for (let n = 0; n < 50; n++) d.send(claim(), 2002 + n)
  object(d, 2052)
  assert.equal(d.noted.filter((name) => name === 'defended').length, 2)
  assert.ok(!d.noted.includes('held-down'))
  assert.equal(d.table.challengers.size, 2)
})

test('a host that invents MACs is held down by its port, and its neighbours on other ports are not', () => {
  const d = driven()
  d.send(evidence({}), 0)
  for (let n = 0; n < 60; n++) {
    // so many within the time in which claims are counted that five times ten are
    d.send(claim({ mac: `02:00:00:00:00:${n.toString(16).padStart(2, '0')}` }), 1000 + n * 3300)
    object(d, 1000 + n * 3300)
  }
  assert.equal(d.table.refused['held-down'], 10)
  assert.equal(d.send(claim({ anchor: TAP3 })).length, 1, 'the owner is asked')
})

test('an address that goes from host to host freezes with its latest owner, who was never announced', () => {
  const d = driven({ probes: 'off' })
  d.send(evidence({}), 0)
  for (let n = 0; n < 4; n++) d.send(n % 2 ? evidence({}) : claim(), 1000 * n)
  assert.equal(d.table.find(100, IP)?.mac, VM1)
  assert.equal(d.send(claim(), 5000)[0], `remove 100 ${VM1} ${IP}`)
  assert.equal(d.seen(KEY2)?.state, 'duplicate')
})

test('one host that shows up in two VLANs by turns moves every time, and is no duplicate: its route is the same', () => {
  const d = driven()
  d.send(evidence({}), 0)
  for (let n = 0; n < 20; n++)
    assert.equal(d.send(evidence(n % 2 ? {} : { anchor: { ...TAP1, vlan: 5 } }), n).length, 1)
  assert.notEqual(d.seen()?.state, 'duplicate')
})

test('a frozen address: nothing is believed, nobody is asked, and a port that goes up and down does not thaw it', () => {
  const d = driven()
  d.send(evidence({}), 0)
  wander(d, 5)
  d.send({ type: 'port-lost', ifindex: TAP2.ifindex, reason: 'port-gone' })
  for (const again of [evidence({}), claim()]) assert.deepEqual(d.send(again), [])
  assert.equal(d.table.refused.duplicate, 2)
  assert.deepEqual(d.wait(HOLD_DOWN), [])
  assert.equal(d.seen(KEY2)?.state, 'duplicate')
})

test('the hold-down time ends it: whoever speaks next has the address, and the counting starts anew', () => {
  const d = driven()
  d.send(evidence({}), 0)
  wander(d, 5, 0)
  const thawed = 43_000 + HOLD_DOWN
  d.wait(thawed - 1)
  assert.equal(d.table.size, 1)
  assert.deepEqual(d.wait(thawed), [], 'it was not announced')
  assert.equal(d.table.size + d.table.duplicates.size, 0)
  assert.equal(d.table.withdrawn['hold-down'], 1)
  d.send(claim())
  assert.equal(d.table.find(100, IP)?.moves.length, 0)
})

test('an operator can end it, with either command', () => {
  for (const what of ['duplicate', 'binding'] as const) {
    const d = driven()
    d.send(evidence({}), 0)
    wander(d, 5)
    d.send({ type: 'clear', what, key: KEY2 })
    assert.equal(d.table.size + d.table.duplicates.size, 0)
    assert.equal(d.table.withdrawn.cleared, 1)
    assert.ok(d.noted.includes('released'))
  }
})

test('moves count within the window only', () => {
  const d = driven({ duplicates: { ...DUPLICATES, windowMs: 15_000 } })
  d.send(evidence({}), 0)
  for (let n = 0; n < 20; n++) wander(d, 1, n * 20_000)
  assert.deepEqual(frozenMacs(d), [])
  wander(d, 5, 500_000, 3000)
  assert.equal(frozenMacs(d).length, 1)
})

test('a frozen address is not moved by what the relay or bgpd say', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  wander(d, 5)
  const others = [remote(VM1, IP, 3), report('remote', KEY2), report('announced', KEY2)]
  for (const event of others) assert.deepEqual(d.send(event), [])
  assert.equal(d.seen(KEY2)?.state, 'duplicate')
})

test('two nodes that both have the address: the one that has lost it too often asks there, and yields', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  let at = 0
  const lose = (seq: number): string[] => {
    d.send(report('announced'), (at += 100))
    d.send(remote(VM2, IP, seq), at)
    return d.send(report('remote'), at)
  }
  lose(0)
  assert.deepEqual(d.wait(at), [`0s probe tap1 ${VM1} ${IP}`], 'its own host is asked to object')
  assert.deepEqual(d.send(evidence({}), ++at), [`put 100 ${VM1} ${IP} tap1 seq>=1`])
  lose(2)
  assert.deepEqual(d.send(evidence({}), ++at), [`put 100 ${VM1} ${IP} tap1 seq>=3`])
  assert.deepEqual(lose(4), [], 'it may have given the address up')
  assert.deepEqual(d.send(evidence({}), ++at), [`remove 100 ${VM1} ${IP}`, `ask-remote ${VM2} ${IP}`])
  assert.equal(d.seen()?.state, 'claiming')
  assert.deepEqual(d.send({ type: 'remote-answer', key: KEY2 }, ++at), [])
  assert.equal(d.seen()?.state, 'claiming', 'the owner there is asked again')
  d.wait(at + 1000)
  assert.deepEqual(d.send({ type: 'remote-answer', key: KEY2 }), [])
  assert.equal(d.table.size + d.table.duplicates.size, 0)
  assert.equal(d.table.withdrawn.defended, 1)
})

test('a host that gives the address up after a quarrel with another node leaves nothing frozen behind', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  for (let seq = 0; seq <= 4; seq += 2) {
    d.send(report('announced'), seq)
    d.send(remote(VM2, IP, seq), seq)
    d.send(report('remote'), seq)
    if (seq < 4) d.send(evidence({}), seq + 1)
  }
  assert.equal(d.table.get(KEY1)?.moves.length, 5)
  assert.deepEqual(d.wait(4000).slice(-1), [`3s remove 100 ${VM1} ${IP}`])
  assert.equal(d.table.size, 0)
  assert.ok(!d.noted.includes('duplicate'))
})
