// What the relay's journal holds after an eventful life of a fabric: the recordings that a replay is tested with.
import { readFileSync } from 'node:fs'
import { Fabric } from './fabric.js'
import { arpAnnouncement } from './frames.js'
import type { Release } from './frr.js'
import type { Router } from './router.js'

/**
 * Local and remote hosts, one that moves there and back, one whose addresses zebra announces, too, a port that goes down
 * and up, a VXLAN device that does, bgpd of the near node ends and comes back, that of the far node ends.
 */
export async function exchange(frr: Release): Promise<Buffer> {
  await using fabric = await Fabric.start({ frr })
  const { lab, near, far, vm, farVm } = fabric
  const { mac, ipv4, ipv6 } = vm
  const macBehind = async (node: Router, mac: string, nextHop: string): Promise<void> => {
    await lab.waitFor(
      `${node.name} to have ${mac} behind ${nextHop}`,
      () => node.macipRoutes(),
      (routes) => routes.some((route) => route.mac === mac && route.nextHop === nextHop),
    )
  }
  await fabric.learn()
  await far.ip(`neigh replace ${farVm.ipv6} lladdr ${farVm.mac} dev br0 nud reachable`)
  farVm.send(arpAnnouncement(farVm))
  await macBehind(near, farVm.mac, far.address)

  farVm.send(arpAnnouncement({ mac, ipv4, ipv6 }))
  await macBehind(near, mac, far.address)
  await fabric.learn()

  // zebra has the same, and no longer
  await near.ip(`neigh replace ${ipv4} lladdr ${mac} dev br0 nud reachable`)
  await shadowed(fabric, true)
  await near.ip(`neigh del ${ipv4} dev br0`)
  await shadowed(fabric, false)

  await near.ip(`link set ${vm.port} down`)
  await fabric.farRoutes([])
  await near.ip(`link set ${vm.port} up`)
  await fabric.learn()

  await near.ip('link set vx100 down')
  await fabric.farRoutes([])
  await near.ip('link set vx100 up')
  await fabric.learn()

  await near.kill('bgpd')
  await fabric.farRoutes([])
  await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
  await fabric.farRoutes([ipv4, ipv6])

  await lab.converged()
  await far.kill('bgpd')
  await lab.waitFor(
    `${near.name} to flood to nobody`,
    () => near.remoteVteps(),
    (vteps) => vteps.length === 0,
  )
  return readFileSync(near.path('/run/macipd/journal'))
}

/** Waits until zebra itself announces one of the VM's addresses, or none. */
async function shadowed({ lab, near }: Fabric, expected: boolean): Promise<void> {
  await lab.waitFor(
    `zebra ${expected ? 'to know' : 'to forget'} the neighbour`,
    () => near.vtysh('show evpn arp-cache vni 100'),
    (text) => / local +active/.test(text) === expected,
  )
}
