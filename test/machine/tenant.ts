// A tenant whose subnet is routed between the nodes (symmetric IRB, RFC 9135). Needs a kernel with VRFs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONFIRMS } from '../../src/bindings/confirm.js'
import type { FpmMacReport, FpmRouteReport } from '../../src/cli/fpm/report.js'
import { advertised, asked, check, explained, happened, zebraConnected } from '../fpm/looks.js'
import { Fabric } from '../../lab/fabric.js'
import { OLDEST_AND_NEWEST, TENANT } from '../../lab/frr.js'
import type { Router } from '../../lab/router.js'

const { vrf, table, vni } = TENANT

async function hostRoutes(node: Router): Promise<Map<string, unknown>> {
  const { routes } = (await node.macipctl('show', 'fpm', 'routes', '--table', `${table}`)) as {
    routes: FpmRouteReport[]
  }
  return new Map(
    routes.map(({ ip, paths }) => [ip, paths.map(({ gateway, onlink, vni }) => [gateway, onlink, vni]).flat()]),
  )
}

async function routerMacs(node: Router): Promise<unknown[]> {
  const { macs } = (await node.macipctl('show', 'fpm', 'macs')) as { macs: FpmMacReport[] }
  return macs.filter((mac) => mac.router).map((mac) => [mac.vni, mac.mac, mac.vtep])
}

for (const frr of OLDEST_AND_NEWEST) {
  test(`FRR ${frr}: hosts are routed to, and a route of the tenant to another VTEP is not believed before the host was asked`, async () => {
    await using fabric = await Fabric.start({ frr, both: true, tenant: true })
    const { lab, near, far, vm, farVm } = fabric
    // zebra programs labels, too: a stranger to all this
    await near.exec(['sysctl', '-qw', 'net.mpls.platform_labels=1000'])
    await near.configure('no fpm use-next-hop-groups', 'fpm address 127.0.0.1', `mpls lsp 100 ${far.address} 200`)
    await zebraConnected(lab, near)
    await fabric.learn(vm)
    farVm.announce()
    await advertised(lab, far, farVm, 0, farVm.ipv4, farVm.ipv6)

    // the far host is a route of the tenant here, through the VNI for routing
    await lab.waitFor(
      'the kernel to have a route to the far VM',
      () => near.exec(['ip', 'route', 'show', 'vrf', vrf]),
      (routes) => routes.includes(`${farVm.ipv4} `) && routes.includes(`via ${far.address} dev br${vni}`),
    )
    const [farLink] = JSON.parse(await far.exec(['ip', '-j', 'link', 'show', `br${vni}`])) as { address: string }[]
    // 8.4 does not say the VNI of a single path, nor that of a MAC: the kernel knows the latter
    const path = [far.address, true, frr === '8.4' ? null : vni]
    const routes = await lab.waitFor(
      'zebra to say where the far VM is',
      () => hostRoutes(near),
      (known) => known.has(farVm.ipv4) && known.has(farVm.ipv6),
    )
    assert.deepEqual([routes.get(farVm.ipv4), routes.get(farVm.ipv6)], [path, path])
    assert.equal(routes.has(vm.ipv4), false)
    const routers = (): Promise<unknown> =>
      lab.waitFor(
        'a router MAC',
        () => routerMacs(near),
        (macs) => macs.length > 0,
      )
    if (frr !== '8.4') assert.deepEqual(await routers(), [[vni, farLink?.address, far.address]])
    assert.equal((await check(near)).agree, true)
    const { mplsRoutes, counters } = (await near.snoopStatus()).fpm
    assert.deepEqual([mplsRoutes, counters['other'], counters['malformed']], [1, 0, 0])

    // another node routes to the address of a host here
    const claimed = ['learned arp-request', `contested route to ${far.address}`]
    await far.configure(
      `router bgp 65000 vrf ${vrf}`,
      'address-family ipv4 unicast',
      'redistribute kernel',
      'exit-address-family',
      'address-family l2vpn evpn',
      'advertise ipv4 unicast',
    )
    const routeTo = (ip: string): Promise<void> => far.ip(`route add ${ip}/32 dev br0 vrf ${vrf}`)
    const updates = await near.updatesSent()
    await routeTo(vm.ipv4)
    assert.deepEqual(await happened(lab, near, vm.ipv4, 'defended'), [...claimed, 'defended'])
    // an address that nobody disputes: what was to be sent before is sent then
    vm.claim('10.2.1.200')
    await advertised(lab, near, vm, 0, vm.ipv4, vm.ipv6, '10.2.1.200')
    assert.equal((await near.updatesSent()) - updates, 1)
    assert.deepEqual(await explained(near, vm.ipv4), [[vm.mac, 'active', 'announced', 'macipd']])
    const away = await check(near)
    assert.deepEqual(
      [away.code, away.disagreements.map(({ kind, mac, fpm }) => [kind, mac, fpm.vtep])],
      [9, [['host-route', vm.mac, far.address]]],
    )

    // the host is not there any more, and its port has not noticed
    const gone = await fabric.addVm(near)
    await fabric.learn(gone)
    await gone.ip('link set eth0 down')
    const port = near.capture(gone.port)
    await routeTo(gone.ipv4)
    assert.deepEqual(await happened(lab, near, gone.ipv4, 'withdrawn'), [...claimed, 'withdrawn elsewhere'])
    assert.equal(asked(port, gone.ipv4), CONFIRMS)
    await fabric.farRoutes([gone.ipv6], gone)

    // zebra tells everything again when it connects, router MACs as if they were local (8.4 may crash of them)
    if (frr === '8.4') return
    await near.configure('no fpm address')
    await near.configure('fpm address 127.0.0.1')
    await lab.waitFor(
      'zebra to connect again',
      async () => (await near.snoopStatus()).fpm,
      ({ phase, connections }) => phase === 'live' && connections > 1,
      { timeoutMs: 60_000 },
    )
    assert.deepEqual((await hostRoutes(near)).get(farVm.ipv4), path)
    assert.deepEqual(await routers(), [[vni, farLink?.address, far.address]])
  })
}
