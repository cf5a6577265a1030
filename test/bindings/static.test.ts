// What the operator vouches for: nothing that is seen or announced takes it away.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Input } from '../../src/bindings/input.js'
import { claim, driven, evidence, gateway, KEY1, remote, report, restored, TAP1, VM1, VM2 } from './build.js'

const IP = '10.0.0.1'
const vouched = (mac = VM1): Input => ({ type: 'static', bindings: [{ vni: 100, mac, ip: IP, router: true }] })
const PUT = [`put 100 ${VM1} ${IP}  router`]

test('it is announced at once, without a port, and never ages', () => {
  const d = driven()
  assert.deepEqual(d.send(vouched(), 0), PUT)
  assert.deepEqual(d.wait(1e9), [])
  assert.equal(d.table.timers.next(), undefined)
  assert.equal(d.table.occupancy.size, 0, 'no limit counts it')
})

test('its host is seen, but teaches nothing; another one that claims the IP is refused', () => {
  const d = driven()
  d.send(vouched(), 0)
  assert.deepEqual(d.send(evidence({ kind: 'na', router: false }), 5), [])
  assert.equal(d.table.get(KEY1)?.lastSeen, 5)
  assert.deepEqual(d.send(claim()), [])
  assert.equal(d.table.refused.static, 1)
  assert.equal(d.table.find(100, IP)?.mac, VM1)
})

test('nothing withdraws it', () => {
  const d = driven()
  d.connect()
  d.send(vouched(), 0)
  d.send(report('announced'))
  const events: Input[] = [
    { type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-gone' },
    { type: 'port-lost', ifindex: 0, reason: 'port-gone' },
    evidence({ selfMatch: 'ip' }),
    evidence({ selfMatch: 'mac' }),
    gateway('zebra', VM1, IP),
    remote(VM2, IP, 5),
    report('remote'),
    report('mac-not-local'),
    { type: 'clear', what: 'binding', key: KEY1 },
  ]
  for (const event of events) assert.deepEqual(d.send(event), [], JSON.stringify(event))
  assert.deepEqual(d.send(restored({ mac: VM2 })), [`remove 100 ${VM2} ${IP}`])
  assert.equal(d.table.get(KEY1)?.isStatic, true)
  assert.equal(d.table.timers.next(), undefined)
})

test('it replaces what was learned, contested or frozen', () => {
  const d = driven()
  d.send(claim(), 0)
  d.send(evidence({}), 1)
  assert.deepEqual(d.send(vouched(), 2), [`remove 100 ${VM2} ${IP}`, ...PUT])
  assert.equal(d.table.contested.size, 0)
  assert.equal(d.wait(10_000).length, 0)
  const frozen = driven({ probes: 'off' })
  for (let n = 0; n < 6; n++) frozen.send(n % 2 ? evidence({}) : claim(), n)
  assert.deepEqual(frozen.send(vouched()), PUT)
  assert.equal(frozen.table.duplicates.size, 0)
})
