// Hosts, switches and clusters of honest but odd behaviour: what is announced is stable, and nobody honest is punished.
// Real FRR daemons and kernels; what is imitated with frames says so.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { arpAnnouncement, arpProbe, arpReply } from '../../lab/frames.js'
import type { Vm } from '../../lab/vm.js'
import { Blame, hasConverged } from './converge.js'

const TEN_MINUTES = 'snoop: {age: 10m}\n'
const BOTH = { frr: '10.7', both: true, near: { config: TEN_MINUTES }, far: { config: TEN_MINUTES } } as const

/** Of a VM: all that another interface of it needs to be behind a port of its own. */
type Nic = { readonly name: string; readonly mac: string; readonly ip: string; readonly port: string }

/** One more interface of a VM on the near node, with a port of its own. */
async function addNic({ near, lab }: Fabric, vm: Vm, nic: Nic): Promise<void> {
  const { name, mac, ip, port } = nic
  await near.ip(
    `link add ${port} type veth peer name ${name} address ${mac} netns ${vm.namespaces.net}`,
    `link set ${port} master br0 up`,
  )
  await vm.ip(`link set ${name} up`, `addr add ${ip}/24 dev ${name}`)
  await lab.waitFor(
    `${port} to be snooped`,
    () => near.snoopStatus(),
    ({ ports }) => ports.some((it) => it.name === port && it.attached !== '' && it.up),
  )
}

/** As MetalLB does in layer 2: a request and a reply, neither of which asks or answers anybody. */
function announceService(vm: Vm, ip: string): void {
  const service = { mac: vm.mac, ipv4: ip, ipv6: vm.ipv6 }
  vm.sendFrames([arpAnnouncement(service), arpReply(service, { ...service, mac: 'ff:ff:ff:ff:ff:ff' })])
}

/** MetalLB repeats itself for 5 s: the node that had the service may be slow to withdraw, and answers until then. */
async function announceOn(vm: Vm, ip: string): Promise<void> {
  for (let times = 0; times < 4; times++) {
    await delay(1100)
    announceService(vm, ip)
  }
}

async function metalLb(fabric: Fabric, t: TestContext): Promise<void> {
  const { vm, farVm, near } = fabric
  const other = await fabric.addVm()
  const services = ['10.2.1.201', '10.2.1.202', '10.2.1.203'] as const
  for (const ip of services) {
    await vm.take(ip)
    await hasConverged(fabric, t, { vm, ip }, () => {
      announceService(vm, ip)
    })
  }
  const [moving] = services
  for (const [from, to] of [
    [vm, other],
    [other, farVm],
  ] as const) {
    // the new node announces first, and the old one withdraws when it hears of it
    await to.take(moving)
    await hasConverged(fabric, t, { vm: to, ip: moving }, async () => {
      announceService(to, moving)
      await Promise.all([delay(50).then(() => from.giveUp(moving)), announceOn(to, moving)])
    })
  }
  for (let service = 1; service <= 130; service++) announceService(other, `10.2.2.${service}`)
  const refused = await fabric.lab.waitFor(
    'more addresses than a MAC may have to be refused',
    async () => {
      const known = await near.bindings()
      const all = Array.from({ length: 130 }, (_, index) => `10.2.2.${index + 1}`)
      return all.filter((ip) => !known.some((it) => it.ip === ip))
    },
    (missing) => missing.length <= 3,
  )
  assert.ok(refused.length >= 2, refused.join())
  assert.match(await near.explainText(refused[0] ?? ''), /mac-limit[^]*snoop\.limits\.perMac\.ipv4/)
}

/** Two interfaces in one subnet: Linux answers on both for the addresses of both (arp_ignore is 0). */
async function arpFlux(fabric: Fabric, blame: Blame): Promise<void> {
  const { lab, near, farVm } = fabric
  const [vm, asker] = [await fabric.addVm(), await fabric.addVm()]
  const second = { name: 'eth1', mac: '02:00:00:00:02:01', ip: '10.2.1.51', port: 'flux' }
  await addNic(fabric, vm, second)
  const first = { mac: vm.mac, ip: vm.ipv4 }
  for (const { mac, ip } of [first, second]) {
    const host = { mac, ipv4: ip, ipv6: vm.ipv6 }
    if (mac === vm.mac) vm.send(arpAnnouncement(host))
    else await vm.exec(vm.inRoot(['arping', '-U', '-c', '1', '-I', 'eth1', ip]))
    await lab.advertisedBy(near, mac, ip)
  }
  const before = blame.events().length
  for (let round = 0; round < 12; round++) {
    for (const { ip } of [first, second]) {
      for (const from of [asker, farVm]) {
        await from.ip('neigh flush dev eth0')
        await from.ping(ip, { count: 1, timeoutMs: 1000 })
      }
    }
  }
  for (const { mac, ip } of [first, second]) {
    await lab.advertisedBy(near, mac, ip)
    const told = blame
      .events()
      .slice(before)
      .filter((it) => it.ip === ip)
    const changed = told.filter(({ event }) => event === 'withdrawn' || event === 'duplicate' || event === 'taken-over')
    assert.deepEqual(changed, [], 'what is announced is stable')
  }
  // an interface that was not believed has lost nothing of its own, and may have more
  await vm.ip('addr add 10.2.1.52/24 dev eth1')
  await vm.exec(vm.inRoot(['arping', '-U', '-c', '1', '-I', 'eth1', '10.2.1.52']))
  await lab.advertisedBy(near, second.mac, '10.2.1.52')
}

/** Frames only: the MAC of a bond (active-backup) comes from its other interface, with an announcement. */
async function bond(fabric: Fabric, t: TestContext, blame: Blame): Promise<void> {
  const { lab, near } = fabric
  const [active, backup] = [await fabric.addVm(), await fabric.addVm()]
  const host = { mac: '02:00:00:00:03:01', ipv4: '10.2.1.61', ipv6: '2001:db8::61' }
  active.send(arpAnnouncement(host))
  await lab.advertisedBy(near, host.mac, host.ipv4)
  for (const it of [backup, active, backup]) {
    const begin = performance.now()
    const told = blame.events().length
    it.send(arpAnnouncement(host))
    await lab.waitFor(
      `${host.ipv4} to be on ${it.port}`,
      () => blame.events().slice(told),
      (events) => events.some(({ event, ip }) => event === 'moved' && ip === host.ipv4),
    )
    t.diagnostic(`on ${it.port} after ${Math.round(performance.now() - begin)} ms`)
    await lab.advertisedBy(near, host.mac, host.ipv4)
  }
  assert.ok(!blame.events().some(({ event, ip }) => event === 'withdrawn' && ip === host.ipv4), 'its route never went')
}

/** A service that two hosts have on purpose: one of them is announced, and the other is said to claim it. */
async function anycastService({ lab, vm, farVm, near, far }: Fabric): Promise<void> {
  const ip = '10.2.1.210'
  for (const it of [vm, farVm]) await it.take(ip)
  vm.claim(ip)
  await lab.advertisedBy(near, vm.mac, ip)
  for (let count = 0; count < 8; count++) {
    farVm.claim(ip)
    await delay(300)
    await lab.advertisedBy(near, vm.mac, ip)
  }
  assert.match(await far.explainText(ip), /defended|held-down/)
}

/** An anycast gateway inside the bridges, as frames: the same MAC and address on two nodes, which both speak. */
async function anycastGateway(fabric: Fabric, blame: Blame): Promise<void> {
  const { lab, vm, farVm, near, far } = fabric
  const gateway = { mac: '02:00:00:00:04:01', ipv4: '10.2.1.254', ipv6: '2001:db8::254' }
  // zebra itself freezes a MAC that moves five times in three minutes
  for (let count = 0; count < 2; count++) {
    for (const it of [vm, farVm]) {
      it.send(arpAnnouncement(gateway))
      await delay(150)
    }
  }
  vm.send(arpAnnouncement(gateway))
  await lab.advertisedBy(near, gateway.mac, gateway.ipv4)
  assert.match(await far.explainText(gateway.ipv4), /behind another VTEP/)
  await blame.none()
}

/** A bridge behind two ports, which it connects to one switch. The host on it is behind one of them, or the other. */
async function spanningTree(fabric: Fabric, t: TestContext, blame: Blame): Promise<void> {
  const { lab, near } = fabric
  const sw = await fabric.addVm()
  const host = { mac: '02:00:00:00:05:01', ipv4: '10.2.1.81', ipv6: '2001:db8::81' }
  const fast = 'stp_state 1 forward_delay 200 hello_time 100'
  await sw.ip(
    `link add sw up type bridge ${fast} priority 4096`,
    `link add host address ${host.mac} up type veth peer name port`,
    'link set port master sw up',
    `addr add ${host.ipv4}/24 dev host`,
  )
  for (const port of ['up1', 'up2']) {
    await near.ip(`link add ${port} type veth peer name ${port} netns ${sw.namespaces.net}`)
    await sw.ip(`link set ${port} master sw up`)
  }
  await near.ip(`link set br0 type bridge ${fast}`)
  for (const port of ['up1', 'up2']) await near.ip(`link set ${port} master br0 up`)
  const speak = (): Promise<string> => sw.exec(sw.inRoot(['arping', '-U', '-c', '1', '-I', 'host', host.ipv4]))
  const isOn = (port: string): Promise<unknown> =>
    lab.waitFor(
      `${host.ipv4} to be on ${port}`,
      async () => {
        await speak()
        return near.bindings(host.ipv4)
      },
      ([binding]) => binding?.port === port,
    )
  await isOn('up1')
  await lab.advertisedBy(near, host.mac, host.ipv4)
  // every announcement is heard on both ports
  for (let count = 0; count < 10; count++) await speak()
  const begin = performance.now()
  await near.exec(['bridge', 'link', 'set', 'dev', 'up1', 'cost', '1000'])
  await isOn('up2')
  await lab.advertisedBy(near, host.mac, host.ipv4)
  t.diagnostic(
    `on the other port after ${Math.round(performance.now() - begin)} ms, of which the tree takes about 4000`,
  )
  await blame.none()
}

/** Windows and BSD as frames: three probes, then announcements; BSD says so in a reply, too. Linux is real. */
async function addressDetection(fabric: Fabric, t: TestContext): Promise<void> {
  const { lab, near } = fabric
  const vm = await fabric.addVm()
  using wire = vm.capture()
  const windows = { mac: vm.mac, ipv4: '10.2.1.71', ipv6: vm.ipv6 }
  for (let probe = 0; probe < 3; probe++) {
    vm.send(arpProbe(windows))
    await delay(50)
  }
  await vm.take(windows.ipv4)
  assert.deepEqual(await near.bindings(windows.ipv4), [], 'a probe claims nothing')
  await hasConverged(fabric, t, { vm, ip: windows.ipv4 }, () => {
    vm.claim(windows.ipv4)
  })

  const bsd = '10.2.1.72'
  await vm.take(bsd)
  await hasConverged(fabric, t, { vm, ip: bsd }, () => {
    announceService(vm, bsd)
  })

  // iputils: it fails if anybody answers
  const linux = '10.2.1.73'
  await vm.exec(vm.inRoot(['arping', '-D', '-c', '2', '-w', '3', '-I', 'eth0', linux]))
  await vm.take(linux)
  await hasConverged(fabric, t, { vm, ip: linux }, () =>
    vm.exec(vm.inRoot(['arping', '-U', '-c', '1', '-I', 'eth0', linux])),
  )
  // the kernel solicits for itself from ::, and owns the address if nobody answers
  const linux6 = '2001:db8::73'
  await vm.exec(['sysctl', '-qw', 'net.ipv6.conf.eth0.ndisc_notify=1'])
  await vm.ip(`addr add ${linux6}/64 dev eth0`)
  await lab.advertisedBy(near, vm.mac, linux6)
  assert.doesNotMatch(await vm.exec(['ip', 'addr', 'show', 'dev', 'eth0']), /tentative|dadfailed/)
  const heard = wire.frames().filter(({ outgoing, bytes }) => !outgoing && bytes.readUInt16BE(12) === 0x0806)
  assert.deepEqual(heard, [], 'nothing that a host that probes would take for a conflict')
}

test('FRR 10.7: odd but honest', async (t) => {
  await using fabric = await Fabric.start(BOTH)
  await using blame = await Blame.watch(fabric)
  const { lab, vm, farVm } = fabric
  await fabric.learn()
  await t.test('addresses are detected as Windows, BSD and Linux do it', async (t) => {
    await addressDetection(fabric, t)
    await blame.none()
  })
  await t.test('a bond fails over (frames only)', async (t) => {
    await bond(fabric, t, blame)
    await blame.none()
  })
  await t.test('a gateway that two nodes have', () => anycastGateway(fabric, blame))
  await t.test('services of MetalLB move, and are many', async (t) => {
    await metalLb(fabric, t)
    await blame.none()
  })
  await t.test('two interfaces of one VM that answer for each other', () => arpFlux(fabric, blame))
  await t.test('an address that two hosts have on purpose', () => anycastService(fabric))
  await lab.advertisedBy(vm.router, vm.mac, vm.ipv4)
  await lab.waitForPing(farVm, vm.ipv4)
})

test('FRR 10.7: spanning tree reconverges, and the host behind it is where the bridge has it', async (t) => {
  await using fabric = await Fabric.start(BOTH)
  await using blame = await Blame.watch(fabric)
  const { lab, vm, farVm } = fabric
  await fabric.learn()
  await spanningTree(fabric, t, blame)
  // the bridge forgot all MACs when the tree changed
  await lab.advertisedBy(vm.router, vm.mac, vm.ipv4)
  await lab.waitForPing(farVm, vm.ipv4)
})
