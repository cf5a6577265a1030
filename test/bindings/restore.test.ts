// Bindings of an earlier run: the relay has announced them all the time; a file only remembers them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claim, driven, evidence, gateway, KEY1, restored, TAP1, TAP2, VM1, VM2 } from './build.js'

const IP = '10.0.0.1'
const PUT = [`put 100 ${VM1} ${IP} tap1`]
const fromFile = (changes = {}, now = {}): ReturnType<typeof restored> => restored(changes, { from: 'file', ...now })

test('what the relay hands back is taken over as it is, and its host is asked at once', () => {
  const d = driven()
  assert.deepEqual(d.send(restored({ firstSeen: -5000, lastSeen: -100, router: true, minSeq: 4 }), 0), [])
  const binding = d.table.get(KEY1)
  assert.ok(binding)
  const { evidence: by, firstSeen, lastSeen, router, minSeq } = binding
  assert.deepEqual(
    { by, firstSeen, lastSeen, router, minSeq },
    { by: 'restored', firstSeen: -5000, lastSeen: -100, router: true, minSeq: 4 },
  )
  assert.deepEqual(d.wait(0), [`0s probe tap1 ${VM1} ${IP}`])
  assert.deepEqual(d.send(evidence({ kind: 'arp-reply' }), 5), [], 'the relay knows')
})

test('a host that is gone is given up after three probes, however long ago it was seen', () => {
  const d = driven()
  d.send(restored({ lastSeen: -10 * TAP1.ageingMs }), 0)
  const lines = d.wait(TAP1.ageingMs)
  assert.deepEqual(
    lines.map((line) => line.split(' ')[1]),
    ['probe', 'probe', 'probe', 'remove'],
  )
})

test('what a file has kept is not announced until its host is seen', () => {
  const d = driven()
  d.connect()
  assert.deepEqual(d.send(fromFile(), 0), [])
  assert.equal(d.seen()?.reason, 'unconfirmed')
  assert.deepEqual(d.wait(0), [`0s probe tap1 ${VM1} ${IP}`])
  assert.equal(d.seen()?.state, 'probing')
  assert.deepEqual(d.send(evidence({}), 5), PUT)
  assert.equal(d.seen()?.reason, 'not-reported')
  const gone = driven()
  gone.send(fromFile(), 0)
  assert.ok(
    gone.wait(TAP1.ageingMs).every((line) => line.includes('probe')),
    'nothing to withdraw',
  )
  assert.equal(gone.table.size, 0)
})

test('a host that does not answer yet is asked again soon, and then ever less often', () => {
  const d = driven()
  d.connect()
  d.send(fromFile({ lastSeen: 0 }), 0)
  const seconds = d.wait(60_000).map((line) => Number.parseFloat(line))
  assert.deepEqual(seconds, [0, 0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 38.4].map(Math.round))
  assert.deepEqual(d.send(evidence({ at: 60_000 }), 60_000), PUT)
})

test('a host that was seen longer ago than its age is asked no less before it is given up', () => {
  const d = driven()
  d.send(fromFile({ lastSeen: -2 * TAP1.ageingMs }), 0)
  const asked = d.wait(60_000).map((line) => Number.parseFloat(line))
  assert.deepEqual(asked, [0, 0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 38.4].map(Math.round))
  d.wait(TAP1.ageingMs)
  assert.equal(d.table.size, 0)
})

test('file and relay agree, in either order: it is announced, and as old as either says', () => {
  for (const events of [
    [fromFile({ firstSeen: -9 }), restored({ minSeq: 3 })],
    [restored({ minSeq: 3 }), fromFile({ firstSeen: -9 })],
  ]) {
    const d = driven()
    assert.deepEqual(
      events.flatMap((event) => d.send(event, 0)),
      [],
    )
    const binding = d.table.get(KEY1)
    assert.ok(binding)
    const { confirmed, firstSeen, minSeq } = binding
    assert.deepEqual({ confirmed, firstSeen, minSeq }, { confirmed: true, firstSeen: -9, minSeq: 3 })
  }
})

test('file and relay disagree: who was announced all the time counts more', () => {
  const d = driven()
  d.send(fromFile({ mac: VM2, port: 'tap2' }, { anchor: TAP2 }))
  assert.deepEqual(d.send(restored({})), [])
  assert.equal(d.table.find(100, IP)?.mac, VM1)
  const other = driven()
  other.send(restored({}))
  assert.deepEqual(other.send(fromFile({ mac: VM2 })), [])
  assert.equal(other.table.find(100, IP)?.mac, VM1)
})

test('file and relay have the host behind different ports: who saw it last knows, in either order', () => {
  for (const [older, newer] of [
    [restored({ lastSeen: -50 }), fromFile({ port: 'tap2', lastSeen: -10 }, { anchor: TAP2 })],
    [fromFile({ lastSeen: -50 }), restored({ port: 'tap2', lastSeen: -10 }, { anchor: TAP2 })],
  ] as const)
    for (const events of [
      [older, newer],
      [newer, older],
    ]) {
      const d = driven()
      for (const event of events) d.send(event, 0)
      const binding = d.table.get(KEY1)
      assert.deepEqual([binding?.anchor, binding?.confirmed, binding?.lastSeen], [TAP2, true, -10])
      assert.ok(d.wait(0).includes(`0s probe tap2 ${VM1} ${IP}`))
      assert.deepEqual(d.send(evidence({ kind: 'arp-reply', anchor: TAP2, fdbPort: TAP2.ifindex }), 5), [])
    }
})

test('a port that comes back after the relay has answered: the relay gets the newer place', () => {
  const d = driven()
  d.send(restored({ lastSeen: -50 }), 0)
  const sent = d.send(fromFile({ port: 'tap2', lastSeen: -10 }, { anchor: TAP2 }), 0)
  assert.ok(sent.includes(`put 100 ${VM1} ${IP} tap2`), sent.join())
})

test('a host that was heard in this run stays where it was heard', () => {
  const d = driven()
  d.send(restored({ lastSeen: -50 }), 0)
  d.send(evidence({}), 5)
  d.send(fromFile({ port: 'tap2', lastSeen: -10 }, { anchor: TAP2 }), 6)
  assert.deepEqual(d.table.get(KEY1)?.anchor, TAP1)
})

test('an address that had gone over to another host while the relay could not be told stays there, in either order', () => {
  const taken = fromFile({ mac: VM2, port: 'tap2', lastSeen: -10 }, { anchor: TAP2 })
  const former = restored({ lastSeen: -50 })
  for (const events of [
    [taken, former],
    [former, taken],
  ]) {
    const d = driven()
    const sent = events.flatMap((event) => d.send(event, 0))
    assert.deepEqual(
      sent.filter((line) => !line.startsWith('forget')),
      [`remove 100 ${VM1} ${IP}`],
    )
    assert.equal(d.table.find(100, IP)?.mac, VM2)
    const [asked] = d.wait(0)
    assert.match(asked ?? '', new RegExp(`probe tap2 ${VM2} ${IP}`))
    assert.deepEqual(d.send(evidence({ mac: VM2, anchor: TAP2 }), 5), [`put 100 ${VM2} ${IP} tap2`])
  }
})

test('what was seen in this run counts more than either', () => {
  const d = driven()
  d.send(claim())
  assert.deepEqual(d.send(fromFile()), [])
  assert.deepEqual(d.send(restored({})), [`remove 100 ${VM1} ${IP}`])
  assert.equal(d.table.find(100, IP)?.mac, VM2)
  const same = driven()
  same.send(evidence({}), 50)
  assert.deepEqual(same.send(restored({ firstSeen: -5000 }), 60), [])
  assert.equal(same.table.get(KEY1)?.firstSeen, -5000)
  assert.equal(same.table.get(KEY1)?.lastSeen, 50)
})

test('an earlier owner that was not seen in this run is not asked before it loses the address', () => {
  const d = driven()
  d.send(fromFile())
  assert.deepEqual(d.send(claim()), [`put 100 ${VM2} ${IP} tap2`])
})

test('an entry that leads nowhere any more is withdrawn, and says why', () => {
  const d = driven({ denied: { macs: new Set([VM2]), ips: undefined } })
  d.send(gateway('zebra', '02:00:00:00:00:fe', '10.0.0.254'))
  const gone = (ip: string, mac = VM1): string[] => [`remove 100 ${mac} ${ip}`]
  assert.deepEqual(d.send(restored({}, { anchor: undefined })), gone(IP))
  assert.deepEqual(d.send(restored({}, { vni: 200 })), gone(IP))
  assert.deepEqual(d.send(restored({}, { selfMatch: 'ip' })), gone(IP))
  assert.deepEqual(d.send(restored({ ip: '127.0.0.1' })), gone('127.0.0.1'))
  assert.deepEqual(d.send(restored({ ip: '10.0.0.254' })), gone('10.0.0.254'))
  assert.deepEqual(d.send(restored({ mac: VM2 })), gone(IP, VM2))
  assert.deepEqual(d.send(fromFile({}, { anchor: undefined })), [], 'the relay was not told')
  for (const why of ['no-port', 'vni-changed', 'own-ip', 'bad-ip', 'gateway', 'denied'] as const) {
    assert.equal(d.table.withdrawn[why], 1, why)
  }
  assert.equal(d.table.size, 0)
})

test('an entry that finds its address frozen is withdrawn', () => {
  const d = driven({ probes: 'off' })
  for (let n = 0; n < 6; n++) d.send(n % 2 ? evidence({}) : claim(), n)
  assert.equal(d.table.duplicates.size, 1)
  assert.deepEqual(d.send(restored({})), [`remove 100 ${VM1} ${IP}`])
})

test('limits hold for entries of an earlier run', () => {
  const d = driven({ limits: { perMac: { ipv4: 1, ipv6: 1 }, perPort: { ipv4: 9, ipv6: 9 }, perVni: 9, total: 9 } })
  d.send(restored({}))
  assert.deepEqual(d.send(restored({ ip: '10.0.0.2' })), [`remove 100 ${VM1} 10.0.0.2`])
  assert.equal(d.table.withdrawn['mac-limit'], 1)
})

test('without probes, a restored binding has its whole age to be seen', () => {
  const d = driven({ probes: 'off' })
  d.send(restored({ lastSeen: -10 * TAP1.ageingMs }), 0)
  assert.deepEqual(d.wait(TAP1.ageingMs - 1), [])
  assert.equal(d.wait(TAP1.ageingMs).length, 1)
})
