// Who may watch, what is asked of the eBPF program, and what a proxy that does not read costs.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { VxlanClaim, WatchVxlan } from '../../../src/control/vxlan-codec.js'
import type { snoop as proto } from '../../../src/gen/snoop.js'
import type { Link } from '../../../src/rtnetlink/link.js'
import { listenSnoopControl } from '../../../src/snoop/control.js'
import type { VxlanSource } from '../../../src/snoop/sources.js'
import { Underlay } from '../../../src/snoop/underlay/underlay.js'
import { silent, tempDir } from '../../support.js'
import { FakePorts } from '../fake-sources.js'
import { subject } from '../subject.js'
import { bytesOf, macBytesOf, Proxy } from './proxy.js'

/** Stands in for the eBPF program: keeps what it was asked, and reports what a test says. */
class FakeVxlanSource implements VxlanSource {
  /** `configure`, `attach 7`, `detach 7`, `close`. */
  readonly asked: string[] = []
  request: WatchVxlan | undefined
  broken = false
  private onClaim: (claim: VxlanClaim) => void = () => undefined

  configure(request: WatchVxlan): void {
    this.asked.push('configure')
    this.request = request
  }

  attach(ifindex: number): 'tcx' {
    this.asked.push(`attach ${ifindex}`)
    if (this.broken) throw new Error('no room')
    return 'tcx'
  }

  detach(ifindex: number): void {
    this.asked.push(`detach ${ifindex}`)
  }

  start(onClaim: (claim: VxlanClaim) => void): void {
    this.onClaim = onClaim
  }

  counters(): Record<string, number> {
    return { passed: 3 }
  }

  close(): void {
    this.asked.push('close')
  }

  claim(ip: string): void {
    const mac = '02:00:00:00:00:01'
    const frame = { kind: 'arp-reply' as const, mac, etherSource: mac, ip, router: false }
    this.onClaim({ ...frame, vni: 100, vtep: '203.0.113.7', at: 1000 })
  }
}

type Scene = {
  ports: FakePorts
  source: FakeVxlanSource
  opened: () => number
  connect: () => Proxy
  underlay: Underlay
}

async function scene(t: TestContext): Promise<Scene> {
  const path = join(tempDir(t), 'snoop.sock')
  const [ports, source] = [new FakePorts(), new FakeVxlanSource()]
  let opened = 0
  const open = (): VxlanSource => {
    opened += 1
    return source
  }
  const underlay = new Underlay(ports, open, silent)
  const server = await listenSnoopControl(path, subject({ underlay: () => underlay }), () => undefined, silent)
  t.after(async () => {
    underlay.close()
    await server.close()
  })
  return { ports, source, opened: () => opened, connect: () => Proxy.connect(t, path), underlay }
}

function plug(ports: FakePorts, ifindex: number, name: string, changes: Partial<Link> = {}): void {
  const nothing = { operstate: 6, master: undefined, lower: undefined, kind: undefined, slaveKind: undefined }
  const none = { vxlan: undefined, bridge: undefined, vlan: undefined, vrfTable: undefined }
  const link: Link = { ifindex, name, flags: 1, mac: '02:00:00:00:0f:01', ...nothing, ...none, ...changes }
  ports.links.set(ifindex, link)
  ports.emit('links', new Set())
}

test('nothing is loaded before a proxy asks, and everything is unloaded when it has gone', async (t) => {
  const { ports, source, opened, connect } = await scene(t)
  plug(ports, 7, 'under')
  assert.equal(opened(), 0)
  const proxy = connect()
  proxy.watch()
  await proxy.untilInterfaces('under attached')
  assert.deepEqual(source.asked, ['configure', 'attach 7'])
  assert.deepEqual(
    proxy.statuses.at(-1)?.frames?.map(({ name, value }) => [name, value]),
    [['passed', 3]],
  )
  proxy.socket.destroy()
  while (!source.asked.includes('close')) await new Promise((resolve) => setImmediate(resolve))
  plug(ports, 8, 'under8')
  assert.equal(source.asked.includes('attach 8'), false, 'links are no longer followed')
})

test('a claim has all that was seen', async (t) => {
  const { source, connect } = await scene(t)
  const proxy = connect()
  proxy.watch()
  await proxy.until(() => proxy.statuses.length === 1)
  source.claim('192.0.2.1')
  await proxy.until(() => proxy.claims.length === 1)
  const { vtep, mac, ip, etherSource, vni, kind, router, at } = proxy.claims[0] ?? {}
  assert.deepEqual([vni, kind, router, at], [100, 'arp-reply', false, 1000])
  const hex = [vtep, ip, mac, etherSource].map((bytes) => Buffer.from(bytes ?? []).toString('hex'))
  assert.deepEqual(hex, ['cb007107', 'c0000201', '020000000001', '020000000001'])
})

test('a second proxy is refused and told why; the first is not disturbed', async (t) => {
  const { source, opened, connect } = await scene(t)
  const [first, second] = [connect(), connect()]
  first.watch()
  await first.until(() => first.statuses.length === 1)
  second.watch()
  await second.until(() => second.closed)
  assert.equal(second.error, `the process ${process.pid} watches VXLAN already; one can at a time`)
  source.claim('192.0.2.1')
  await first.until(() => first.claims.length === 1)
  first.socket.destroy()
  while (!source.asked.includes('close')) await new Promise((resolve) => setImmediate(resolve))
  const third = connect()
  third.watch()
  await third.until(() => third.statuses.length === 1)
  assert.equal(opened(), 2)
})

test('each request is answered, and one without a change asks nothing of the kernel', async (t) => {
  const { ports, source, connect } = await scene(t)
  plug(ports, 7, 'under')
  const proxy = connect()
  for (let answers = 1; answers <= 3; answers++) {
    proxy.watch()
    await proxy.until(() => proxy.statuses.length === answers)
  }
  assert.deepEqual(source.asked, ['configure', 'attach 7'])
  proxy.watch({ vnis: [100, 200], interfaces: ['eth*'] })
  await proxy.until(() => proxy.statuses.length === 4)
  assert.deepEqual(source.asked, ['configure', 'attach 7', 'configure', 'detach 7'])
  assert.deepEqual(source.request?.vnis, [100, 200])
})

test('a device that cannot be watched is named with the reason, and is tried again', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { ports, source, connect } = await scene(t)
  source.broken = true
  plug(ports, 7, 'under')
  plug(ports, 8, 'under-tun', { mac: undefined })
  const proxy = connect()
  proxy.watch()
  await proxy.untilInterfaces('under no room', 'under-tun it is not an Ethernet device')
  source.broken = false
  t.mock.timers.tick(10_000)
  await proxy.untilInterfaces('under attached', 'under-tun it is not an Ethernet device')
  const { length } = proxy.statuses
  t.mock.timers.tick(10_000)
  await proxy.until(() => proxy.statuses.length > length)
})

test('claims for a proxy that does not read are dropped and counted', async (t) => {
  const { source, connect } = await scene(t)
  const proxy = connect()
  proxy.watch()
  await proxy.until(() => proxy.statuses.length === 1)
  proxy.socket.pause()
  const COUNT = 200_000
  for (let sent = 0; sent < COUNT; ) {
    for (let burst = 0; burst < 5000; burst++, sent++) source.claim(`10.0.${(sent >> 8) & 255}.${sent & 255}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  proxy.socket.resume()
  proxy.watch()
  await proxy.until(() => proxy.statuses.length === 2 && proxy.claims.length + dropped(proxy) === COUNT)
  assert.ok(dropped(proxy) > COUNT / 2, `${dropped(proxy)} dropped`)
  source.claim('192.0.2.1')
  await proxy.until(() => proxy.heard.at(-1)?.includes('192.0.2.1') === true)
})

const dropped = (proxy: Proxy): number => proxy.statuses.at(-1)?.dropped ?? 0

const HOST = macBytesOf('02:00:00:00:00:09')
const WRONG: [changes: proto.WatchVxlan.$Properties, why: string][] = [
  [{ interfaces: [] }, 'an interface is needed'],
  [{ interfaces: [''] }, 'the name of an interface has 1 to 32 characters, not 0'],
  [{ interfaces: ['x'.repeat(33)] }, 'the name of an interface has 1 to 32 characters, not 33'],
  [{ interfaces: Array<string>(65).fill('x') }, 'at most 64 interfaces, not 65'],
  [{ udpPorts: [] }, 'a UDP port is needed'],
  [{ udpPorts: [0] }, 'a UDP port is from 1 to 65535, not 0'],
  [{ udpPorts: [65_536] }, 'a UDP port is from 1 to 65535, not 65536'],
  [{ udpPorts: Array<number>(9).fill(1) }, 'at most 8 UDP ports, not 9'],
  [{ vnis: [0] }, 'a VNI is from 1 to 16777215, not 0'],
  [{ vnis: [1 << 24] }, 'a VNI is from 1 to 16777215, not 16777216'],
  [{ sources: [{ ip: HOST }] }, 'an IP address has 4 or 16 bytes, not 6'],
  [{ sources: [{}] }, 'an IP address has 4 or 16 bytes, not 0'],
  [{ sources: [{ ip: bytesOf('192.0.2.0'), length: 33 }] }, 'a prefix of 192.0.2.0 has at most 32 bits, not 33'],
  [{ destinations: [bytesOf('::ffff:192.0.2.1')] }, '::ffff:192.0.2.1: an IPv4 address has 4 bytes'],
  [{ repeatIntervalMs: -1 }, 'a repeat interval is from 0 to 86400000 ms, not -1'],
  [{ repeatIntervalMs: NaN }, 'a repeat interval is from 0 to 86400000 ms, not NaN'],
  [{ repeatIntervalMs: 86_400_001 }, 'a repeat interval is from 0 to 86400000 ms, not 86400001'],
  [{ asker: bytesOf('192.0.2.1') }, 'a MAC address has 6 bytes, not 4'],
  [{ asker: macBytesOf('ff:ff:ff:ff:ff:ff') }, 'no host has the MAC address ff:ff:ff:ff:ff:ff'],
]
for (const [changes, why] of WRONG)
  test(`a request that makes no sense ends the watch: ${why}`, async (t) => {
    const { source, connect } = await scene(t)
    const proxy = connect()
    proxy.watch()
    await proxy.until(() => proxy.statuses.length === 1)
    proxy.watch(changes)
    await proxy.until(() => proxy.closed)
    assert.equal(proxy.error, why)
    while (!source.asked.includes('close')) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(source.asked, ['configure', 'close'])
  })

test('a kernel that refuses the program is named to the proxy', async (t) => {
  const path = join(tempDir(t), 'snoop.sock')
  const underlay = new Underlay(
    new FakePorts(),
    () => {
      throw new Error('no permission')
    },
    silent,
  )
  const server = await listenSnoopControl(path, subject({ underlay: () => underlay }), () => undefined, silent)
  t.after(() => server.close())
  const proxy = Proxy.connect(t, path)
  proxy.watch()
  await once(proxy.socket, 'close')
  assert.equal(proxy.error, 'VXLAN cannot be watched: no permission')
})
