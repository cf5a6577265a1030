// Hosts that change their addresses or MACs in honest, odd ways: the fabric has what they say soon, and none of them is
// frozen or held down. Real FRR daemons; how long it took is a diagnostic.
import { test, type TestContext } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { arpAnnouncement, arpProbe } from '../../lab/frames.js'
import { RELEASES } from '../../lab/frr.js'
import type { Vm } from '../../lab/vm.js'
import { Blame, hasConverged } from './converge.js'

const TEN_MINUTES = 'snoop: {age: 10m}\n'
const BOTH = { both: true, near: { config: TEN_MINUTES }, far: { config: TEN_MINUTES } }

const announceAs = (vm: Vm, mac: string, ipv4: string): void => {
  vm.send(arpAnnouncement({ mac, ipv4, ipv6: vm.ipv6 }))
}

/** An address is handed on, as a DHCP server does it: to a port of the same node, and to another node. */
async function handedOn(fabric: Fabric, t: TestContext, [first, ...others]: readonly [Vm, ...Vm[]]): Promise<void> {
  const ip = '10.2.1.100'
  await first.take(ip)
  await hasConverged(fabric, t, { vm: first, ip }, () => {
    first.claim(ip)
  })
  let last = first
  for (const [index, vm] of others.entries()) {
    // released, and still there with its own address; or gone for good
    if (index % 2 === 0) await last.giveUp(ip)
    else await last.ip('link set nic down')
    for (let count = 0; count < 3; count++) vm.send(arpProbe({ mac: vm.mac, ipv4: ip, ipv6: vm.ipv6 }))
    await vm.take(ip)
    await hasConverged(fabric, t, { vm, ip }, () => {
      vm.claim(ip)
    })
    if (index % 2 === 1) {
      await last.giveUp(ip)
      await last.ip('link set nic up')
    }
    last = vm
  }
}

/** A network card is replaced: the same address, another MAC, and the old one is gone. */
async function newCard(fabric: Fabric, t: TestContext, vm: Vm, mac: string): Promise<void> {
  vm.announce()
  await fabric.lab.advertisedBy(vm.router, vm.mac, vm.ipv4)
  await vm.ip('link set eth0 down', `link set eth0 address ${mac}`, 'link set eth0 up')
  await hasConverged(fabric, t, { vm, ip: vm.ipv4, mac }, () => {
    announceAs(vm, mac, vm.ipv4)
  })
  await fabric.lab.advertisedByNobody(vm.mac, vm.ipv4)
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: honest changes`, async (t) => {
    await using fabric = await Fabric.start({ frr, ...BOTH })
    const { vm, farVm } = fabric
    const [second, third] = [await fabric.addVm(), await fabric.addVm()]
    await using blame = await Blame.watch(fabric)
    await t.test('DHCP gives an address to another VM, whose former owner is there, or gone', async (t) => {
      await handedOn(fabric, t, [vm, second, third, farVm, second])
      await blame.none()
    })
    await t.test('a network card is replaced', async (t) => {
      await newCard(fabric, t, third, '02:00:00:00:01:01')
      await blame.none()
    })
  })
}
