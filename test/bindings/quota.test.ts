// Nobody has more than a share; where all together are too many, the port that has the most gives one up.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_POLICY, type Policy } from '../../src/bindings/policy.js'
import { claim, type Driven, driven, evidence, KEY1, TAP1, TAP2, TAP3, VM1, VM2, VM3 } from './build.js'

const ANY = { ipv4: Infinity, ipv6: Infinity }
const limited = (limits: Partial<Policy['limits']>): Driven =>
  driven({ limits: { perMac: ANY, perPort: ANY, perVni: Infinity, total: Infinity, ...limits } })
const mac = (n: number): string => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`
const onPort = ({ table }: Driven, { ifindex }: typeof TAP1): number => table.onPort(ifindex).size

test('a MAC has so many addresses, IPv4 and IPv6 apart, in each VNI', () => {
  const d = limited({ perMac: { ipv4: 2, ipv6: 1 } })
  const learned = (changes: Parameters<typeof evidence>[0]): number => d.send(evidence(changes)).length
  assert.deepEqual(
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((ip) => learned({ ip })),
    [1, 1, 0],
  )
  assert.deepEqual(
    ['2001:db8::1', '2001:db8::2'].map((ip) => learned({ ip })),
    [1, 0],
  )
  assert.equal(d.table.refused['mac-limit'], 2)
  assert.equal(learned({ ip: '10.0.0.3', vni: 200 }), 1)
  assert.equal(learned({ ip: '10.0.0.3', mac: VM2 }), 1)
  d.send(evidence({ ip: '10.0.0.1', anchor: TAP2 }))
  assert.deepEqual(d.wait(3000).slice(-1), [`3s put 100 ${VM1} 10.0.0.1 tap2`], 'it may move')
  d.send({ type: 'clear', what: 'binding', key: KEY1 })
  assert.equal(learned({ ip: '10.0.0.4' }), 1, 'its anchor was given back')
})

test('a port has so many addresses, whatever the MACs and VNIs', () => {
  const d = limited({ perPort: { ipv4: 2, ipv6: 1 } })
  d.send(evidence({ ip: '10.0.0.1' }))
  d.send(evidence({ ip: '10.0.0.2', mac: VM2, vni: 200 }))
  assert.deepEqual(d.send(evidence({ ip: '10.0.0.3', mac: VM3 })), [])
  assert.equal(d.send(evidence({ ip: 'fe80::1' })).length, 1)
  assert.equal(d.table.refused['port-limit'], 1)
  assert.equal(d.send(evidence({ ip: '10.0.0.3', mac: VM3, anchor: TAP2 })).length, 1)
})

test('nor does a port get more by moving known hosts there', () => {
  const d = limited({ perPort: { ipv4: 1, ipv6: 1 } })
  d.send(evidence({}), 1000)
  d.send(claim({ ip: '10.0.0.2' }))
  assert.deepEqual(d.send(evidence({ anchor: TAP2 }), 5000), [])
  assert.equal(d.table.get(KEY1)?.anchor, TAP1)
  assert.equal(d.table.get(KEY1)?.lastSeen, 1000, 'it was not seen there')
  assert.equal(d.table.refused['port-limit'], 1)
})

test('a claim is not a way around: neither when it is made nor when it is decided', () => {
  const d = limited({ perPort: { ipv4: 1, ipv6: 1 } })
  d.send(evidence({}), 0)
  d.send(evidence({ ip: '10.0.0.3', mac: VM3, anchor: TAP3 }), 0)
  d.send(claim(), 1000)
  d.send(claim({ ip: '10.0.0.3' }), 1001)
  d.wait(4001)
  assert.equal(d.table.find(100, '10.0.0.1')?.mac, VM2)
  assert.equal(d.table.find(100, '10.0.0.3')?.mac, VM3, 'whoever has lost nothing keeps what it has')
  assert.deepEqual(d.send(claim({ ip: '10.0.0.3' }), 5000), [])
  assert.equal(d.table.refused['port-limit'], 2)
  assert.equal(onPort(d, TAP2), 1)
})

test('on a full port, a host may still take over from another one there', () => {
  const d = limited({ perPort: { ipv4: 1, ipv6: 1 } })
  d.send(evidence({}), 0)
  d.send(claim({ anchor: TAP1 }), 1000)
  d.wait(4000)
  assert.equal(d.table.find(100, '10.0.0.1')?.mac, VM2)
})

for (const [name, limits] of Object.entries({ vni: { perVni: 10 }, total: { total: 10 } })) {
  const refusal = `${name}-limit` as 'vni-limit' | 'total-limit'
  const eviction = `evicted-${name}` as 'evicted-vni' | 'evicted-total'

  test(`${name}: the port that has the most gives up the one not seen for the longest time`, () => {
    const d = limited(limits)
    for (let n = 1; n <= 10; n++) d.send(evidence({ ip: `10.0.0.${n}`, mac: mac(n) }), n)
    d.send(evidence({ ip: '10.0.0.1', mac: mac(1) }), 20)
    assert.deepEqual(d.send(claim({ ip: '10.0.1.1' }), 30), [
      `remove 100 ${mac(2)} 10.0.0.2`,
      `put 100 ${VM2} 10.0.1.1 tap2`,
    ])
    assert.equal(d.table.withdrawn[eviction], 1)
    assert.equal(d.table.size, 10)
  })

  test(`${name}: the port that has the most gets nothing new, and nobody pushes out whom he would then outnumber`, () => {
    const d = limited(limits)
    for (let n = 1; n <= 10; n++) d.send(evidence({ ip: `10.0.0.${n}`, mac: mac(n) }))
    assert.deepEqual(d.send(evidence({ ip: '10.0.0.11', mac: mac(11) })), [])
    for (let n = 1; n <= 10; n++) d.send(claim({ ip: `10.0.1.${n}`, mac: mac(100 + n) }))
    assert.deepEqual([onPort(d, TAP1), onPort(d, TAP2)], [5, 5])
    assert.equal(d.table.refused[refusal], 1 + 5)
  })
}

test('a full VNI does not cost another one anything', () => {
  const d = limited({ perVni: 1 })
  d.send(evidence({ ip: '10.0.0.1' }))
  assert.equal(d.send(evidence({ ip: '10.0.0.1', vni: 200 })).length, 1)
  assert.deepEqual(d.send(evidence({ ip: '10.0.0.2' })), [])
})

test('a VM that claims ten thousand addresses gets its share, and nobody else notices', () => {
  const d = driven()
  for (let n = 0; n < 10_000; n++) {
    d.send(
      evidence({ ip: `10.1.${n >> 8}.${n & 255}`, mac: `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:01` }),
    )
  }
  assert.equal(onPort(d, TAP1), DEFAULT_POLICY.limits.perPort.ipv4)
  assert.equal(d.send(claim({ ip: '10.0.0.2' })).length, 1)
})
