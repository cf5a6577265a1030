import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import { step } from '../../src/bindings/step.js'
import { claim, driven, evidence, gateway, KEY1, KEY2, remote, report, TAP1, TAP2, VM1, VM2 } from './build.js'

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
  send(evidence({ vni: 200, mac: VM2, anchor: TAP2 }))
  assert.equal(table.find(100, '10.0.0.1')?.mac, VM1)
  assert.equal(table.find(200, '10.0.0.1')?.mac, VM2)
})

test('the same host on another port: it is asked behind the old one, and moves without a withdrawal', () => {
  const { table, send, wait } = driven()
  send(evidence({}), 0)
  assert.deepEqual(send(evidence({ anchor: TAP2 })), [`probe tap1 ${VM1} 10.0.0.1`])
  assert.deepEqual(wait(3000).slice(-1), [`3s put 100 ${VM1} 10.0.0.1 tap2`])
  assert.deepEqual(send({ type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-gone' }), [])
  assert.equal(table.size, 1)
})

test('the same host on another port, and the old one goes: it moves at once, without a withdrawal', () => {
  const { table, send } = driven()
  send(evidence({}))
  send(evidence({ anchor: TAP2 }))
  const gone = { type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-gone' } as const
  assert.deepEqual(send(gone), [`put 100 ${VM1} 10.0.0.1 tap2`])
  assert.equal(table.size, 1)
})

test('a host whose port goes does not follow to a port that is full', () => {
  const limits = { ...DEFAULT_POLICY.limits, perPort: { ipv4: 1, ipv6: 1 } }
  const { table, send } = driven({ limits })
  send(evidence({}))
  send(evidence({ anchor: TAP2 }))
  send(evidence({ mac: VM2, ip: '10.0.0.2', anchor: TAP2 }))
  send({ type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-gone' })
  assert.deepEqual(
    [...table.bindings()].map(({ ip }) => ip),
    ['10.0.0.2'],
  )
})

test('a frame with a host’s MAC from another port moves nothing while the host answers behind its own, however often', () => {
  const { table, send, noted } = driven()
  send(evidence({}), 0)
  for (let n = 1; n <= 50; n++) {
    send(evidence({ anchor: TAP2 }), n * 2500)
    assert.deepEqual(send(evidence({ kind: 'arp-reply' }), n * 2500 + 1), [])
  }
  assert.equal(table.find(100, '10.0.0.1')?.anchor, TAP1)
  assert.ok(!noted.includes('moved') && !noted.includes('duplicate'))
  assert.ok(noted.includes('held-down'), 'the port is named')
})

test('a port that is lost takes its bindings along at once, and no others', () => {
  const { table, send } = driven()
  send(evidence({ ip: '10.0.0.1' }))
  send(evidence({ ip: '10.0.0.2', anchor: { ...TAP1, vlan: 7 } }))
  send(evidence({ ip: '10.0.0.3', mac: VM2, anchor: TAP2 }))
  assert.deepEqual(send({ type: 'port-lost', ifindex: TAP1.ifindex, vlan: 7, reason: 'vni-changed' }), [
    `remove 100 ${VM1} 10.0.0.2`,
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
  send(evidence({ ...na, mac: VM2, override: true }))
  assert.equal(table.find(100, na.ip)?.phase, 'contested')
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
  'no-port': [{ anchor: undefined }],
  'no-vni': [{ vni: undefined }],
  'port-blocked': [{ bridgeRefusal: 'port-blocked' as const }],
  'port-locked': [{ bridgeRefusal: 'port-locked' as const }],
  'no-learning': [{ bridgeRefusal: 'no-learning' as const }],
  'vlan-protocol': [{ bridgeRefusal: 'vlan-protocol' as const }],
  'own-mac': [{ selfMatch: 'mac' as const }],
  'own-ip': [{ selfMatch: 'ip' as const }],
  'network-ip': [{ selfMatch: 'network' as const }],
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
    '1::2',
    '0:1::2',
    '64:ff9b::1',
    'fe80::1',
  ]) {
    assert.equal(driven().send(evidence({ ip })).length, 1, ip)
  }
})

test('link-local and mismatching senders are a matter of policy', () => {
  const ignoring = driven({ linkLocal: 'ignore' })
  for (const ip of ['fe80::1', 'febf::1']) assert.deepEqual(ignoring.send(evidence({ ip })), [])
  assert.equal(ignoring.send(evidence({ ip: 'fec0::1' })).length, 1)
  assert.equal(ignoring.table.refused['link-local'], 2)
  const trusting = driven({ macMismatch: 'accept' })
  assert.equal(trusting.send(evidence({ etherSource: VM2 })).length, 1)
})

test('virtual router MACs are learned only if configured, whatever their frames come from', () => {
  const vrrp = { mac: '00:00:5e:00:01:07', etherSource: VM1 }
  const ignoring = driven()
  assert.deepEqual(ignoring.send(evidence(vrrp)), [])
  assert.equal(ignoring.table.refused.vrrp, 1)
  assert.deepEqual(ignoring.send(evidence({ etherSource: vrrp.mac })), [], 'a virtual MAC speaks for itself alone')
  assert.equal(ignoring.table.refused['mac-mismatch'], 1)
  assert.equal(driven({ vrrp: 'learn' }).send(evidence(vrrp)).length, 1)
})

test('only addresses in the allowed prefixes of a VNI are learned, and link-local ones', () => {
  const prefixes = new BlockList()
  prefixes.addSubnet('10.0.0.0', 24)
  const { table, send } = driven({ allowed: new Map([[100, prefixes]]) })
  assert.deepEqual(send(evidence({ ip: '10.0.1.1' })), [])
  assert.deepEqual(send(evidence({ ip: '2001:db8::1' })), [])
  assert.equal(table.refused['not-allowed'], 2)
  assert.equal(send(evidence({ ip: '10.0.0.1' })).length, 1)
  assert.equal(send(evidence({ ip: 'fe80::1' })).length, 1)
  assert.equal(send(evidence({ ip: '10.0.1.1', vni: 200 })).length, 1, 'no rule for this VNI')
})

test('denied addresses are not learned, by MAC or by IP', () => {
  const ips = new BlockList()
  ips.addSubnet('fe80::', 64, 'ipv6')
  ips.addAddress('10.0.0.9')
  const { table, send } = driven({ denied: { macs: new Set([VM2]), ips } })
  for (const changes of [{ mac: VM2 }, { ip: '10.0.0.9' }, { ip: 'fe80::1' }])
    assert.deepEqual(send(evidence(changes)), [])
  assert.equal(table.refused.denied, 3)
  assert.equal(send(evidence({})).length, 1)
})

test('a pinned IP is only learned from its MACs: nobody else can contest it', () => {
  const { table, send } = driven({ pinned: new Map([['100 10.0.0.1', new Set([VM1])]]) })
  assert.deepEqual(send(claim()), [])
  send(evidence({}))
  assert.deepEqual(send(claim()), [])
  assert.equal(table.refused.pinned, 2)
  assert.equal(table.find(100, '10.0.0.1')?.phase, 'known')
  assert.equal(send(claim({ ip: '10.0.0.2' })).length, 1, 'only this IP is pinned')
  assert.equal(send(claim({ vni: 200 })).length, 1, 'and only in this VNI')
})

test("a spoofed or refused frame leaves the host's binding alone", () => {
  const { table, send } = driven()
  send(evidence({}))
  send(evidence({ etherSource: VM2 }))
  send(evidence({ anchor: undefined }))
  assert.equal(table.size, 1)
})

test('an address that becomes the node’s selfMatch is withdrawn with the next frame', () => {
  const { send } = driven()
  send(evidence({}))
  assert.deepEqual(send(evidence({ selfMatch: 'ip' })), [`remove 100 ${VM1} 10.0.0.1`])
})

for (const by of ['zebra', 'bgpd'] as const) {
  test(`gateways that ${by} announced are never learned, by MAC or by IP`, () => {
    const { table, send } = driven()
    send(evidence({ ip: '10.0.0.254' }))
    send(evidence({ ip: '10.0.0.7', mac: VM2 }))
    assert.deepEqual(send(gateway(by, VM2, '10.0.0.254')), [
      `remove 100 ${VM2} 10.0.0.7`,
      `remove 100 ${VM1} 10.0.0.254`,
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
  send({ type: 'view', change: { type: 'vni', vni: 100, gone: true, tenantVrf: 0 } })
  assert.equal(send(evidence({ ip: '10.0.0.254' })).length, 1, 'a VNI that goes takes its announcements along')
})

test('what was passed on a moment ago is news again once it no longer counts', () => {
  const { table, policy, send } = driven()
  send(evidence({}))
  const actions = step(table, { type: 'port-lost', ifindex: TAP1.ifindex, reason: 'port-down' }, policy, 2000)
  assert.ok(actions.some((action) => action.type === 'forget' && action.anchor === TAP1 && action.ip === '10.0.0.1'))
})

test('an operator can clear a binding', () => {
  const { table, send } = driven()
  send(evidence({}))
  assert.deepEqual(send({ type: 'clear', what: 'duplicate', key: KEY1 }), [], 'it is none')
  assert.deepEqual(send({ type: 'clear', what: 'binding', key: KEY2 }), [], 'another MAC')
  assert.deepEqual(send({ type: 'clear', what: 'binding', key: KEY1 }), [`remove 100 ${VM1} 10.0.0.1`])
  assert.equal(table.withdrawn.cleared, 1)
})

test('observe mode decides everything, and says that nothing is to be announced', () => {
  const { send } = driven({ observe: true })
  assert.deepEqual(send(evidence({})), [`put 100 ${VM1} 10.0.0.1 tap1 observe`])
})

test('the visible state follows the relay’s report, the connection and bgpd’s view', () => {
  const { send, connect, seen } = driven()
  send(evidence({}))
  const is = (state: string, why?: string): void => {
    const it = seen()
    assert.equal(`${it?.state ?? ''}: ${it?.reason ?? ''}`, state, why)
  }
  is('pending: relay-gone')
  connect()
  is('pending: not-reported')
  send(report('mac-not-local'))
  is('pending: mac-not-local')
  send(report('announced'))
  is('active: announced')
  send(report('ip-conflict', KEY2))
  is('active: announced', 'a report on another MAC is not about this binding')
  send(remote(VM1, undefined))
  send(report('mac-not-local'))
  is('remote: mac-remote')
  send(remote(VM1, undefined, 0, true))
  is('pending: mac-not-local')
  send(report('shadowed'))
  is('shadowed: shadowed')
  send({ type: 'relay', connected: false })
  connect()
  is('pending: not-reported', 'what an earlier connection reported is history')
})

test('time never goes back: an input that says so is taken at the time of the last one', () => {
  const { table, send } = driven()
  send(evidence({}), 1000)
  send({ type: 'tick' }, 10_000)
  send(claim(), 4000)
  const owner = table.get(KEY1) ?? assert.fail()
  assert.equal(owner.phase, 'contested')
  assert.equal(table.timers.at(owner), 11_000, 'the second probe: a third of the confirm time later')
})

test('a frame is never from the future', () => {
  const { table, send } = driven()
  send(evidence({ at: 5000 }), 1000)
  assert.equal(table.get(KEY1)?.lastSeen, 1000)
})
