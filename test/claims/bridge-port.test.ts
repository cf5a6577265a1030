// What a bridge does not accept from a port teaches nothing: spanning tree, locked ports, ports that do not learn. With
// real bridges.
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { ip } from '../rtnetlink/namespace.js'
import { bridge, enterNamespaceWithBridge, ifindexOf, speak, VM } from './devices.js'
import { type Rig, snoop } from './rig.js'

const IP = '10.2.1.11'
/** The only two states that a bridge without spanning tree lets be set: BR_STATE_* of linux/if_bridge.h. */
const [DISABLED, FORWARDING] = ['0', '3']

beforeEach(enterNamespaceWithBridge)

const stateOf = ({ ports }: Rig, name: string): string => ports.bridgePortOf(ifindexOf(name)).state

/** Both ports of br0 lead to one switch, a bridge that is the root of the spanning tree, with a host on vm-host. */
function connectSwitch(): void {
  const fast = 'stp_state 1 forward_delay 200 hello_time 100'
  ip(`link set br0 type bridge ${fast}`, `link add sw up type bridge ${fast} priority 4096`)
  ip('link set vm-tap1 master sw', 'link set vm-tap2 master sw')
  ip('link add host up type veth peer name vm-host', 'link set host master sw', 'link set vm-host up')
}

test('a host behind a switch with two links is heard on both, and stays on the one that forwards', async (t) => {
  connectSwitch()
  const rig = await snoop(t, { ageMs: 2000 })
  const { snooper, placeOf, until, outlet } = rig
  await until(() => stateOf(rig, 'tap1') === 'forwarding' && stateOf(rig, 'tap2') === 'blocking')
  const { refused } = snooper.table
  // the switch takes as long to let the host speak
  await until(() => {
    speak('host')
    return refused['port-blocked'] > 0 && placeOf(IP) !== undefined
  })
  for (let count = 1; count <= 50; count++) {
    const before = refused['port-blocked']
    speak('host')
    await until(() => refused['port-blocked'] > before)
    // nobody else has claimed it; on a busy machine it may be asked, as a silent one is
    assert.match(placeOf(IP) ?? '', /^tap1 (known|probing)$/)
  }
  assert.deepEqual(snooper.table.find(100, IP)?.moves, [])

  // the tree changes its mind
  bridge('link', 'set', 'dev', 'tap1', 'cost', '1000')
  await until(() => stateOf(rig, 'tap1') === 'blocking')
  await until(() => stateOf(rig, 'tap2') === 'forwarding')
  await until(() => {
    speak('host')
    return placeOf(IP) === 'tap2 known'
  })
  // silent now, it is asked where it is
  const asked = outlet.probes.length
  await until(() => outlet.probes.length > asked)
  assert.deepEqual(new Set(outlet.probes.slice(asked).map(({ ifindex }) => ifindex)), new Set([ifindexOf('tap2')]))
})

test('a host whose port is blocked is asked where the bridge has it now, or not at all', async (t) => {
  const rig = await snoop(t, { ageMs: 1500 })
  const { placeOf, until, outlet } = rig
  speak('tap1')
  await until(() => placeOf(IP) !== undefined)
  bridge('link', 'set', 'dev', 'tap1', 'state', DISABLED)
  await until(() => stateOf(rig, 'tap1') === 'disabled')
  assert.deepEqual(rig.ports.placeToAsk(ifindexOf('tap1'), 0, VM), undefined)
  bridge('fdb', 'replace', VM, 'dev', 'tap2', 'master', 'static')
  await until(() => rig.ports.fdbPort(ifindexOf('tap1'), 0, VM) === ifindexOf('tap2'))
  await until(() => outlet.probes.length > 0)
  assert.equal(outlet.probes[0]?.ifindex, ifindexOf('tap2'))
})

test('a frame that comes with the news that its port forwards is learned', async (t) => {
  bridge('link', 'set', 'dev', 'tap1', 'state', DISABLED)
  const { snooper, placeOf, until } = await snoop(t)
  speak('tap1')
  await until(() => snooper.table.refused['port-blocked'] === 1)
  assert.equal(placeOf(IP), undefined)
  // both before this process reads either
  bridge('link', 'set', 'dev', 'tap1', 'state', FORWARDING)
  speak('tap1')
  await until(() => placeOf(IP) === 'tap1 known')
  assert.equal(snooper.table.refused['port-blocked'], 1)
})

for (const [what, ...setting] of [
  ['port-locked', 'locked', 'on'],
  ['no-learning', 'learning', 'off'],
] as const) {
  test(`${what}: only a MAC that the FDB has on the port is believed there`, async (t) => {
    bridge('link', 'set', 'dev', 'tap1', ...setting)
    const { snooper, placeOf, until } = await snoop(t)
    const refused = (): number => snooper.table.refused[what]
    speak('tap1')
    await until(() => refused() === 1)
    assert.equal(placeOf(IP), undefined)
    bridge('fdb', 'add', VM, 'dev', 'tap1', 'master', 'static')
    speak('tap1')
    await until(() => placeOf(IP) === 'tap1 known')
    // the MAC of a host elsewhere
    bridge('fdb', 'add', '02:00:00:00:00:12', 'dev', 'tap2', 'master', 'static')
    speak('tap1', '02:00:00:00:00:12', '10.2.1.12')
    await until(() => refused() === 2)
    assert.equal(placeOf('10.2.1.12'), undefined)
    assert.equal(snooper.hearing.silenceOf(ifindexOf('tap1')), 0)
    assert.ok(snooper.hearing.silenceOf(ifindexOf('tap2')) > 0)
    // an ordinary port again
    bridge('link', 'set', 'dev', 'tap1', 'locked', 'off', 'learning', 'on')
    speak('tap1', '02:00:00:00:00:13', '10.2.1.13')
    await until(() => placeOf('10.2.1.13') === 'tap1 known')
  })
}
