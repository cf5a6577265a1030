import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_POLICY } from '../../src/evpn/refusal.js'
import { reasonOf, REASONS } from '../../src/evpn/state.js'
import { RESTORE_GRACE_MS } from '../../src/evpn/step.js'
import { driven, evidence, gateway, restored, TAP1, TAP2, VM1, VM2 } from './build.js'

test('the first frame of a host makes a binding, the next ones only refresh it', () => {
  const { table, send } = driven()
  assert.deepEqual(send(evidence({}), 5), [`put 100 ${VM1} 10.0.0.1 tap1`])
  assert.deepEqual(send(evidence({ kind: 'arp-reply' }), 9), [])
  const binding = table.find(100, '10.0.0.1')
  assert.equal(binding?.firstSeen, 5)
  assert.equal(binding.lastSeen, 9)
  assert.equal(binding.evidence, 'arp-reply')
})

test('one IP in two VNIs is two bindings', () => {
  const { table, send } = driven()
  send(evidence({ vni: 100 }))
  send(evidence({ vni: 200, mac: VM2, place: TAP2 }))
  assert.equal(table.find(100, '10.0.0.1')?.mac, VM1)
  assert.equal(table.find(200, '10.0.0.1')?.mac, VM2)
})

test('another MAC takes the IP over: the old entry goes before the new one comes', () => {
  const { send } = driven()
  send(evidence({}))
  assert.deepEqual(send(evidence({ mac: VM2, place: TAP2 })), [
    `remove 100 ${VM1} 10.0.0.1`,
    `forget tap1 ${VM1} 10.0.0.1`,
    `put 100 ${VM2} 10.0.0.1 tap2`,
  ])
})

test('the same host on another port: no withdrawal', () => {
  const { table, send } = driven()
  send(evidence({}))
  assert.deepEqual(send(evidence({ place: TAP2 })), [`forget tap1 ${VM1} 10.0.0.1`, `put 100 ${VM1} 10.0.0.1 tap2`])
  assert.deepEqual(send({ type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-gone' }), [])
  assert.equal(table.size, 1)
})

test('a port that is lost takes its bindings along at once, and no others', () => {
  const { table, send } = driven()
  send(evidence({ ip: '10.0.0.1' }))
  send(evidence({ ip: '10.0.0.2', place: { ...TAP1, vlan: 7 } }))
  send(evidence({ ip: '10.0.0.3', mac: VM2, place: TAP2 }))
  assert.deepEqual(send({ type: 'port-lost', ifindex: TAP1.ifindex, vlan: 7, reason: 'vni-changed' }), [
    `remove 100 ${VM1} 10.0.0.2`,
    `forget tap1 ${VM1} 10.0.0.2`,
  ])
  send({ type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-down' })
  assert.deepEqual(
    [...table.bindings()].map((binding) => binding.ip),
    ['10.0.0.3'],
  )
  assert.equal(table.withdrawn['vni-changed'], 1)
  assert.equal(table.withdrawn['port-down'], 1)
})

test('the router flag comes from neighbour advertisements and stays until one says otherwise', () => {
  const { send } = driven()
  const na = { kind: 'na', ip: '2001:db8::1', override: true } as const
  assert.deepEqual(send(evidence({ ...na, router: true })), [`put 100 ${VM1} 2001:db8::1 tap1 router`])
  assert.deepEqual(send(evidence({ ...na, router: true })), [])
  // RFC 4861 7.2.5: without O, an advertisement of the same MAC still sets the flag
  assert.deepEqual(send(evidence({ ...na, override: false })), [`put 100 ${VM1} 2001:db8::1 tap1`])
  assert.deepEqual(send(evidence({ router: true })), [`put 100 ${VM1} 10.0.0.1 tap1`], 'ARP has no such flag')
})

test('an advertisement without O creates but never takes over', () => {
  const { table, send } = driven()
  const na = { kind: 'na', ip: '2001:db8::1', override: false } as const
  assert.deepEqual(send(evidence(na)), [`put 100 ${VM1} 2001:db8::1 tap1`])
  assert.deepEqual(send(evidence({ ...na, mac: VM2 })), [])
  assert.equal(table.refused['na-not-override'], 1)
  assert.equal(send(evidence({ ...na, mac: VM2, override: true })).length, 3)
})

// rule 7 holds whatever the eBPF program lets through
const NEVER = {
  'bad-mac': ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '33:33:00:00:00:01'].map((mac) => ({
    mac,
  })),
  'bad-ip': [
    '0.0.0.0',
    '0.1.2.3',
    '127.0.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'ff02::1',
  ].map((ip) => ({ ip })),
  'no-port': [{ place: undefined }],
  'no-vni': [{ vni: undefined }],
  'own-mac': [{ own: 'mac' as const }],
  'own-ip': [{ own: 'ip' as const }],
  'mac-mismatch': [{ etherSource: VM2 }],
}
for (const [name, cases] of Object.entries(NEVER)) {
  test(`${name}: nothing is learned, and it is counted`, () => {
    const { table, send } = driven()
    for (const changes of cases) assert.deepEqual(send(evidence(changes)), [], JSON.stringify(changes))
    assert.equal(table.size, 0)
    assert.equal(table.refused[name as keyof typeof NEVER], cases.length)
  })
}

test('addresses that only look special are learned', () => {
  for (const ip of [
    '10.127.0.1',
    '1.0.0.1',
    '223.255.255.254',
    '169.254.1.1',
    'ff::1',
    '::2',
    '::ffff:0:1',
    'fe80::1',
  ]) {
    assert.equal(driven().send(evidence({ ip })).length, 1, ip)
  }
  const vrrp = { mac: '00:00:5e:00:01:07', etherSource: VM1 }
  assert.equal(driven().send(evidence(vrrp)).length, 1, 'VRRP speaks for its virtual MAC')
})

test('link-local and mismatching senders are a matter of policy', () => {
  const ignoring = driven({ ...DEFAULT_POLICY, linkLocal: 'ignore' })
  for (const ip of ['fe80::1', 'febf::1']) assert.deepEqual(ignoring.send(evidence({ ip })), [])
  assert.equal(ignoring.send(evidence({ ip: 'fec0::1' })).length, 1)
  assert.equal(ignoring.table.refused['link-local'], 2)
  const trusting = driven({ ...DEFAULT_POLICY, macMismatch: 'accept' })
  assert.equal(trusting.send(evidence({ etherSource: VM2 })).length, 1)
})

test("a spoofed or refused frame leaves the host's binding alone", () => {
  const { table, send } = driven()
  send(evidence({}))
  send(evidence({ etherSource: VM2 }))
  send(evidence({ place: undefined }))
  assert.equal(table.size, 1)
})

test('an address that becomes the node’s own is withdrawn with the next frame', () => {
  const { send } = driven()
  send(evidence({}))
  assert.deepEqual(send(evidence({ own: 'ip' })), [`remove 100 ${VM1} 10.0.0.1`, `forget tap1 ${VM1} 10.0.0.1`])
})

for (const by of ['zebra', 'bgpd'] as const) {
  test(`gateways that ${by} announced are never learned, by MAC or by IP`, () => {
    const { table, send } = driven()
    send(evidence({ ip: '10.0.0.254' }))
    send(evidence({ ip: '10.0.0.7', mac: VM2 }))
    assert.deepEqual(send(gateway(by, VM2, '10.0.0.254')), [
      `remove 100 ${VM2} 10.0.0.7`,
      `forget tap1 ${VM2} 10.0.0.7`,
      `remove 100 ${VM1} 10.0.0.254`,
      `forget tap1 ${VM1} 10.0.0.254`,
    ])
    assert.deepEqual(send(evidence({ ip: '10.0.0.254' })), [])
    assert.deepEqual(send(evidence({ ip: '10.0.0.7', mac: VM2 })), [])
    assert.equal(table.refused.gateway, 2)
    assert.equal(send(evidence({ ip: '10.0.0.254', vni: 200 })).length, 1, 'another VNI is another network')
    send(gateway(by, VM2, '10.0.0.254', true))
    assert.equal(send(evidence({ ip: '10.0.0.254' })).length, 1, 'no longer a gateway')
  })
}

test('a gateway announced twice is one until both announcements are gone', () => {
  const { send } = driven()
  send(gateway('zebra', VM2, '10.0.0.254'))
  send(gateway('bgpd', VM2, '10.0.0.254'))
  send(gateway('zebra', VM2, '10.0.0.254', true))
  assert.deepEqual(send(evidence({ ip: '10.0.0.254' })), [])
  send({ type: 'view', change: { type: 'vni', vni: 100, gone: true } })
  assert.equal(send(evidence({ ip: '10.0.0.254' })).length, 1, 'a VNI that goes takes its announcements along')
})

test('a binding not seen for the age goes; being seen puts it off', () => {
  const { table, send } = driven({ ...DEFAULT_POLICY, ageMs: 1000 })
  send(evidence({ ip: '10.0.0.1' }), 0)
  send(evidence({ ip: '10.0.0.2' }), 100)
  send(evidence({ ip: '10.0.0.1' }), 500)
  assert.deepEqual(send({ type: 'tick' }, 1099), [])
  assert.deepEqual(send({ type: 'tick' }, 1100), [`remove 100 ${VM1} 10.0.0.2`, `forget tap1 ${VM1} 10.0.0.2`])
  assert.equal(table.expiry.next(), 1500)
  assert.equal(send({ type: 'tick' }, 1500).length, 2)
  assert.equal(table.withdrawn.aged, 2)
})

test('the relay is told a newer last-seen time now and then, so that ages survive a restart', () => {
  const { send } = driven({ ...DEFAULT_POLICY, ageMs: 800 })
  send(evidence({}), 0)
  assert.deepEqual(send(evidence({}), 99), [])
  assert.equal(send(evidence({}), 100).length, 1)
  assert.deepEqual(send(evidence({}), 101), [])
})

test('entries handed back are taken over as they are, without a word to the relay', () => {
  const { table, send } = driven()
  assert.deepEqual(send(restored({ firstSeen: -5000, lastSeen: -100, router: true }), 0), [])
  const binding = table.find(100, '10.0.0.1')
  assert.ok(binding)
  assert.equal(binding.evidence, 'restored')
  assert.equal(binding.firstSeen, -5000)
  assert.equal(binding.expires, DEFAULT_POLICY.ageMs - 100)
})

test('a restored binding has a grace to be seen, however long ago it was', () => {
  const { table, send } = driven()
  send(restored({ lastSeen: -10 * DEFAULT_POLICY.ageMs }), 0)
  assert.deepEqual(send({ type: 'tick' }, RESTORE_GRACE_MS - 1), [])
  assert.equal(send({ type: 'tick' }, RESTORE_GRACE_MS).length, 2)
  assert.equal(table.size, 0)
})

test('an entry handed back that leads nowhere any more is removed', () => {
  const { table, send } = driven()
  send(evidence({ ip: '10.0.0.9', mac: VM2 }))
  const gone = (ip: string): string[] => [`remove 100 ${VM1} ${ip}`]
  assert.deepEqual(send(restored({}, { place: undefined })), gone('10.0.0.1'))
  assert.deepEqual(send(restored({}, { vni: 200 })), gone('10.0.0.1'))
  assert.deepEqual(send(restored({}, { own: 'ip' })), gone('10.0.0.1'))
  assert.deepEqual(send(restored({ ip: '127.0.0.1' })), gone('127.0.0.1'))
  assert.deepEqual(send(restored({ ip: '10.0.0.9' })), gone('10.0.0.9'), 'what was seen since counts more')
  assert.equal(table.size, 1)
})

test('an entry handed back for a host already seen again only tells how long it is known', () => {
  const { table, send } = driven()
  send(evidence({}), 50)
  assert.deepEqual(send(restored({ firstSeen: -5000 }), 60), [])
  assert.equal(table.find(100, '10.0.0.1')?.firstSeen, -5000)
})

test('the visible state follows the relay’s report, the connection and bgpd’s view', () => {
  const { table, send } = driven()
  send(evidence({}))
  const key = { vni: 100, mac: VM1, ip: '10.0.0.1' }
  const seen = (): string => {
    const binding = table.get(key)
    assert.ok(binding)
    const reason = reasonOf(binding, table)
    return `${REASONS[reason].state}: ${reason}`
  }
  assert.equal(seen(), 'pending: relay-gone')
  send({ type: 'relay', connected: true })
  assert.equal(seen(), 'pending: not-reported')
  send({ type: 'report', key, status: 'mac-not-local', seq: 0 })
  assert.equal(seen(), 'pending: mac-not-local')
  send({ type: 'report', key, status: 'announced', seq: 3 })
  assert.equal(seen(), 'active: announced')
  send({ type: 'report', key: { ...key, mac: VM2 }, status: 'ip-conflict', seq: 0 })
  assert.equal(seen(), 'active: announced', 'a report on another MAC is not about this binding')
  const remote = { type: 'macip', by: 'bgpd', vni: 100, mac: VM1, ip: undefined, flags: 0, seq: 0 } as const
  send({ type: 'view', change: { ...remote, gone: false } })
  send({ type: 'report', key, status: 'mac-not-local', seq: 3 })
  assert.equal(seen(), 'remote: mac-remote')
  send({ type: 'view', change: { ...remote, gone: true } })
  assert.equal(seen(), 'pending: mac-not-local')
  send({ type: 'report', key, status: 'shadowed', seq: 3 })
  assert.equal(seen(), 'shadowed: shadowed')
  send({ type: 'relay', connected: false })
  send({ type: 'relay', connected: true })
  assert.equal(seen(), 'pending: not-reported', 'what an earlier connection reported is history')
})
