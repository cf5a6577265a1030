// A frame whose Ethernet source is a virtual router's MAC (RFC 5798 7.3) can come from any host: it speaks for nobody else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlockList } from 'node:net'
import { driven, evidence, TAP1, TAP2, VM1, VM2 } from '../bindings/build.js'

const VIRTUAL = '00:00:5e:00:01:07'
const VIRTUAL6 = '00:00:5e:00:02:07'

for (const vrrp of ['ignore', 'learn'] as const) {
  for (const etherSource of [VIRTUAL, VIRTUAL6]) {
    test(`with vrrp: ${vrrp}, a frame from ${etherSource} announces no address with another's MAC`, () => {
      const d = driven({ vrrp })
      assert.deepEqual(d.send(evidence({ mac: VM1, etherSource, anchor: TAP2, ip: '10.0.0.66' })), [])
      assert.equal(d.table.refused['mac-mismatch'], 1)
    })

    test(`with vrrp: ${vrrp}, frames from ${etherSource} neither move nor freeze the victim, nor use up its share`, () => {
      const d = driven({ vrrp })
      d.send(evidence({}), 0)
      for (let n = 1; n <= 10; n++) d.send(evidence({ etherSource, anchor: TAP2 }), n)
      for (let n = 1; n <= 200; n++) {
        d.send(
          evidence({ kind: 'na', override: true, ip: `2001:db8::${n.toString(16)}`, etherSource, anchor: TAP2 }),
          20,
        )
      }
      const [binding, ...others] = [...d.table.bindings()]
      assert.deepEqual([binding?.mac, binding?.anchor, binding?.phase], [VM1, TAP1, 'known'])
      assert.deepEqual(others, [])
    })
  }
}

test('a pinned address is not frozen by them either', () => {
  const d = driven({ pinned: new Map([['100 10.0.0.1', new Set([VM1])]]), allowed: new Map([[100, everything()]]) })
  d.send(evidence({}), 0)
  for (let n = 1; n <= 10; n++) d.send(evidence({ etherSource: VIRTUAL, anchor: TAP2 }), n)
  assert.equal(d.seen()?.state, 'pending')
  assert.equal(d.table.find(100, '10.0.0.1')?.anchor, TAP1)
})

function everything(): BlockList {
  const list = new BlockList()
  list.addSubnet('10.0.0.0', 8)
  return list
}

test('a router may speak for its virtual MAC from its own, where virtual MACs are learned', () => {
  const frame = { mac: VIRTUAL, etherSource: VM2, anchor: TAP2, ip: '10.0.0.254' }
  assert.deepEqual(driven({ vrrp: 'learn' }).send(evidence(frame)), [`put 100 ${VIRTUAL} 10.0.0.254 tap2`])
  const ignoring = driven({ vrrp: 'ignore' })
  assert.deepEqual(ignoring.send(evidence(frame)), [])
  assert.equal(ignoring.table.refused.vrrp, 1)
})
