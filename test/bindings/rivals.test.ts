// A claim that the owner answers may come a moment before the owner leaves, as when a router hands its address to another
// one: whoever made the claim is asked again, since it will not say so again for long.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import { step } from '../../src/bindings/step.js'
import {
  claim,
  type Driven,
  driven,
  DUPLICATES,
  evidence,
  KEY1,
  remote,
  TAP1,
  TAP2,
  TAP3,
  VM1,
  VM2,
  VM3,
} from './build.js'

const IP = KEY1.ip
const { duplicates } = DEFAULT_POLICY
const OWNER_ASKED = `probe tap1 ${VM1} ${IP}`
const RIVAL_ASKED = `probe tap2 ${VM2} ${IP}`
const lost = (anchor = TAP1) => ({ type: 'port-lost', ifindex: anchor.ifindex, reason: 'port-down' }) as const

type Answers = { owner: (now: number) => boolean; rival?: (now: number) => boolean }

/** Lets time pass, in which questions are answered at once by whoever answers them at that time. */
function pass(d: Driven, from: number, until: number, { owner, rival = () => true }: Answers): string[] {
  const lines: string[] = []
  for (let at = from; at <= until; at += 10) {
    const done = d.send({ type: 'tick' }, at)
    for (let line = done.shift(); line !== undefined; line = done.shift()) {
      lines.push(line)
      if (line === OWNER_ASKED && owner(at)) done.push(...d.send(evidence({ kind: 'arp-reply' })))
      if (line === RIVAL_ASKED && rival(at)) done.push(...d.send(claim({ kind: 'arp-reply' })))
      if (line.startsWith(`ask-remote ${VM1}`) && owner(at)) done.push(...d.send({ type: 'remote-answer', key: KEY1 }))
    }
  }
  return lines
}

/** The other VM claims the address once, at 1000 ms, and its owner answers as long as `owner` says. */
function claimedOnce(d: Driven, until: number, answers: Answers): string[] {
  d.send(evidence({}), 0)
  const first = d.send(claim(), 1000)
  if (answers.owner(1000)) d.send(evidence({ kind: 'arp-reply' }))
  return [...first, ...pass(d, 1000, until, answers)]
}

suite('an owner that answers, and leaves after that', () => {
  for (const late of [300, 1000, 1300, 2000, 3000])
    test(`${late} ms after the claim: the host that made it is asked, and has the address soon`, () => {
      const d = driven({ duplicates })
      claimedOnce(d, 1000 + late + 2500, { owner: (now) => now < 1000 + late })
      assert.equal(d.table.find(100, IP)?.mac, VM2)
      assert.ok(!d.noted.includes('held-down'))
    })

  test('long after the claim: the host is asked as soon as the owner is not known any more', () => {
    const d = driven({ duplicates })
    claimedOnce(d, 60_000, { owner: () => true })
    assert.equal(d.table.find(100, IP)?.mac, VM1)
    d.send(lost())
    assert.deepEqual(d.send({ type: 'tick' }), [RIVAL_ASKED])
    d.send(claim({ kind: 'arp-reply' }))
    assert.equal(d.table.find(100, IP)?.mac, VM2)
    assert.equal(d.table.rivals.size, 0)
  })

  test('behind another VTEP: the host that claimed the address here is asked, and the owner there once more', () => {
    for (const late of [300, 1000, 2000, 3000]) {
      const d = driven({ duplicates })
      d.send(remote(VM1, IP, 6))
      const owner = (now: number): boolean => now < late
      d.send(claim(), 0)
      pass(d, 0, late + 2500, { owner })
      assert.deepEqual([d.table.find(100, IP)?.mac, d.table.find(100, IP)?.minSeq], [VM2, 7], `${late}`)
      assert.ok(!d.noted.includes('held-down'))
    }
  })

  test('behind another VTEP, whose route goes later: the host is asked', () => {
    const d = driven({ duplicates })
    d.send(remote(VM1, IP, 6))
    d.send(claim(), 0)
    pass(d, 0, 60_000, { owner: () => true })
    assert.equal(d.table.size, 0)
    d.send(remote(VM1, IP, 6, true))
    assert.deepEqual(d.send({ type: 'tick' }), [RIVAL_ASKED])
  })
})

suite('a host whose claim was defended', () => {
  test('does not get the address unless it answers', () => {
    const d = driven({ duplicates })
    claimedOnce(d, 10_000, { owner: (now) => now < 1500, rival: () => false })
    assert.equal(d.table.find(100, IP)?.mac, VM1)
  })

  test('is asked thrice, and the owner thrice each time, however long both answer; that is one charge', () => {
    const d = driven({ duplicates })
    const lines = claimedOnce(d, 100_000, { owner: () => true })
    assert.equal(lines.filter((line) => line === RIVAL_ASKED).length, 3)
    assert.ok(lines.filter((line) => line === OWNER_ASKED).length <= 4 * 3)
    assert.equal(d.table.find(100, IP)?.mac, VM1)
    assert.equal(d.noted.filter((name) => name === 'defended').length, 4)
    for (let n = 1; n < duplicates.moves; n++) {
      assert.ok(!d.noted.includes('held-down'))
      d.send(claim(), 100_000 + n * 10_000)
      d.send(evidence({ kind: 'arp-reply' }))
      pass(d, 100_000 + n * 10_000, 110_000 + n * 10_000, { owner: () => true })
    }
  })

  test('is charged for what it says of its own accord, is held down, and is not asked any more then', () => {
    const d = driven({ duplicates })
    d.send(evidence({}), 0)
    const lines: string[] = []
    for (let at = 1000; at < 60_000; at += 1500) {
      lines.push(...d.send(claim(), at))
      d.send(evidence({ kind: 'arp-reply' }))
      lines.push(...pass(d, at, at + 1490, { owner: () => true }))
    }
    assert.equal(d.noted.filter((name) => name === 'held-down').length, 1)
    assert.equal(d.table.find(100, IP)?.mac, VM1)
    assert.equal(d.table.rivals.size, 0)
    assert.ok(lines.filter((line) => line === RIVAL_ASKED).length <= 10)
  })

  test('is asked in both forms, as some answer one of them only', () => {
    const d = driven({ duplicates })
    d.send(evidence({}), 0)
    d.send(claim(), 1000)
    const forms: string[] = []
    for (let at = 1000; at < 10_000; at += 10)
      for (const action of step(d.table, { type: 'tick' }, d.policy, at)) {
        if (action.type !== 'probe') continue
        if (action.mac === VM2) forms.push(action.form)
        else if (action.mac === VM1) d.send(evidence({ kind: 'arp-reply' }))
      }
    assert.deepEqual(forms, ['poll', 'resolution', 'poll'])
  })

  test('is not asked behind a port that is lost, or when it asks itself whether the address is free', () => {
    for (const end of [lost(TAP2), evidence({ kind: 'arp-probe', mac: VM2, anchor: TAP2 })]) {
      const d = driven({ duplicates })
      claimedOnce(d, 1300, { owner: () => true })
      assert.equal(d.table.rivals.size, 1)
      d.send(end)
      assert.equal(d.table.rivals.size, 0)
      assert.ok(!pass(d, 1300, 10_000, { owner: () => true }).includes(RIVAL_ASKED))
    }
  })

  test('is still asked when another VLAN of its port is lost, or a host elsewhere asks', () => {
    for (const end of [{ ...lost(TAP2), vlan: 7 }, evidence({ kind: 'arp-probe', mac: VM3, anchor: TAP3 })]) {
      const d = driven({ duplicates })
      claimedOnce(d, 1300, { owner: () => true })
      d.send(end)
      assert.ok(pass(d, 1300, 10_000, { owner: () => true }).includes(RIVAL_ASKED))
    }
  })

  test('is asked later when its port has no room for a question now', () => {
    const d = driven({ duplicates, probeRate: { perPort: 4, total: 1000 } })
    claimedOnce(d, 1300, { owner: () => true })
    for (let n = 0; n < 7; n++) d.table.confirmLimiter.reserve(TAP2.ifindex, 1500, { perPort: 1, total: 1000 })
    const lines = pass(d, 1300, 3500, { owner: () => true })
    assert.ok(!lines.includes(RIVAL_ASKED))
    assert.ok(pass(d, 3500, 6000, { owner: () => true }).includes(RIVAL_ASKED))
  })

  test('is not asked for an address that the configuration has given away since', () => {
    const d = driven({ duplicates })
    claimedOnce(d, 1300, { owner: () => true })
    d.send({ type: 'static', bindings: [{ ...KEY1, router: false }] })
    assert.deepEqual(pass(d, 1300, 10_000, { owner: () => true }), [])
    assert.equal(d.table.rivals.size, 0)
  })

  test('behind another port is the same host, which nobody need ask', () => {
    const d = driven({ duplicates: DUPLICATES })
    d.send(evidence({}), 0)
    d.send(evidence({ anchor: TAP2 }), 1000)
    d.send(evidence({ kind: 'arp-reply' }), 1001)
    assert.equal(d.table.rivals.size, 0)
  })
})
