// Spanning tree states of single VLANs, and of those of an MST instance. With a real bridge: test/machine/vlan-state.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { netlinkMessages } from '../../src/netlink/message.js'
import { decodeRouteMessage, decodeVlanDump, type RouteMessage } from '../../src/rtnetlink/message.js'
import { mergeVlanStates } from '../../src/rtnetlink/vlan-state.js'
import { PortModel } from '../../src/snoop/ports/model.js'
import * as write from '../rtnetlink/writer.js'

const [BR, VX, TAP] = [2, 3, 5]
const [FORWARDING, BLOCKING] = [3, 4]

function apply(model: PortModel, ...datagrams: Buffer[]): string[] {
  for (const message of decode(decodeRouteMessage, ...datagrams)) model.apply(message)
  return model.takeChanges().map(({ kind }) => kind)
}

const decode = (decoder: typeof decodeRouteMessage, ...datagrams: Buffer[]): RouteMessage[] =>
  [...netlinkMessages(Buffer.concat(datagrams))].map(decoder).filter((it) => it !== undefined)

function trunk({ mst = false } = {}): PortModel {
  const { attr, u8, u32 } = write
  const data = [attr(7, u8(1)), ...(mst ? [attr(46, u32(4), u32(4))] : [])]
  const model = new PortModel(new Set())
  apply(
    model,
    write.link(BR, 'br0', { kind: 'bridge', data }),
    write.vxlan(VX, 'vx10', 5010, BR),
    write.link(TAP, 'tap1', { master: BR }),
    write.portVlans(TAP, [write.vlanInfo(1, write.PVID | write.UNTAGGED), write.vlanInfo(10)], { state: FORWARDING }),
  )
  return model
}

const blocked = (model: PortModel): (string | undefined)[] =>
  [0, 10].map((vlan) => model.bridgeRefusal(TAP, vlan, vlan === 0 ? 0 : 0x8100))

test('a VLAN of a port is blocked, and forwards again', () => {
  const model = trunk()
  assert.deepEqual(blocked(model), [undefined, undefined])
  assert.deepEqual(apply(model, write.vlanChange(TAP, { first: 10, state: BLOCKING })), ['bridge-port'])
  assert.deepEqual(blocked(model), [undefined, 'port-blocked'])
  apply(model, write.vlanChange(TAP, { first: 1, last: 20, state: FORWARDING }))
  assert.deepEqual(blocked(model), [undefined, undefined])
  // it is blocked, taken away and added again
  apply(model, write.vlanChange(TAP, { first: 10, state: BLOCKING }), write.vlanChange(TAP, { first: 10, gone: true }))
  apply(model, write.portVlans(TAP, [write.vlanInfo(1, write.PVID), write.vlanInfo(10)], { state: FORWARDING }))
  assert.deepEqual(blocked(model), [undefined, undefined])
  // the port itself is blocked, in all its VLANs
  apply(model, write.portVlans(TAP, [write.vlanInfo(1, write.PVID), write.vlanInfo(10)], { state: BLOCKING }))
  assert.deepEqual(blocked(model), ['port-blocked', 'port-blocked'])
})

test('MST: only the states of VLANs count; they are read, since the kernel does not tell', () => {
  const model = trunk({ mst: true })
  assert.equal(model.hasMst, true)
  assert.equal(trunk().hasMst, false)
  apply(model, write.portVlans(TAP, [write.vlanInfo(1, write.PVID), write.vlanInfo(10)], { state: BLOCKING }))
  assert.deepEqual(blocked(model), [undefined, undefined])
  const read = (state: number): string[] => {
    model.replaceVlanStates(decode(decodeVlanDump, write.vlanChange(TAP, { first: 10, last: 12, state })))
    return model.takeChanges().map(({ kind }) => kind)
  }
  assert.deepEqual(read(BLOCKING), ['bridge-port'])
  assert.deepEqual(blocked(model), [undefined, 'port-blocked'])
  assert.deepEqual(read(BLOCKING), [])
  assert.deepEqual(read(FORWARDING), ['bridge-port'])
  assert.deepEqual(blocked(model), [undefined, undefined])
})

test('ranges of VLANs are split', () => {
  const range = (first: number, last: number, state: 'blocking' | 'learning' | 'forwarding') => ({ first, last, state })
  const one = mergeVlanStates([], [range(10, 20, 'blocking'), range(30, 30, 'forwarding')])
  assert.deepEqual(one, [range(10, 20, 'blocking')])
  const two = mergeVlanStates(one, [range(12, 13, 'learning'), range(20, 25, 'forwarding')])
  const expected = [range(10, 11, 'blocking'), range(14, 19, 'blocking'), range(12, 13, 'learning')]
  assert.deepEqual(two, expected)
})
