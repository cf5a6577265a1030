import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ExitCode, FatalError } from '../../src/base/exit.js'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import { FpmView } from '../../src/fpm/view.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { monotonicMs } from '../../src/base/clock.js'
import { Snooper } from '../../src/snoop/snooper.js'
import { silent, tempDir } from '../support.js'
import { decoded, mac } from '../fpm/build.js'
import { FakeRelay, keyOf } from './fake-relay.js'
import { noVxlan } from './fake-sources.js'
import { scene } from './scene.js'

const VM1 = 'bc:24:11:00:00:01'
const VM2 = 'bc:24:11:00:00:02'

const reconciled = (relay: FakeRelay): Promise<void> => relay.until(() => relay.told.includes('reconciled'))

test('a frame on a port becomes an entry of the relay; ports are attached as they come', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  await start()
  ports.plug(12, 'tap2', 200)
  assert.deepEqual(source.asked, ['attach 11', 'attach 12'])
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  source.see(12, VM2, '10.0.0.1')
  await relay.until(() => relay.overlay.size === 2)
  const entry = relay.overlay.get(`200 ${VM2} 10.0.0.1`)
  assert.equal(entry?.port, 'tap2')
  assert.ok(Math.abs(Date.now() - (entry.lastSeen ?? 0)) < 60_000)
})

test('a frame that is read late does not move time back', async (t) => {
  const { ports, source, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  ports.plug(12, 'tap2', 100)
  const { table } = await start()
  source.see(11, VM1, '10.0.0.1')
  source.see(12, VM2, '10.0.0.2', { at: monotonicMs() - 60_000 })
  const late = table.find(100, '10.0.0.2') ?? assert.fail()
  assert.ok(monotonicMs() - late.lastSeen >= 60_000, 'the host was seen when its frame came')
  const claimed = monotonicMs()
  source.see(12, VM2, '10.0.0.1', { at: claimed - 60_000 })
  const owner = table.find(100, '10.0.0.1') ?? assert.fail()
  assert.deepEqual([owner.mac, owner.phase], [VM1, 'contested'])
  const interval = DEFAULT_POLICY.duplicates.confirmMs / 3
  assert.ok((table.timers.at(owner) ?? 0) >= claimed + interval, 'the owner has its time to answer')
})

test('what was seen before there was a relay is announced when it comes', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  await start()
  source.see(11, VM1, '10.0.0.1')
  await reconciled(relay)
  assert.deepEqual([...relay.overlay.keys()], [`100 ${VM1} 10.0.0.1`])
})

test('a port that goes down or away takes its bindings along, and the next frame counts again', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  const tap1 = ports.plug(11, 'tap1', 100)
  const tap2 = ports.plug(12, 'tap2', 100)
  await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  source.see(12, VM2, '10.0.0.2')
  await relay.until(() => relay.overlay.size === 2)
  const before = monotonicMs()
  ports.setDown(tap1)
  await relay.until(() => relay.told.includes(`remove 100 ${VM1} 10.0.0.1`))
  assert.ok(source.asked.includes(`forget 11 0 ${VM1} 10.0.0.1`))
  source.see(11, VM1, '10.0.0.3', { at: before })
  assert.equal(source.asked.at(-1), `forget 11 0 ${VM1} 10.0.0.3`, 'a frame of before the fall teaches nothing')
  ports.unplug(tap2)
  await relay.until(() => relay.overlay.size === 0)
  assert.ok(source.asked.includes('detach 12'))
})

test('a frame counts although the kernel has not yet said that the port is up', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  const tap1 = ports.plug(11, 'tap1', 100)
  await start()
  await reconciled(relay)
  ports.setDown(tap1)
  source.see(11, VM1, '10.0.0.1')
  await relay.until(() => relay.overlay.size === 1)
})

test('what was said before it was read that the port had been down is asked for: it may have been said after', async (t) => {
  const { relay, ports, source, outlet, start } = await scene(t)
  const tap1 = ports.plug(11, 'tap1', 100)
  const { table } = await start()
  await reconciled(relay)
  // the process was stopped meanwhile
  const meanwhile = monotonicMs()
  const probed = new Promise<void>((resolve) => (outlet.onProbe = resolve))
  ports.setDown(tap1)
  ports.setUp(tap1)
  source.see(11, VM1, '10.0.0.1', { at: meanwhile })
  await probed
  assert.deepEqual(
    outlet.probes.map(({ ifindex, mac, ip }) => ({ ifindex, mac, ip })),
    [{ ifindex: 11, mac: VM1, ip: '10.0.0.1' }],
  )
  assert.deepEqual([relay.overlay.size, table.find(100, '10.0.0.1')?.confirmed], [0, false])
  source.see(11, VM1, '10.0.0.1', { kind: 'arp-reply' })
  await relay.until(() => relay.overlay.size === 1)
  // it is not known yet that the port is up again
  ports.setDown(tap1)
  source.see(11, VM2, '10.0.0.2', { at: meanwhile })
  const asked = new Promise<void>((resolve) => {
    outlet.onProbe = () => {
      if (outlet.probes.some(({ ip }) => ip === '10.0.0.2')) resolve()
    }
  })
  ports.setUp(tap1)
  await asked
  // one that asks whether an address is free has none
  source.see(11, VM2, '10.0.0.9', { at: meanwhile, kind: 'arp-probe' })
  assert.equal(table.find(100, '10.0.0.9'), undefined)
})

test('the VNI of a port changes: bindings go, and frames refused for want of a VNI count', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  ports.plug(12, 'tap2', undefined)
  const snooper = await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  source.see(12, VM2, '10.0.0.2')
  await relay.until(() => relay.overlay.size === 1)
  assert.equal(snooper.table.refused['no-vni'], 1)
  ports.vnis.set('11.0', 101)
  ports.vnis.set('12.0', 100)
  ports.emit('vni-change')
  await relay.until(() => relay.overlay.size === 0)
  assert.equal(source.asked.at(-1), 'forget-all')
  source.see(12, VM2, '10.0.0.2')
  await relay.until(() => relay.overlay.has(`100 ${VM2} 10.0.0.2`))
})

test('the node’s own addresses are refused', async (t) => {
  const { ports, source, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  ports.ownAddresses.add(VM1).add('10.0.0.254')
  const { table } = await start()
  source.see(11, VM1, '10.0.0.1')
  source.see(11, VM2, '10.0.0.254')
  assert.equal(table.size, 0)
  assert.equal(table.refused['own-mac'], 1)
  assert.equal(table.refused['own-ip'], 1)
})

test('after a restart the table is the one the relay kept, and nothing is withdrawn', async (t) => {
  const { relay, ports, source, options, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  const now = Date.now()
  relay.hold({ vni: 100, mac: VM1, ip: '10.0.0.1' }, { port: 'tap1', firstSeen: now - 90_000, lastSeen: now - 1000 })
  relay.hold({ vni: 100, mac: VM1, ip: '2001:db8::1' }, { port: 'tap1', router: true, firstSeen: now, lastSeen: now })
  relay.hold({ vni: 100, mac: VM2, ip: '10.0.0.2' }, { port: 'gone', firstSeen: now, lastSeen: now })
  relay.hold({ vni: 999, mac: VM2, ip: '10.0.0.3' }, { port: 'tap1', firstSeen: now, lastSeen: now })
  const { table } = await start()
  await reconciled(relay)
  assert.equal(table.size, 2)
  assert.equal(table.find(100, '10.0.0.1')?.evidence, 'restored')
  assert.equal(table.find(100, '2001:db8::1')?.router, true)
  assert.deepEqual([...relay.overlay.keys()].sort(), [`100 ${VM1} 10.0.0.1`, `100 ${VM1} 2001:db8::1`])
  const removed = relay.told.filter((line) => line.startsWith('remove'))
  assert.deepEqual(removed, [`remove 100 ${VM2} 10.0.0.2`, `remove 999 ${VM2} 10.0.0.3`], 'what leads nowhere any more')
  source.see(11, VM1, '10.0.0.1')
  assert.equal(table.find(100, '10.0.0.1')?.evidence, 'arp-request')
  assert.ok(existsSync(options.control))
})

test('after a restart a host is where its bridge has it by now, and is asked there', async (t) => {
  const { relay, ports, outlet, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  ports.plug(12, 'tap2', 100)
  ports.fdb.set(`11.0 ${VM1}`, 12)
  const now = Date.now()
  relay.hold({ vni: 100, mac: VM1, ip: '10.0.0.1' }, { port: 'tap1', firstSeen: now, lastSeen: now })
  const probed = new Promise<void>((resolve) => (outlet.onProbe = resolve))
  const { table } = await start()
  await reconciled(relay)
  assert.equal(table.find(100, '10.0.0.1')?.anchor.port, 'tap2')
  await probed
  assert.deepEqual(
    outlet.probes.map(({ ifindex, mac }) => ({ ifindex, mac })),
    [{ ifindex: 12, mac: VM1 }],
  )
  assert.ok(relay.told.includes(`put 100 ${VM1} 10.0.0.1`), relay.told.join())
})

test('after a restart a host whose port is down by now stays if its bridge has it elsewhere', async (t) => {
  const { relay, ports, start } = await scene(t)
  ports.setDown(ports.plug(11, 'tap1', 100))
  ports.plug(12, 'tap2', 100)
  ports.fdb.set(`11.0 ${VM1}`, 12)
  const now = Date.now()
  relay.hold({ vni: 100, mac: VM1, ip: '10.0.0.1' }, { port: 'tap1', firstSeen: now, lastSeen: now })
  relay.hold({ vni: 100, mac: VM2, ip: '10.0.0.2' }, { port: 'tap1', firstSeen: now, lastSeen: now })
  const { table } = await start()
  await reconciled(relay)
  assert.equal(table.find(100, '10.0.0.1')?.anchor.port, 'tap2')
  assert.deepEqual([...relay.overlay.keys()], [`100 ${VM1} 10.0.0.1`], 'the other one is nowhere')
})

test('when the relay comes back, the table counts and not what the relay remembers', async (t) => {
  const { relay, ports, source, options, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  const { table } = await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  await relay.until(() => relay.overlay.size === 1)
  await relay.close()
  relay.hold({ vni: 100, mac: VM2, ip: '10.0.0.2' }, { port: 'tap1', firstSeen: Date.now(), lastSeen: Date.now() })
  relay.told.length = 0
  await relay.listen(options.relay)
  await reconciled(relay)
  assert.deepEqual(relay.told, ['own', `remove 100 ${VM2} 10.0.0.2`, `put 100 ${VM1} 10.0.0.1`, 'reconciled'])
  assert.equal(table.size, 1)
})

test('a gateway that zebra announces is forgotten and stays so', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  const { table } = await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.254')
  await relay.until(() => relay.overlay.size === 1)
  relay.say({ views: { changes: [{ mac: { key: keyOf({ vni: 100, mac: VM2, ip: '10.0.0.254' }), flags: 2 } }] } })
  await relay.until(() => relay.overlay.size === 0)
  source.see(11, VM1, '10.0.0.254')
  assert.equal(table.refused.gateway, 1)
})

test('a binding that is not seen again ages out by itself', async (t) => {
  const { relay, ports, source, start } = await scene(t, { policy: { ...DEFAULT_POLICY, ageMs: 50, probes: 'off' } })
  ports.plug(11, 'tap1', 100)
  const { table } = await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  await relay.until(() => relay.told.includes(`remove 100 ${VM1} 10.0.0.1`))
  assert.equal(table.withdrawn.aged, 1)
  assert.ok(source.asked.includes(`forget 11 0 ${VM1} 10.0.0.1`))
})

test('a host of an earlier run is asked at once, before what is due later', async (t) => {
  const { relay, ports, source, outlet, options, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  await relay.close()
  relay.hold({ vni: 100, mac: VM2, ip: '10.0.0.2' }, { port: 'tap1', firstSeen: 0, lastSeen: 0 })
  await start()
  source.see(11, VM1, '10.0.0.1')
  const probed = new Promise<void>((resolve) => (outlet.onProbe = resolve))
  await relay.listen(options.relay)
  await probed
  assert.deepEqual(
    outlet.probes.map(({ ifindex, mac, ip }) => ({ ifindex, mac, ip })),
    [{ ifindex: 11, mac: VM2, ip: '10.0.0.2' }],
  )
  assert.equal(relay.overlay.size, 2, 'bgpd was told of it all the time')
})

test('the answer of a former owner that was just seen is news', async (t) => {
  const { relay, ports, source, outlet, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  source.see(11, VM2, '10.0.0.1')
  assert.equal(outlet.probes.length, 1)
  assert.equal(source.asked.at(-1), `forget 11 0 ${VM1} 10.0.0.1`)
})

test('bindings of a file wait for their port, and for an answer', async (t) => {
  const stateFile = join(tempDir(t), 'state', 'bindings')
  const { relay, ports, source, outlet, start } = await scene(t, { stateFile })
  ports.plug(11, 'tap1', 100)
  const first = await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  await relay.until(() => relay.overlay.size === 1)
  await first.stop()
  relay.overlay.clear()
  relay.told.length = 0
  ports.ports.clear()
  const second = await start()
  await reconciled(relay)
  assert.equal(second.table.size, 0, 'its port is not there')
  const probed = new Promise<void>((resolve) => (outlet.onProbe = resolve))
  ports.plug(13, 'tap1', 100)
  assert.equal(second.table.find(100, '10.0.0.1')?.confirmed, false)
  await probed
  assert.equal(relay.overlay.size, 0, 'nobody has seen it yet')
  source.see(13, VM1, '10.0.0.1', { kind: 'arp-reply' })
  await relay.until(() => relay.overlay.size === 1)
})

test('who only observes tells the relay so with every entry', async (t) => {
  const { relay, ports, source, start } = await scene(t, { policy: { ...DEFAULT_POLICY, observe: true } })
  ports.plug(11, 'tap1', 100)
  await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  await relay.until(() => relay.overlay.size === 1)
  assert.equal(relay.overlay.get(`100 ${VM1} 10.0.0.1`)?.observe, true)
})

test('a port that cannot be snooped does not keep the others from being', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  source.broken = 'EPERM'
  ports.plug(11, 'tap1', 100)
  await start()
  source.broken = undefined
  ports.plug(12, 'tap2', 100)
  await reconciled(relay)
  source.see(12, VM2, '10.0.0.2')
  await relay.until(() => relay.overlay.size === 1)
})

test('stopping closes everything and leaves the relay its entries', async (t) => {
  const { relay, ports, source, outlet, options, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  const snooper = await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  await relay.until(() => relay.overlay.size === 1)
  await snooper.stop()
  await relay.until(() => !relay.owned)
  assert.equal(relay.overlay.size, 1)
  assert.ok(source.closed && outlet.closed && ports.closed)
  assert.equal(existsSync(options.control), false)
})

test('a second snooper touches nothing', async (t) => {
  const { source, options, start } = await scene(t)
  await start()
  const never = (): never => {
    throw new Error('opened')
  }
  const second = Snooper.start(options, silent, { source: never, vxlan: never, outlet: never, ports: never })
  await assert.rejects(second, (error) => error instanceof FatalError && error.exitCode === ExitCode.socketBusy)
  assert.equal(source.closed, false)
})

test('a snooper that cannot start leaves nothing behind', async (t) => {
  const { source, outlet, options } = await scene(t)
  const ports = (): never => {
    throw new FatalError(ExitCode.kernel, 'no rtnetlink')
  }
  await assert.rejects(
    Snooper.start(options, silent, { source: () => source, vxlan: noVxlan, outlet: () => outlet, ports }),
    /no rtnetlink/,
  )
  assert.ok(source.closed && outlet.closed)
  assert.equal(existsSync(options.control), false)
})

test('reports of an unknown kind are taken for none', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  const { table } = await start()
  await reconciled(relay)
  relay.entryStatus = proto.EntryStatus.ENTRY_STATUS_UNSPECIFIED
  source.see(11, VM1, '10.0.0.1')
  await relay.until(() => relay.overlay.size === 1)
  assert.equal(table.find(100, '10.0.0.1')?.report, undefined)
})

test('what zebra programs as remote is suppressedByFpm, and given back when FPM is lost', async (t) => {
  const { relay, ports, source, start } = await scene(t)
  ports.plug(11, 'tap1', 100)
  relay.views = [{ vni: { vni: 100 } }, { mac: { key: keyOf({ vni: 100, mac: VM1, ip: '' }) } }]
  const snooper = await start()
  await reconciled(relay)
  source.see(11, VM1, '10.0.0.1')
  await relay.until(() => relay.overlay.size === 1)
  const view: FpmView = new FpmView({}, (change) => {
    snooper.onFpmChange(change, view)
  })
  view.opened(1000)
  view.apply(decoded(mac(VM1.replaceAll(':', ''), { vni: 100 })), 1001)
  await relay.until(() => relay.overlay.size === 0)
  assert.equal(snooper.table.size, 1)
  view.closed(1002)
  await relay.until(() => relay.overlay.size === 1)
})
