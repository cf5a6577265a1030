// Hosts that lose their place and are back, and say nothing but what makes the bridge learn their MAC, if anything: the
// fabric has their IPs again because they are asked. And addresses that honestly change hands. Real FRR daemons.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Fabric } from '../../lab/fabric.js'
import { rarpAnnouncement } from '../../lab/frames.js'
import { RELEASES } from '../../lab/frr.js'
import type { Router } from '../../lab/router.js'
import type { Vm } from '../../lab/vm.js'

const TEN_MINUTES = 'snoop: {age: 10m}\n'
const BOTH = { both: true, near: { config: TEN_MINUTES }, far: { config: TEN_MINUTES } }

/** All addresses of a VM are announced by this node alone. */
async function announcedBy({ lab }: Fabric, node: Router, { mac, ipv4, ipv6 }: Vm): Promise<void> {
  for (const ip of [ipv4, ipv6]) await lab.advertisedBy(node, mac, ip)
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: a live migration of which only RARP is heard takes all addresses along, there and back`, async () => {
    await using fabric = await Fabric.start({ frr, ...BOTH })
    const { vm, near, far } = fabric
    await fabric.learn()
    for (const to of [far, near]) {
      using wire = vm.capture()
      await fabric.move(vm, to, {
        announce: false,
        until: async () => {
          vm.send(rarpAnnouncement(vm.mac))
          await announcedBy(fabric, to, vm)
        },
      })
      const asked = wire.frames().filter(({ outgoing }) => !outgoing)
      assert.ok(asked.length > 0, 'it was asked')
    }
  })

  test(`FRR ${frr}: a VXLAN device that leaves its bridge for half a second costs no silent VM its route for long`, async () => {
    await using fabric = await Fabric.start({ frr, near: { config: TEN_MINUTES } })
    const { lab, vm, near } = fabric
    await fabric.learn()
    await near.ip('link set vx100 nomaster')
    await lab.advertisedByNobody(vm.mac)
    await delay(500)
    await near.ip('link set vx100 master br0', 'link set vx100 type bridge_slave learning off')
    await announcedBy(fabric, near, vm)
  })
}

test('a VM that says nothing while its link flaps is asked, and announced again', async () => {
  await using fabric = await Fabric.start({ frr: '10.7', near: { config: TEN_MINUTES } })
  const { lab, vm, near } = fabric
  await fabric.learn()
  await near.ip(`link set ${vm.port} down`)
  await lab.advertisedByNobody(vm.mac)
  await near.ip(`link set ${vm.port} up`)
  await announcedBy(fabric, near, vm)
})

test('an address that its owner gives up is had by whoever says so next, on another port and on another node', async () => {
  await using fabric = await Fabric.start({ frr: '10.7', ...BOTH })
  const { lab, vm, farVm } = fabric
  const other = await fabric.addVm()
  const shared = '10.2.1.200'
  let owner: Vm | undefined
  for (const next of [vm, other, farVm, vm]) {
    await owner?.giveUp(shared)
    await next.take(shared)
    next.claim(shared)
    await lab.advertisedBy(next.router, next.mac, shared)
    for (const it of [vm, other, farVm]) if (it !== next) await lab.advertisedByNobody(it.mac, shared)
    owner = next
  }
})

test('two interfaces of one VM in one subnet that answer for each other keep their own addresses', async () => {
  await using fabric = await Fabric.start({ frr: '10.7' })
  const { lab, vm, near, farVm } = fabric
  const second = await fabric.addVm()
  // what a Linux guest does by default: every interface answers for the addresses of all
  await vm.ip(`addr add ${second.ipv4}/32 dev lo`)
  await second.ip(`addr add ${vm.ipv4}/32 dev lo`)
  for (const it of [vm, second]) it.announce()
  for (const it of [vm, second]) await lab.advertisedBy(near, it.mac, it.ipv4)
  await using events = await near.follow('events', '--follow', '--last', 'all')
  for (let round = 0; round < 20; round++) {
    for (const it of [vm, second]) {
      await farVm.ip(`neigh flush dev eth0`)
      await farVm.ping(it.ipv4, { count: 1, timeoutMs: 1000 })
    }
  }
  for (const it of [vm, second]) await lab.advertisedBy(near, it.mac, it.ipv4)
  const names = (events.lines() as { event: string }[]).map(({ event }) => event)
  assert.ok(!names.includes('withdrawn') && !names.includes('duplicate'), names.join())
})
