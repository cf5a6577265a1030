// What macipd is for, seen from the far node of a fabric of real FRR daemons.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from './lab/fabric.js'
import { arpAnnouncement, neighborAdvertisement } from './lab/frames.js'
import { RELEASES } from './lab/frr.js'

for (const frr of RELEASES) {
  test(`FRR ${frr}: ARP and ND of a VM become MAC+IP routes at the far node, and go with its port`, async () => {
    await using fabric = await Fabric.start({ frr })
    const { lab, near, far, vm } = fabric
    await using monitor = await near.monitor('neigh')
    vm.sendFrames([arpAnnouncement(vm), neighborAdvertisement(vm)])
    const routes = await fabric.farRoutes([vm.ipv4, vm.ipv6])
    for (const route of routes) assert.equal(route.nextHop, near.address)
    for (const ip of [vm.ipv4, vm.ipv6]) {
      await lab.waitFor(`${far.name} to have ${ip} as a neighbour`, () => far.exec(['ip', 'neigh', 'show', ip, 'dev', 'br0']), (text) => text.includes(vm.mac))
    }
    assert.equal(await near.exec(['ip', 'neigh', 'show', 'dev', 'br0']), '')
    assert.deepEqual(monitor.lines.filter((line) => line.includes(vm.mac)), [])

    await near.ip(`link set ${vm.port} down`)
    await fabric.farRoutes([])
  })
}
