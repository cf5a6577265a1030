// RFC 9161 3.7: another host says that it has the address; the former owner is asked first.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { step } from '../../src/bindings/step.js'
import {
  claim,
  driven,
  evidence,
  gateway,
  KEY1,
  KEY2,
  remote,
  report,
  TAP1,
  TAP2,
  TAP3,
  VM1,
  VM2,
  VM3,
} from './build.js'

const IP = '10.0.0.1'
const CONFIRM = `probe tap1 ${VM1} ${IP}`
const lost = (anchor = TAP1) => ({ type: 'port-lost', ifindex: anchor.ifindex, reason: 'port-down' }) as const

test('the former owner is asked thrice, stays announced meanwhile, and loses the address if it is silent', () => {
  const { table, send, wait, seen, noted } = driven()
  send(evidence({}), 0)
  assert.deepEqual(send(claim(), 1000), [CONFIRM])
  assert.equal(seen()?.state, 'contested')
  assert.deepEqual(wait(3999), [`2s ${CONFIRM}`, `3s ${CONFIRM}`])
  assert.equal(table.find(100, IP)?.mac, VM1)
  assert.deepEqual(wait(4000), [`4s remove 100 ${VM1} ${IP}`, `4s put 100 ${VM2} ${IP} tap2`], 'DEL before ADD')
  assert.deepEqual(noted, ['learned', 'contested', 'withdrawn', 'taken-over'])
  assert.equal(table.withdrawn['other-mac'], 1)
  assert.equal(table.contested.size, 0)
})

test('a former owner that answers keeps the address, once it has been asked again', () => {
  const { table, send, wait, seen, noted } = driven()
  send(evidence({}), 0)
  send(claim(), 1000)
  assert.deepEqual(send(evidence({ kind: 'arp-reply' }), 1001), [])
  assert.equal(seen()?.state, 'contested')
  assert.deepEqual(wait(2000), [`2s ${CONFIRM}`])
  assert.deepEqual(send(evidence({ kind: 'arp-reply' }), 2001), [])
  assert.notEqual(seen()?.state, 'contested')
  const challengerAsked = `probe tap2 ${VM2} ${IP}`
  assert.deepEqual(
    wait(10_000),
    [3, 4, 6].map((at) => `${at}s ${challengerAsked}`),
    'the owner is left alone',
  )
  assert.equal(table.find(100, IP)?.mac, VM1)
  assert.equal(table.refused.defended, 1)
  assert.ok(noted.includes('defended'))
})

test('one of two answers may be lost', () => {
  const { table, send, wait, seen } = driven()
  send(evidence({}), 0)
  send(claim(), 1000)
  assert.deepEqual(wait(3999), [`2s ${CONFIRM}`, `3s ${CONFIRM}`])
  send(evidence({ kind: 'arp-reply' }), 3999)
  assert.notEqual(seen()?.state, 'contested')
  wait(10_000)
  assert.equal(table.find(100, IP)?.mac, VM1)
})

test('an owner that answers and gives the address up then has lost it, and nobody is charged', () => {
  const { table, send, wait, noted } = driven()
  send(evidence({}), 0)
  send(claim(), 1000)
  send(evidence({ kind: 'arp-reply' }), 1001)
  assert.deepEqual(wait(4000).slice(-2), [`4s remove 100 ${VM1} ${IP}`, `4s put 100 ${VM2} ${IP} tap2`])
  assert.equal(table.find(100, IP)?.mac, VM2)
  assert.equal(table.challengers.size, 0)
  assert.ok(!noted.includes('defended'))
})

test('a claim that was read late leaves the former owner its time: what the frame is older by is not taken from it', () => {
  const { table, send, wait } = driven()
  send(evidence({}), 0)
  send({ type: 'tick' }, 10_000)
  assert.deepEqual(send(claim({ at: 7000 }), 10_000), [CONFIRM])
  assert.deepEqual(wait(12_999), [`11s ${CONFIRM}`, `12s ${CONFIRM}`])
  assert.equal(table.find(100, IP)?.mac, VM1)
  wait(13_000)
  const { mac, firstSeen, lastSeen } = table.find(100, IP) ?? assert.fail()
  assert.deepEqual({ mac, firstSeen, lastSeen }, { mac: VM2, firstSeen: 7000, lastSeen: 7000 }, 'the time of the frame')
})

test('one claim is decided at a time; the challenger may have moved meanwhile', () => {
  const { table, send, wait } = driven()
  send(evidence({}), 0)
  send(claim(), 1000)
  assert.deepEqual(send(evidence({ mac: VM3, anchor: TAP3 }), 1100), [])
  send(claim({ anchor: TAP3 }), 1200)
  wait(4000)
  assert.equal(table.find(100, IP)?.mac, VM2)
  assert.equal(table.find(100, IP)?.anchor, TAP3)
})

test('a claim whose port is lost cannot win', () => {
  for (const vlan of [undefined, 0]) {
    const { table, send, wait } = driven()
    send(evidence({}), 0)
    send(claim(), 1000)
    assert.deepEqual(send({ ...lost(TAP2), ...(vlan === undefined ? {} : { vlan }) }, 1500), [])
    assert.equal(table.contested.size, 0)
    wait(10_000)
    assert.equal(table.find(100, IP)?.mac, VM1)
    assert.equal(table.onPort(TAP2.ifindex).size, 0)
  }
  const { table, send, wait } = driven()
  send(evidence({}), 0)
  send(claim(), 1000)
  send({ ...lost(TAP2), vlan: 7 }, 1500)
  wait(10_000)
  assert.equal(table.find(100, IP)?.mac, VM2, 'another VLAN of the port is another network')
})

test('if the owner’s port is lost, nobody is left to object', () => {
  const { table, send } = driven()
  send(evidence({}), 0)
  send(claim(), 1000)
  assert.deepEqual(send(lost(), 1500), [`remove 100 ${VM1} ${IP}`, `put 100 ${VM2} ${IP} tap2`])
  assert.equal(table.find(100, IP)?.moves.length, 0, 'nor is that a duplicate')
})

test('a challenger that has become a gateway meanwhile cannot win', () => {
  for (const ending of ['time', 'port'] as const) {
    const { table, send, wait } = driven()
    send(evidence({}), 0)
    send(claim(), 1000)
    send(gateway('zebra', VM2, '10.0.0.254'), 1500)
    if (ending === 'port') assert.deepEqual(send(lost(), 1600), [`remove 100 ${VM1} ${IP}`])
    wait(10_000)
    assert.equal(table.find(100, IP)?.mac, ending === 'time' ? VM1 : undefined)
    if (ending === 'time') assert.equal(table.refused.gateway, 1)
  }
})

test('nobody is asked whom nobody can ask: not seen in this run, behind another VTEP, or probes are off', () => {
  const takesOver = [`remove 100 ${VM1} ${IP}`, `put 100 ${VM2} ${IP} tap2`]
  const silent = driven({ probes: 'off' })
  silent.send(evidence({}), 0)
  assert.deepEqual(silent.send(claim(), 1000), takesOver)
  const away = driven()
  away.connect()
  away.send(evidence({}), 0)
  away.send(report('remote'), 1)
  assert.deepEqual(away.send(claim(), 1000), takesOver)
  const leaving = driven()
  leaving.connect()
  leaving.send(evidence({}), 0)
  leaving.send(claim(), 1000)
  leaving.send(remote(VM1, undefined), 1100)
  leaving.send(report('mac-not-local'), 1100)
  assert.deepEqual(
    leaving.wait(2000),
    takesOver.map((line) => `2s ${line}`),
    'left while it was asked',
  )
})

test('an owner that just asks whether the address is free does not have it, and is left alone', () => {
  const { table, send, wait } = driven()
  send(evidence({}), 0)
  send(evidence({ kind: 'arp-probe' }), 900)
  assert.deepEqual(send(claim(), 1000), [])
  assert.deepEqual(wait(3999), [])
  wait(4000)
  assert.equal(table.find(100, IP)?.mac, VM2)
})

test('when bgpd prefers a route behind another VTEP, there is nothing left to decide here', () => {
  const { table, send, seen, wait, connect } = driven()
  connect()
  send(evidence({}), 0)
  send(claim(), 1000)
  send(report('remote'), 1100)
  assert.equal(seen()?.state, 'remote')
  assert.equal(table.contested.size, 0)
  wait(10_000)
  assert.equal(table.find(100, IP)?.mac, VM1)
})

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}`)

test('a router that takes over many addresses at once: all their owners are asked at once', () => {
  const { table, send, wait } = driven()
  const ips = many(30)
  for (const ip of ips) send(evidence({ ip }), 0)
  const answers = ips.map((ip) => send(claim({ ip }), 100_000))
  assert.deepEqual(
    answers.filter(([first]) => first?.startsWith('probe') !== true),
    [],
  )
  wait(103_000)
  assert.deepEqual(
    ips.filter((ip) => table.find(100, ip)?.mac !== VM2),
    [],
  )
})

test('more of them than are asked at once wait for some seconds', () => {
  const { table, send, wait } = driven()
  const ips = many(128)
  for (const ip of ips) send(evidence({ ip }), 0)
  for (const ip of ips) send(claim({ ip }), 100_000)
  assert.equal(table.refused['confirm-busy'], 0)
  wait(120_000)
  assert.deepEqual(
    ips.filter((ip) => table.find(100, ip)?.mac !== VM2),
    [],
  )
})

test('more claims than former owners can be asked within that time are refused, and heard again', () => {
  const { table, policy, send, wait } = driven({ probeRate: { perPort: 4, total: 1000 } })
  const ips = many(10)
  for (const ip of ips) send(evidence({ ip }), 0)
  const answers = ips.map((ip) => step(table, claim({ ip }), policy, 100_000))
  const asked = ips.filter((ip) => table.find(100, ip)?.phase === 'contested')
  assert.ok(asked.length > 0 && asked.length < 8, `${asked.length} are asked`)
  assert.equal(table.refused['confirm-busy'], 10 - asked.length)
  assert.deepEqual(
    ips.filter((_, index) => answers[index]?.some(({ type }) => type === 'forget')),
    ips.filter((ip) => !asked.includes(ip)),
  )
  wait(120_000)
  assert.equal(table.contested.size, 0)
})

test('refreshing a whole table does not keep claims from being decided', () => {
  const { table, send } = driven({ probeRate: { perPort: 10, total: 10 } })
  for (let n = 1; n <= 100; n++) send(evidence({ ip: `10.0.0.${n}` }), 0)
  send({ type: 'tick' }, 100_000)
  assert.deepEqual(send(claim(), 100_000), [CONFIRM])
  assert.equal(table.refused['confirm-busy'], 0)
})

test('a challenger whose owner is gone is heard again at once', () => {
  const { table, policy, send } = driven()
  send(evidence({}), 0)
  send(claim(), 1000)
  const actions = step(table, { type: 'clear', what: 'binding', key: KEY1 }, policy, 1100)
  assert.ok(actions.some((action) => action.type === 'forget' && action.mac === VM2 && action.anchor === TAP2))
})

test('gone, an owner leaves no contest behind', () => {
  for (const end of [{ type: 'clear', what: 'binding', key: KEY1 }, lost(), gateway('bgpd', VM1, IP)] as const) {
    const { table, send } = driven()
    send(evidence({}), 0)
    send(claim({ anchor: TAP1 }), 1000)
    send(end, 1100)
    assert.equal(table.size + table.contested.size, 0)
    assert.equal(table.get(KEY2), undefined)
  }
})
