// Routers that hand a virtual address to each other, as keepalived does, with a virtual MAC and without: the new master has
// the address in the whole fabric soon after it says so. Real daemons; how long it took is a diagnostic.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { startKeepalived, virtualMac, type VrrpOptions } from '../../lab/keepalived.js'
import { RELEASES } from '../../lab/frr.js'
import type { MacipRoute } from '../../lab/show.js'
import type { Vm } from '../../lab/vm.js'
import { Blame, hasConverged } from './converge.js'

const LEARNING = 'snoop: {age: 10m, vrrp: learn}\n'
const both = (config: string) => ({ both: true, near: { config }, far: { config } })

/** A virtual router: the second one takes over, then is lost with its whole VM, and the first one ends in order at last. */
async function failOver(
  fabric: Fabric,
  t: TestContext,
  [first, second]: readonly [Vm, Vm],
  router: Omit<VrrpOptions, 'priority'>,
): Promise<void> {
  const has = (vm: Vm, change: () => Promise<unknown>): Promise<void> => {
    const mac = router.virtualMac ? virtualMac(router.id) : vm.mac
    return hasConverged(fabric, t, { vm, ip: router.address, mac }, change)
  }
  await has(first, () => startKeepalived(first, { ...router, priority: 150 }))
  await has(second, () => startKeepalived(second, { ...router, priority: 200 }))
  await has(first, () => second.ip('link set nic down'))
  await second.daemon('keepalived').kill()
  await second.ip('link set nic up')
  await startKeepalived(second, { ...router, priority: 100 })
  await fabric.lab.waitFor(
    'the second router to hear the first',
    () => second.daemon('keepalived').log(),
    (log) => log.includes('BACKUP STATE'),
  )
  await has(second, () => first.daemon('keepalived').kill())
  await second.daemon('keepalived').kill()
}

type Release = {
  readonly ip: string
  /** So long after the announcements the former owner gives the address up, milliseconds. */
  readonly lateMs: number
  /** After so long there are five more, milliseconds; keepalived sends them after five seconds. Undefined: there are none. */
  readonly againMs: number | undefined
}

/** Five announcements at once, and the former owner gives the address up later. */
async function lateRelease(
  fabric: Fabric,
  t: TestContext,
  { ip, lateMs, againMs }: Release,
  [first, ...others]: readonly [Vm, ...Vm[]],
): Promise<void> {
  let owner = first
  await owner.take(ip)
  owner.claim(ip)
  await fabric.lab.advertisedBy(owner.router, owner.mac, ip)
  for (const vm of others) {
    await vm.take(ip)
    const announce = (): void => {
      for (let count = 0; count < 5; count++) vm.claim(ip)
    }
    const again = againMs === undefined ? undefined : setInterval(announce, againMs)
    try {
      await hasConverged(fabric, t, { vm, ip }, async () => {
        announce()
        await delay(lateMs)
        await owner.giveUp(ip)
      })
    } finally {
      clearInterval(again)
    }
    owner = vm
    await knownElsewhere(fabric, owner, ip)
  }
}

/** Waits until bgpd of the other nodes has told zebra of this owner, and not of an earlier one any more: it may wait a second. */
async function knownElsewhere({ lab }: Fabric, { router, mac, name }: Vm, ip: string): Promise<void> {
  for (const node of lab.nodes) {
    if (node === router) continue
    await lab.waitFor(
      `${node.name} to know ${name} as the owner of ${ip}`,
      () => node.macipctl('show', 'remote', ip) as Promise<{ remote: { mac: string }[] }>,
      ({ remote }) => remote.length === 1 && remote[0]?.mac === mac,
    )
  }
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: a virtual address fails over`, async (t) => {
    await using fabric = await Fabric.start({ frr, ...both(LEARNING) })
    await using blame = await Blame.watch(fabric)
    const { vm, farVm } = fabric
    const other = await fabric.addVm()
    let id = 0
    for (const isVirtual of [false, true]) {
      const name = isVirtual ? 'with a virtual MAC' : 'without one'
      const pairs = { ports: [vm, other], nodes: [vm, farVm] } as const
      for (const [between, pair] of Object.entries(pairs)) {
        // what happens on one node is the same with every release
        if (between === 'ports' && frr !== '10.7') continue
        id += 1
        const router = { id, address: `10.2.1.${200 + id}`, virtualMac: isVirtual }
        await t.test(`keepalived between two ${between}, ${name}`, (t) => failOver(fabric, t, pair, router))
      }
    }
    await t.test('the former owner gives it up just after it was claimed', (t) =>
      lateRelease(fabric, t, { ip: '10.2.1.205', lateMs: 100, againMs: 5000 }, [vm, other, farVm, vm]),
    )
    for (const [ip, lateMs] of [
      ['10.2.1.206', 1000],
      ['10.2.1.207', 2500],
    ] as const) {
      // the second one only takes longer
      if (lateMs > 1000 && frr !== '10.7') continue
      await t.test(`the former owner still answers for ${lateMs} ms, and nothing is announced again`, (t) =>
        lateRelease(fabric, t, { ip, lateMs, againMs: undefined }, [vm, other, farVm, vm]),
      )
    }
    await blame.none()
  })
}

test('a router with many addresses hands them over with an announcement each, or is lost and replaced', async (t) => {
  await using fabric = await Fabric.start({ frr: '10.7', ...both('snoop: {age: 10m}\n') })
  await using blame = await Blame.watch(fabric)
  const { lab, vm, farVm } = fabric
  const other = await fabric.addVm()
  const ips = Array.from({ length: 40 }, (_, index) => `10.2.1.${150 + index}`)
  const each = (what: 'add' | 'del'): string[] => ips.map((ip) => `addr ${what} ${ip}/32 dev eth0`)
  /** Whether both nodes have one route for each address, to this router. */
  const hasAll = (views: readonly MacipRoute[][], { mac, router }: Vm): boolean =>
    views.every((routes) =>
      ips.every((ip) => {
        const [route, ...others] = routes.filter((it) => it.ip === ip)
        return route?.mac === mac && route.nextHop === router.address && others.length === 0
      }),
    )
  let owner: Vm | undefined
  for (const [router, lateMs] of [[vm], [other], [farVm], [other, 100], [farVm, 100], [vm, 1000]] as const) {
    // the owner does not say that it gives them up
    if (lateMs === undefined) await owner?.ip(...each('del'))
    await router.ip(...each('add'))
    const begin = performance.now()
    for (const ip of ips) router.claim(ip)
    if (lateMs !== undefined) {
      await delay(lateMs)
      await owner?.ip(...each('del'))
    }
    await lab.waitFor(
      `${router.name}, and no other one, to have all of them`,
      () => Promise.all(lab.nodes.map((node) => node.macipRoutes())),
      (views) => hasAll(views, router),
    )
    const how = lateMs === undefined ? '' : `, given up after ${lateMs} ms,`
    t.diagnostic(`${router.name} has all of them${how} after ${Math.round(performance.now() - begin)} ms`)
    owner = router
  }
  await blame.none()
})

test('a virtual address whose virtual MAC is not learned is not announced, and it is said why', async () => {
  await using fabric = await Fabric.start({ frr: '10.7', ...both('snoop: {age: 10m}\n') })
  const { lab, vm, farVm, near } = fabric
  const router = { id: 7, address: '10.2.1.207', virtualMac: true }
  await startKeepalived(vm, { ...router, priority: 150 })
  const asker = await fabric.addVm()
  await lab.waitForPing(asker, router.address)
  await startKeepalived(farVm, { ...router, priority: 200 })
  await lab.advertisedBy(farVm.router, virtualMac(router.id))
  await lab.waitForPing(asker, router.address)
  assert.deepEqual(await lab.routesOf(virtualMac(router.id), router.address), [[], []])
  assert.match(await near.explainText(router.address), /vrrp[^]*snoop\.vrrp: learn/)
})
