// The lab's own means to prove mobility: VMs that move, what they and the tunnel see, and macipd on both nodes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flood, steady } from '../lab/load.js'
import { Fabric } from '../lab/fabric.js'
import { arpRequest } from '../lab/frames.js'
import { Lab } from '../lab/lab.js'
import type { Router } from '../lab/router.js'
import { Tunnel } from '../lab/tunnel.js'

const isIpv4 = ({ bytes }: { bytes: Buffer }): boolean => bytes.readUInt16BE(12) === 0x0800
const asksFor = (target: string) => {
  const address = Buffer.from(target.split('.').map(Number))
  return ({ bytes }: { bytes: Buffer }): boolean =>
    bytes.readUInt16BE(12) === 0x0806 && bytes.subarray(38, 42).equals(address)
}
/** Who asks through a port that the VM has left. */
const NOBODY = '10.2.1.250'
const senderOf = (arp: Buffer): string => [...arp.subarray(28, 32)].join('.')
const ports = async (node: Router): Promise<string[]> => {
  const text = await node.exec(['ip', '-o', 'link', 'show', 'master', 'br0', 'up'])
  return [...text.matchAll(/^\d+: (tap\d+)@/gm)].map(([, name = '']) => name).sort()
}

test('a VM moves there and back: its MAC route follows with growing sequence numbers, and others reach it', async () => {
  await using lab = await Lab.start({ frr: '8.4', ageing: 40 })
  await lab.startFrr()
  const [n1, n2] = lab.nodes
  const [vm] = lab.vms
  const third = await lab.addVm(n2)
  assert.match(await n2.exec(['ip', '-d', 'link', 'show', 'br0']), / ageing_time 4000 /)
  vm.announce()
  assert.equal((await lab.advertisedBy(n1, vm.mac)).sequence, 0)
  using heard = vm.capture()

  using before = Tunnel.watch(n1)
  assert.equal((await third.ping(vm.ipv4)).received, 1)
  assert.equal((await third.ping(vm.ipv6)).received, 1)
  assert.deepEqual(
    before.frames().flatMap((frame) => (isIpv4(frame) ? [frame.outgoing] : [])),
    [false, true],
  )

  for (const [index, to] of [n2, n1, n2].entries()) {
    const from = to === n1 ? n2 : n1
    const until = async (): Promise<void> => {
      await lab.advertisedBy(to, vm.mac)
      // the port it was behind is still there, and deaf and dumb
      assert.ok((await ports(from)).includes(vm.port))
      using old = from.capture(vm.port)
      using now = to.capture(vm.port)
      old.send(arpRequest({ mac: third.mac, ipv4: NOBODY, ipv6: third.ipv6 }, vm.ipv4))
      now.send(arpRequest(third, `10.2.1.${200 + index}`))
      await heard.waitForFrame('a question at the new port', asksFor(`10.2.1.${200 + index}`))
      assert.equal(old.frames().filter(({ outgoing }) => !outgoing).length, 0)
    }
    await lab.move(vm, to, { until })
    assert.ok(!(await ports(from)).includes(vm.port))
    assert.equal((await lab.advertisedBy(to, vm.mac)).sequence, index + 1)
    await lab.waitForPing(third, vm.ipv4)
    assert.equal((await third.ping(vm.ipv6)).received, 1)
  }
  // what came to a port that was left was not heard; the third host may ask again when it likes
  const asked = heard.frames().filter((frame) => !frame.outgoing && asksFor(vm.ipv4)(frame))
  assert.ok(asked.length > 0)
  assert.deepEqual(
    asked.filter(({ bytes }) => senderOf(bytes) === NOBODY),
    [],
  )

  // both are on n2 now
  using after = Tunnel.watch(n1)
  assert.equal((await third.ping(vm.ipv4, { count: 3, intervalMs: 1 })).received, 3)
  await after.flushed()
  assert.deepEqual(after.frames().filter(isIpv4), [])

  const entries = (await n2.fdb()).filter(({ mac, master }) => mac === vm.mac && master === 'br0')
  assert.deepEqual(
    entries.map(({ ifname }) => ifname),
    [vm.port],
  )
  assert.equal(Lab.find(lab.name).vms[0].router.name, 'n2')
  await assert.rejects(lab.move(vm, n2), /vm1 is on n2 already/)
})

test('a VM that moves without a word is where it was, for everyone else, until it speaks', async () => {
  await using lab = await Lab.start({ frr: '8.4' })
  await lab.startFrr()
  const [n1, n2] = lab.nodes
  const [vm, farVm] = lab.vms
  vm.announce()
  await lab.advertisedBy(n1, vm.mac)
  using wire = vm.capture()
  await lab.move(vm, n2, { announce: false, until: () => lab.advertisedBy(n1, vm.mac) })
  // the port is gone, and with it the route: nobody has heard of the VM since
  await lab.advertisedByNobody(vm.mac)
  assert.deepEqual(wire.frames(), [])
  await lab.waitForPing(vm, farVm.ipv4)
  await lab.advertisedBy(n2, vm.mac)
})

test('macipd runs on both nodes, as their options and configuration say; what it shows can be read', async () => {
  await using fabric = await Fabric.start({
    frr: '8.4',
    both: true,
    near: { relay: ['--stale-time', '7m'], config: 'snoop: {age: 20m}\n' },
    far: { snoop: ['--exclude', 'tap9'], config: 'snoop: {exclude: [tap2]}\n' },
  })
  const { lab, near, far, vm } = fabric
  await using dump = await near.follow('zapi', 'dump', '--follow', '--last', 'all')
  assert.deepEqual(
    (await near.snoopStatus()).ports.map(({ name }) => name),
    ['tap1'],
  )
  const { relay } = (await near.macipctl('status')) as { relay: { staleMs: number } }
  assert.equal(relay.staleMs, 420_000)
  await fabric.learn()
  assert.deepEqual(
    (await near.bindings(vm.ipv4)).map(({ mac, state, port }) => ({ mac, state, port })),
    [{ mac: vm.mac, state: 'active', port: vm.port }],
  )
  assert.deepEqual((await near.bindings()).map(({ ip }) => ip).sort(), [vm.ipv4, vm.ipv6])
  for (const ip of [vm.ipv4, vm.ipv6])
    await lab.waitFor(
      `${ip} in the kernel of ${far.name}`,
      () => far.neighbours(),
      (neighbours) => neighbours.some(({ dst, lladdr, externLearn }) => dst === ip && lladdr === vm.mac && externLearn),
    )
  await lab.waitFor(
    'the dump to show it',
    () => JSON.stringify(dump.lines()),
    (text) => text.includes('MACIP_ADD') && text.includes(vm.ipv6),
  )

  // the far snooper learns it behind a port that did not exist when it started
  await fabric.move(vm, far, { until: () => lab.advertisedBy(far, vm.mac) })
  await lab.waitFor(
    `${far.name} to have the binding`,
    () => far.bindings(vm.ipv4),
    (bindings) => bindings.some(({ port, mac }) => port === vm.port && mac === vm.mac),
  )
})

test('load at a steady rate and at full rate is complete', async () => {
  await using lab = await Lab.start({ frr: '8.4' })
  const [n1, n2] = lab.nodes
  const [vm1, vm2] = lab.vms
  using first = n1.capture(vm1.port)
  using second = n2.capture(vm2.port)
  const { sent } = await steady([vm1, vm2], { rate: 20_000, seconds: 0.1, hosts: 7 })
  assert.equal(sent, 2000)
  const senders = (capture: typeof first): Set<string> =>
    new Set(capture.frames().flatMap(({ outgoing, bytes }) => (outgoing ? [] : [bytes.toString('hex', 6, 12)])))
  const received = (capture: typeof first): number => capture.frames().filter(({ outgoing }) => !outgoing).length
  assert.deepEqual([received(first), received(second)], [1000, 1000])
  assert.deepEqual([senders(first).size, senders(second).size], [4, 3])

  using third = n1.capture(vm1.port)
  await flood(vm1, { addresses: 2000, rounds: 2 })
  const own = third
    .frames()
    .filter(({ outgoing, bytes }) => !outgoing && bytes.toString('hex', 6, 12) === 'bc2411000001')
  assert.equal(own.length, 8000)
  assert.equal(new Set(own.map(({ bytes }) => bytes.toString('hex'))).size, 4000)
})
