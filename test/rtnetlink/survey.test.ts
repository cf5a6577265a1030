// Against the real kernel, in a network namespace of its own, as a user without privileges would see it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { survey } from '../../src/rtnetlink/survey.js'
import { enterNewNetworkNamespace, ip } from './namespace.js'

const TIMEOUT_MS = 60_000

test('a survey says what a diagnosis asks, without privileges', async () => {
  enterNewNetworkNamespace()
  ip(
    'link add br0 type bridge ageing_time 12300',
    'link add vx1 type vxlan id 1 local 192.0.2.1 dstport 4789 nolearning',
    'link add vx2 type vxlan id 2 local 192.0.2.1 dstport 4789',
    'link set vx1 master br0',
    'link set vx1 type bridge_slave neigh_suppress on learning off',
    'link set vx2 master br0',
    'link add up0 type veth peer name down0',
    'link set up0 up',
    'link set down0 up',
    'addr add 192.0.2.1/24 dev up0',
    'neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev up0 nud reachable',
    'neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 dev up0 nud permanent',
    'neigh add 192.0.2.4 lladdr 02:00:00:00:00:04 dev up0 nud noarp extern_learn',
  )
  const uid = process.geteuid?.() ?? 0
  process.seteuid?.(65_534)
  const { links, ports, addresses, neighbours } = await survey(TIMEOUT_MS).finally(() => process.seteuid?.(uid))
  const named = (name: string) => links.find((link) => link.name === name) ?? assert.fail(name)
  assert.deepEqual(
    ['vx1', 'vx2', 'br0'].map((name) => [named(name).vxlanLearning, named(name).xdp]),
    [
      [false, undefined],
      [true, undefined],
      [false, undefined],
    ],
  )
  assert.equal(named('br0').bridge?.ageingMs, 123_000)
  assert.deepEqual(
    ['vx1', 'vx2'].map((name) => ports.find(({ ifindex }) => ifindex === named(name).ifindex)),
    [
      { ifindex: named('vx1').ifindex, learning: false, neighSuppress: true },
      { ifindex: named('vx2').ifindex, learning: true, neighSuppress: false },
    ],
  )
  assert.ok(addresses.some(({ ip }) => ip === '192.0.2.1'))
  // what is permanent, or was learned by a routing daemon, does not count against the limits
  assert.equal(neighbours.ipv4, 1)
})
