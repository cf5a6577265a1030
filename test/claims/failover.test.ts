// Routers that hand a virtual address to each other, as keepalived does, with a virtual MAC and without: the new master has
// the address in the whole fabric soon after it says so. Real daemons of both kinds; how long it took is a diagnostic.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { startKeepalived, virtualMac } from '../../lab/keepalived.js'
import { RELEASES } from '../../lab/frr.js'
import type { Vm } from '../../lab/vm.js'
import { hasConverged } from './converge.js'

const VIP = '10.2.1.200'
const ID = 7
const TEN_MINUTES = 'snoop: {age: 10m}\n'
const LEARNING = 'snoop: {age: 10m, vrrp: learn}\n'
const both = (config: string) => ({ both: true, near: { config }, far: { config } })

const has = (fabric: Fabric, t: TestContext, vm: Vm, mac: string, change: () => unknown): Promise<void> =>
  hasConverged(fabric, t, { vm, ip: VIP, mac }, change)

/** The second router takes over from the first, then is lost with its whole VM, and the first one ends in order at last. */
async function failOver(fabric: Fabric, t: TestContext, first: Vm, second: Vm, isVirtual: boolean): Promise<void> {
  const { lab } = fabric
  const router = { id: ID, address: VIP, virtualMac: isVirtual }
  const macOf = (vm: Vm): string => (isVirtual ? virtualMac(ID) : vm.mac)
  await has(fabric, t, first, macOf(first), () => startKeepalived(first, { ...router, priority: 150 }))
  await has(fabric, t, second, macOf(second), () => startKeepalived(second, { ...router, priority: 200 }))
  await has(fabric, t, first, macOf(first), () => second.ip('link set nic down'))
  await second.daemon('keepalived').kill()
  await second.ip('link set nic up')
  await has(fabric, t, second, macOf(second), async () => {
    await startKeepalived(second, { ...router, priority: 100 })
    await delay(500)
    await first.daemon('keepalived').kill()
  })
  await second.daemon('keepalived').kill()
  for (const node of lab.nodes) await node.macipctl('clear', 'binding', VIP).catch(() => undefined)
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: a virtual address moves between keepaliveds on two ports and two nodes`, async (t) => {
    await using fabric = await Fabric.start({ frr, ...both(TEN_MINUTES) })
    const { vm, farVm } = fabric
    if (frr === '10.7') await failOver(fabric, t, vm, await fabric.addVm(), false)
    await failOver(fabric, t, vm, farVm, false)
  })

  test(`FRR ${frr}: with virtual MACs that are learned, too`, async (t) => {
    await using fabric = await Fabric.start({ frr, ...both(LEARNING) })
    const { vm, farVm } = fabric
    if (frr === '10.7') await failOver(fabric, t, vm, await fabric.addVm(), true)
    await failOver(fabric, t, vm, farVm, true)
  })

  test(`FRR ${frr}: an address that its former owner gives up just after it was claimed is not left with that one`, async (t) => {
    await using fabric = await Fabric.start({ frr, ...both(TEN_MINUTES) })
    const { lab, vm, farVm } = fabric
    const other = await fabric.addVm()
    await vm.take(VIP)
    vm.claim(VIP)
    await lab.advertisedBy(vm.router, vm.mac, VIP)
    let owner = vm
    for (const next of [other, farVm, vm]) {
      await next.take(VIP)
      await has(fabric, t, next, next.mac, async () => {
        for (let count = 0; count < 5; count++) next.claim(VIP)
        await delay(100)
        await owner.giveUp(VIP)
      })
      owner = next
    }
  })
}

test('a virtual address whose virtual MAC is not learned is not announced, and it is said why', async (t) => {
  await using fabric = await Fabric.start({ frr: '10.7', ...both(TEN_MINUTES) })
  const { lab, vm, farVm, near } = fabric
  const router = { id: ID, address: VIP, virtualMac: true }
  await startKeepalived(vm, { ...router, priority: 150 })
  const asker = await fabric.addVm()
  await lab.waitForPing(asker, VIP)
  await startKeepalived(farVm, { ...router, priority: 200 })
  await lab.advertisedBy(farVm.router, virtualMac(ID))
  await lab.waitForPing(asker, VIP)
  assert.deepEqual(await lab.routesOf(virtualMac(ID), VIP), [[], []])
  t.diagnostic(JSON.stringify(await near.explain(VIP)))
})
