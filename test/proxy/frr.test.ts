// A session with a real bgpd, which reflects the proxy's routes to another node: what that node's kernel makes of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { monotonicMs } from '../../src/base/clock.js'
import { automaticRouteTarget, type RouteSettings } from '../../src/proxy/bgp/settings.js'
import { Proxy } from '../../src/proxy/proxy.js'
import { ASN, RELEASES, VNI } from '../../lab/frr.js'
import { arpAnnouncement } from '../../lab/frames.js'
import { Lab } from '../../lab/lab.js'
import { inNamespaces } from '../../lab/namespaces.js'
import { policyOf } from './driven.js'

/** The proxy's address, on the far node; its routes go to that node by way of the near one. */
const PROXY = '192.0.2.3'
/** VTEPs that nobody is: their neighbours only have to have a route to them. */
const [LEGACY, OTHER] = ['192.0.2.101', '192.0.2.102'] as const
const MAC = '02:00:00:00:01:01'
const IP = '10.0.0.101'
const KEY = 'known-to-both'

const SETTINGS: RouteSettings = {
  ...{ routerId: PROXY, localAs: ASN, mark: '65000:4789' },
  vnis: new Map([[VNI, { index: VNI, routeTargets: [automaticRouteTarget(ASN, VNI)] }]]),
}

/** A proxy whose only neighbour is the near node. */
class DialledProxy implements Disposable {
  readonly said: string[] = []
  private readonly proxy: Proxy

  constructor(lab: Lab, key: string) {
    const [near, far] = lab.nodes
    const dial = { address: near.address, port: 179, source: PROXY, key: Buffer.from(key) }
    const session = { localAs: ASN, peerAs: ASN, routerId: PROXY, holdTime: 90, restartTime: 0 }
    this.proxy = new Proxy(
      { policy: policyOf(), routes: SETTINGS, neighbors: [{ name: near.name, dial, ...session }] },
      {
        probe: () => undefined,
        event: () => undefined,
        natives: () => undefined,
        session: (_, what) => this.said.push(what),
      },
    )
    // its socket is made at once
    inNamespaces(far.namespaces, () => {
      this.proxy.start()
    })
  }

  get table(): Proxy['table'] {
    return this.proxy.table
  }

  hear(vtep: string): void {
    this.proxy.hear({ vni: VNI, vtep, mac: MAC, etherSource: MAC, ip: IP, isRouter: false, at: monotonicMs() })
  }

  [Symbol.dispose](): void {
    this.proxy.stop('the test is over')
  }
}

/** A fabric whose near node reflects routes of the proxy, which dials. */
async function fabric(frr: (typeof RELEASES)[number]): Promise<Lab> {
  const lab = await Lab.start({ frr })
  const [near, far] = lab.nodes
  await far.ip(`addr add ${PROXY}/24 dev fabric`)
  await lab.startFrr()
  const [, farVm] = lab.vms
  farVm.send(arpAnnouncement(farVm))
  await lab.advertisedBy(far, farVm.mac)
  await near.configure(
    `router bgp ${ASN}`,
    `neighbor ${PROXY} remote-as ${ASN}`,
    `neighbor ${PROXY} passive`,
    `neighbor ${PROXY} password ${KEY}`,
    `neighbor ${PROXY} advertisement-interval 0`,
    `neighbor ${far.address} advertisement-interval 0`,
    'address-family l2vpn evpn',
    `neighbor ${PROXY} activate`,
    `neighbor ${PROXY} route-reflector-client`,
    `neighbor ${far.address} route-reflector-client`,
  )
  return lab
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: a host behind a static VTEP is there at another node, moves, and goes`, async () => {
    await using lab = await fabric(frr)
    const [near, far] = lab.nodes
    using proxy = new DialledProxy(lab, KEY)
    // that the far node is a client of a reflector now has ended its session, too
    await lab.waitFor(
      'the proxy to know who speaks EVPN',
      () => [near, far].filter(({ address }) => proxy.table.others.isNative(address)),
      (native) => native.length === 2 && proxy.table.synced.size === 1,
    )

    const behind = async (vtep: string): Promise<void> => {
      await lab.waitFor(
        `${far.name}'s kernel to have ${MAC} behind ${vtep}`,
        () => far.fdb(),
        (entries) =>
          entries.some(({ mac, dst }) => mac === MAC && dst === vtep) &&
          entries.some(({ mac, dst }) => mac === '00:00:00:00:00:00' && dst === vtep),
      )
    }
    proxy.hear(LEGACY)
    await behind(LEGACY)
    await lab.waitFor(
      `${far.name} to have ${IP}`,
      () => far.macipRoutes(),
      (routes) => routes.some(({ mac, ip }) => mac === MAC && ip === IP),
    )
    proxy.hear(OTHER)
    await behind(OTHER)
    const entries = (await far.fdb()).filter(({ mac, dst }) => mac === MAC && dst !== undefined)
    assert.deepEqual(
      entries.map(({ dst }) => dst),
      [OTHER],
      'it is nowhere else',
    )

    proxy[Symbol.dispose]()
    await lab.waitFor(
      `${far.name} to have lost ${MAC}`,
      () => far.macipRoutes(),
      (left) => !left.some(({ mac }) => mac === MAC),
    )
  })
}

test('a wrong key: the neighbour is silent, and it is said that there is no connection', async () => {
  await using lab = await fabric('10.3')
  using proxy = new DialledProxy(lab, 'another-key')
  await lab.waitFor(
    'the proxy to give up',
    () => proxy.said,
    (said) => said.length > 0,
  )
  assert.deepEqual(proxy.said, ['no connection within 10 s'])
})
