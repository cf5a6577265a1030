// RFC 9161 3.7: an IP that changes its owner too often belongs to nobody for a while.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import { claim, type Driven, driven, evidence, KEY1, KEY2, remote, report, TAP1, VM1, VM2 } from './build.js'

const IP = '10.0.0.1'
const HOLD_DOWN = DEFAULT_POLICY.duplicates.holdDownMs
const frozenMacs = ({ table }: Driven): string[] => [...table.duplicates].map(({ mac }) => mac)

/** The other one claims the address, its owner objects: so many times, a second apart. */
function quarrel(d: Driven, times: number, from = 1000): string[] {
  let last: string[] = []
  for (let n = 0; n < times; n++) {
    d.send(claim(), from + n * 1000)
    last = d.send(evidence({ kind: 'arp-reply' }), from + n * 1000 + 1)
  }
  return last
}

test('two hosts that both insist: the fifth time, the address is withdrawn and frozen', () => {
  const d = driven()
  d.send(evidence({}), 0)
  assert.deepEqual(quarrel(d, 4), [])
  assert.deepEqual(quarrel(d, 1, 5000), [`remove 100 ${VM1} ${IP}`])
  assert.equal(d.seen()?.state, 'duplicate')
  assert.deepEqual(frozenMacs(d), [VM1])
  assert.ok(d.noted.includes('duplicate'))
})

test('an address that goes from host to host freezes with its latest owner, who was never announced', () => {
  const d = driven({ probes: 'off' })
  d.send(evidence({}), 0)
  for (let n = 0; n < 4; n++) d.send(n % 2 ? evidence({}) : claim(), 1000 * n)
  assert.equal(d.table.find(100, IP)?.mac, VM1)
  assert.equal(d.send(claim(), 5000)[0], `remove 100 ${VM1} ${IP}`)
  assert.equal(d.seen(KEY2)?.state, 'duplicate')
})

test('one host that shows up behind two ports by turns is a duplicate, too', () => {
  const d = driven()
  d.send(evidence({}), 0)
  for (let n = 0; n < 4; n++) assert.equal(d.send(evidence(n % 2 ? {} : { anchor: { ...TAP1, vlan: 5 } }), n).length, 1)
  assert.deepEqual(d.send(evidence({ anchor: { ...TAP1, vlan: 5 } }), 10), [`remove 100 ${VM1} ${IP}`])
})

test('a frozen address: nothing is believed, nobody is asked, and a port that goes up and down does not thaw it', () => {
  const d = driven()
  d.send(evidence({}), 0)
  quarrel(d, 5)
  d.send({ type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-gone' }, 6000)
  for (const again of [evidence({}), claim()]) assert.deepEqual(d.send(again, 7000), [])
  assert.equal(d.table.refused.duplicate, 2)
  assert.deepEqual(d.wait(HOLD_DOWN), [])
  assert.equal(d.seen()?.state, 'duplicate')
})

test('the hold-down time ends it: whoever speaks next has the address, and the counting starts anew', () => {
  const d = driven()
  d.send(evidence({}), 0)
  quarrel(d, 5, 0)
  d.wait(4001 + HOLD_DOWN - 1)
  assert.equal(d.table.size, 1)
  assert.deepEqual(d.wait(4001 + HOLD_DOWN), [], 'it was not announced')
  assert.equal(d.table.size + d.table.duplicates.size, 0)
  assert.equal(d.table.withdrawn['hold-down'], 1)
  d.send(claim())
  assert.equal(d.table.find(100, IP)?.moves.length, 0)
})

test('an operator can end it, with either command', () => {
  for (const what of ['duplicate', 'binding'] as const) {
    const d = driven()
    d.send(evidence({}), 0)
    quarrel(d, 5)
    d.send({ type: 'clear', what, key: KEY1 })
    assert.equal(d.table.size + d.table.duplicates.size, 0)
    assert.equal(d.table.withdrawn.cleared, 1)
    assert.ok(d.noted.includes('released'))
  }
})

test('moves count within the window only', () => {
  const d = driven({ duplicates: { ...DEFAULT_POLICY.duplicates, windowMs: 10_000 } })
  d.send(evidence({}), 0)
  for (let n = 0; n < 20; n++) quarrel(d, 1, n * 3000)
  assert.notEqual(d.seen()?.state, 'duplicate')
  quarrel(d, 5, 100_000)
  assert.equal(d.seen()?.state, 'duplicate')
})

test('a frozen address is not moved by what the relay or bgpd say', () => {
  const d = driven()
  d.connect()
  d.send(evidence({}), 0)
  quarrel(d, 5)
  for (const event of [remote(VM2, IP, 3), report('remote'), report('announced')]) assert.deepEqual(d.send(event), [])
  assert.equal(d.seen()?.state, 'duplicate')
})

test('two nodes that both have the address: one of them sees too many turns, and freezes it', () => {
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
  assert.deepEqual(d.wait(at), [`0s probe tap1 ${VM1} ${IP}`], 'its selfMatch host is asked to object')
  assert.deepEqual(d.send(evidence({}), ++at), [`put 100 ${VM1} ${IP} tap1 seq>=1`])
  lose(2)
  assert.deepEqual(d.send(evidence({}), ++at), [`put 100 ${VM1} ${IP} tap1 seq>=3`])
  assert.deepEqual(lose(4), [], 'it may have given the address up')
  assert.deepEqual(d.send(evidence({}), ++at), [`remove 100 ${VM1} ${IP}`])
  assert.equal(d.seen()?.state, 'duplicate')
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
  assert.deepEqual(d.wait(4000).slice(-1), [`2s remove 100 ${VM1} ${IP}`])
  assert.equal(d.table.size, 0)
  assert.ok(!d.noted.includes('duplicate'))
})
