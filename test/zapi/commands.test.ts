// The enumerations that the deltas make are those of lib/zclient.h and lib/route_types.txt, written down in full.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type EnumChange, applyChanges } from '../../src/zapi/enum-changes.js'
import { FRR_RELEASES } from '../../src/zapi/releases.js'
import { COMMANDS as IN_8_4 } from './command-tables/frr-8.4.js'
import { COMMANDS as IN_8_5 } from './command-tables/frr-8.5.js'
import { COMMANDS as IN_9_1 } from './command-tables/frr-9.1.js'
import { COMMANDS as IN_10_0 } from './command-tables/frr-10.0.js'
import { COMMANDS as IN_10_2 } from './command-tables/frr-10.2.js'
import { COMMANDS as IN_10_3 } from './command-tables/frr-10.3.js'

suite('commands', () => {
  const EXPECTED: Record<string, readonly string[]> = {
    '8.4': IN_8_4,
    '8.5': IN_8_5,
    '9.0': IN_8_5,
    '9.1': IN_9_1,
    '10.0': IN_10_0,
    '10.1': IN_10_0,
    '10.2': IN_10_2,
    '10.3': IN_10_3,
    '10.4': IN_10_3,
    '10.5': IN_10_3,
    '10.6': IN_10_3,
    '10.7': IN_10_3,
    master: IN_10_3,
  }
  test('every release has a complete enumeration to compare with', () => {
    assert.deepEqual(Object.keys(EXPECTED).sort(), FRR_RELEASES.map(({ name }) => name).sort())
  })
  for (const release of FRR_RELEASES) {
    test(`FRR ${release.name} has exactly the commands of its lib/zclient.h, in both directions`, () => {
      const expected = EXPECTED[release.name] ?? []
      // one number beyond the last
      const numbers = [...expected.keys(), expected.length]
      const names = numbers.map((number) => release.commandName(number))
      assert.deepEqual(names, [...expected, undefined])
      const back = names.map((name) => (name === undefined ? undefined : release.commandNumber(name)))
      assert.deepEqual(back, [...expected.keys(), undefined])
    })
  }
  test('a command that a release does not have has no number in it', () => {
    const numbers = (name: Parameters<(typeof FRR_RELEASES)[number]['commandNumber']>[0]) =>
      FRR_RELEASES.flatMap((release) => (release.commandNumber(name) === undefined ? [] : [release.name]))
    assert.deepEqual(numbers('ZEBRA_INTERFACE_VRF_UPDATE'), ['8.4', '8.5', '9.0'])
    assert.deepEqual(numbers('ZEBRA_NEXTHOP_LOOKUP'), ['10.3', '10.4', '10.5', '10.6', '10.7', 'master'])
  })
})

test('route types before and since 10.0', () => {
  const before =
    'system kernel connect static rip ripng ospf ospf6 isis bgp pim eigrp nhrp hsls olsr table ldp vnc vnc-direct ' +
    'vnc-direct-rh bgp-direct bgp-direct-ext babel sharp pbr bfd openfabric vrrp nhg srte all'
  const since =
    'system kernel connect local static rip ripng ospf ospf6 isis bgp pim eigrp nhrp hsls olsr table ldp vnc ' +
    'vnc-direct vnc-direct-rh bgp-direct bgp-direct-ext babel sharp pbr bfd openfabric vrrp nhg srte table-direct all'
  for (const { name, features } of FRR_RELEASES) {
    const isBefore = ['8.4', '8.5', '9.0', '9.1'].includes(name)
    assert.equal(features.routeTypes.join(' '), isBefore ? before : since, name)
  }
})

test('a change that refers to a name the enumeration does not have is refused', () => {
  const changes: EnumChange[] = [
    { change: 'insert', after: 'C', names: ['D'] },
    { change: 'remove', name: 'C' },
    { change: 'rename', name: 'C', to: 'D' },
  ]
  for (const change of changes) {
    assert.throws(() => applyChanges(['A', 'B'], [change]), { name: 'RangeError', message: 'the enumeration has no C' })
  }
})
