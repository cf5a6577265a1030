// Processes die and come back; the far node must not notice, or see the routes again without help.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../lab/fabric.js'
import { RELEASES } from '../lab/frr.js'
import { FakeServiceManager } from '../lab/fake-service-manager.js'
import type { Monitor } from '../lab/monitor.js'
import type { Router } from '../lab/router.js'
import type { Vm } from '../lab/vm.js'

const ROUTES = Array.from({ length: 1000 }, (_, index) => `198.18.${index >> 8}.${index & 255}/32`)

/** Withdrawals of a VM's addresses: the far node's zebra removes the neighbour it had installed. */
const withdrawals = (monitor: Monitor, vm: Vm): string[] =>
  monitor.lines.filter((line) => line.includes('Deleted') && line.includes(vm.mac))

/** Kernel routes of a node, all of which its bgpd redistributes. */
const changeRoutes = (node: Router, verb: 'add' | 'del'): Promise<void> =>
  node.ip(...ROUTES.map((route) => `route ${verb} blackhole ${route}`))

async function bgpDrops(node: Router): Promise<unknown[]> {
  const summary = (await node.vtyshJson('show bgp l2vpn evpn summary json')) as {
    peers: Record<string, { connectionsDropped: number }>
  }
  return Object.values(summary.peers).map((peer) => peer.connectionsDropped)
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: the whole relay is restarted and killed, and the service manager keeps its descriptors`, async () => {
    const manager = (node: Router): FakeServiceManager => FakeServiceManager.at(node.path('/run/macipd/notify'))
    await using fabric = await Fabric.start({ frr, near: { manager } })
    const { near, far, vm } = fabric
    await fabric.learn()
    const clients = await fabric.allConnected()
    await using monitor = await far.monitor('neigh')
    const updates = await near.updatesSent()
    const [began, connected] = [Date.now(), await near.bgpdConnectedSeconds()]
    for (let round = 0; round < 6; round++) {
      const worker = fabric.workerPid()
      const isKilled = round % 2 === 1
      await near.kill('relay', isKilled ? 'SIGKILL' : 'SIGTERM')
      if (isKilled) process.kill(worker, 'SIGKILL')
      await fabric.startRelay(near)
    }
    const lasted = (await near.bgpdConnectedSeconds()) - connected
    assert.ok(lasted >= Math.floor((Date.now() - began) / 1000) - 2, `one of the connections is ${lasted} s older`)
    assert.deepEqual(await fabric.zebraClients(), clients)
    assert.equal(await near.updatesSent(), updates)
    // the relay still knows what bgpd was told, and adds to it
    const another = await fabric.addVm()
    await fabric.learn(another)
    await fabric.farRoutes([vm.ipv4, vm.ipv6])
    assert.deepEqual(withdrawals(monitor, vm), [])
    assert.deepEqual(await bgpDrops(near), [0])
  })

  test(`FRR ${frr}: the snooper is killed and comes back`, async () => {
    await using fabric = await Fabric.start({ frr })
    const { near, far, vm } = fabric
    await fabric.learn()
    const clients = await fabric.allConnected()
    await using monitor = await far.monitor('neigh')
    await near.kill('snoop', 'SIGKILL')
    await near.startSnoop()
    // the new snooper works: it has been handed the old bindings by then, and given them back
    const another = await fabric.addVm()
    await fabric.learn(another)
    await fabric.farRoutes([vm.ipv4, vm.ipv6])
    assert.deepEqual(withdrawals(monitor, vm), [])
    assert.deepEqual(await fabric.zebraClients(), clients)
    assert.deepEqual(await bgpDrops(near), [0])
  })

  test(`FRR ${frr}: the relay's worker is killed, idle and while 1,000 routes flap`, async () => {
    await using fabric = await Fabric.start({ frr })
    const { lab, near, far, vm } = fabric
    await fabric.learn()
    const clients = await fabric.allConnected()
    await using monitor = await far.monitor('neigh')

    await fabric.killWorker()
    const second = await fabric.addVm()
    await fabric.learn(second)

    for (let kills = 0; kills < 3; kills++) {
      const flapping = changeRoutes(far, 'add').then(() => changeRoutes(far, 'del'))
      await fabric.killWorker()
      await flapping
    }
    await changeRoutes(far, 'add')
    await lab.waitFor(
      'all routes in the near kernel',
      async () => (await near.exec(['ip', 'route', 'show', 'proto', 'bgp'])).trim().split('\n').length,
      (count) => count === ROUTES.length,
    )
    const third = await fabric.addVm()
    await fabric.learn(third)
    await fabric.farRoutes([vm.ipv4, vm.ipv6])
    for (const one of [vm, second]) assert.deepEqual(withdrawals(monitor, one), [])
    assert.deepEqual(await fabric.zebraClients(), clients)
    assert.deepEqual(await bgpDrops(near), [0])
  })

  test(`FRR ${frr}: bgpd restarts, then zebra: the routes come back without help`, async () => {
    await using fabric = await Fabric.start({ frr })
    const { near, vm } = fabric
    await fabric.learn()
    await near.kill('bgpd', 'SIGKILL')
    await fabric.farRoutes([])
    await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
    await fabric.farRoutes([vm.ipv4, vm.ipv6])

    await near.kill('zebra', 'SIGKILL')
    await near.startZebra()
    // a VM that is new after the restart shows that the new session is complete
    const another = await fabric.addVm()
    await fabric.lab.waitFor(
      'zebra to have its client bgpd again',
      () => fabric.zebraClients(),
      (clients) => clients.some((name) => name.startsWith('bgp ')),
      { timeoutMs: 30_000 },
    )
    await fabric.learn(another)
    await fabric.farRoutes([vm.ipv4, vm.ipv6])
  })
}
