// What a VM gains by claiming an address that another one has, on its own node and on another: nothing. Real FRR daemons;
// the victim's route is looked at after every lie. MACIPD_ATTACK_SECONDS makes the attacks longer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fabric } from '../../lab/fabric.js'
import { arpAnnouncement, neighborAdvertisement } from '../../lab/frames.js'
import { RELEASES } from '../../lab/frr.js'
import type { JsonLines } from '../../lab/json-lines.js'
import type { Router } from '../../lab/router.js'
import type { Vm } from '../../lab/vm.js'
import { waitFor } from '../../lab/wait.js'

const ATTACK_MS = Number(process.env['MACIPD_ATTACK_SECONDS'] ?? 4) * 1000
/** More often than any limit lets a claim be decided. */
const EVERY_MS = 25

type EventLine = { readonly event: string; readonly mac: string; readonly port: string | null }

/** Lies until the attack is over and the attacker is named, and looks at what bgpd of both nodes has meanwhile. */
async function attack(fabric: Fabric, victim: Vm, attackers: readonly Vm[], lie: (vm: Vm) => void): Promise<void> {
  const { lab } = fabric
  const events = await Promise.all(
    [...new Set(attackers.map(({ router }) => router))].map((node) =>
      node.follow('events', '--follow', '--last', 'all'),
    ),
  )
  try {
    const until = Date.now() + ATTACK_MS
    const lies = setInterval(() => {
      for (const vm of attackers) lie(vm)
    }, EVERY_MS)
    try {
      while (Date.now() < until) {
        await stillAnnounced(fabric, victim)
        // without it, two daemons do nothing but answer, and the attackers get no core
        await sleep(EVERY_MS)
      }
      await Promise.all(attackers.map((vm) => named(events, vm)))
    } finally {
      clearInterval(lies)
    }
    await stillAnnounced(fabric, victim)
    const [one] = lab.vms.filter((vm) => vm !== victim && vm.router !== victim.router)
    if (one !== undefined) await lab.waitForPing(one, victim.ipv4)
  } finally {
    await Promise.all(events.map((it) => it.stop()))
  }
}

/** Both nodes have the victim's routes from its node, with its own MAC, and nobody else's for its addresses. */
async function stillAnnounced({ lab }: Fabric, victim: Vm): Promise<void> {
  for (const node of lab.nodes) {
    const routes = await node.macipRoutes()
    for (const ip of [victim.ipv4, victim.ipv6]) {
      assert.deepEqual(
        routes.filter((route) => route.ip === ip).map(({ mac, nextHop }) => [mac, nextHop]),
        [[victim.mac, victim.router.address]],
        `${ip} on ${node.name}`,
      )
    }
  }
}

const named = (events: readonly JsonLines[], { mac, port, name }: Vm): Promise<unknown> =>
  waitFor(
    `${name} to be named`,
    () => events.flatMap((it) => it.lines()) as EventLine[],
    (lines) => lines.some((it) => it.event === 'held-down' && it.mac === mac && it.port === port),
  )

/** The victim's addresses with the attacker's own MAC, as an ARP announcement and an overriding NA. */
const spoof =
  (victim: Vm) =>
  (vm: Vm): void => {
    const claimed = { mac: vm.mac, ipv4: victim.ipv4, ipv6: victim.ipv6 }
    vm.sendFrames([arpAnnouncement(claimed), neighborAdvertisement(claimed)])
  }

async function learned(fabric: Fabric, victim: Vm): Promise<void> {
  await fabric.lab.waitFor(
    `${victim.name} to be announced`,
    () => {
      victim.announce()
      return stillAnnounced(fabric, victim)
    },
    () => true,
  )
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: a VM that claims its neighbour's addresses, on one node, is held down; the neighbour stays`, async () => {
    await using fabric = await Fabric.start({ frr })
    const attacker = await fabric.addVm()
    await learned(fabric, fabric.vm)
    await attack(fabric, fabric.vm, [attacker], spoof(fabric.vm))
  })

  test(`FRR ${frr}: two VMs on two nodes that claim a third one's addresses are held down; it stays`, async () => {
    await using fabric = await Fabric.start({ frr, both: true })
    const neighbour = await fabric.addVm()
    await learned(fabric, fabric.vm)
    await attack(fabric, fabric.vm, [neighbour, fabric.farVm], spoof(fabric.vm))
  })

  test(`FRR ${frr}: an address that a node without macipd announces is not taken by a claim elsewhere`, async () => {
    // nobody asks the host of such a node, which forgets its MAC when it has been silent for so long
    await using fabric = await Fabric.start({ frr, ageing: 3600 + ATTACK_MS / 1000 })
    const { far, farVm, vm } = fabric
    await announceByKernel(far, farVm)
    await learned(fabric, farVm)
    await attack(fabric, farVm, [vm], spoof(farVm))
  })
}

/** As a node does whose own interface talks to its VMs: zebra announces the kernel's neighbours. */
async function announceByKernel(node: Router, { mac, ipv4, ipv6 }: Vm): Promise<void> {
  await node.ip(
    `neigh add ${ipv4} lladdr ${mac} dev br0 nud permanent`,
    `neigh add ${ipv6} lladdr ${mac} dev br0 nud permanent`,
  )
}

test('a VM does not take the address of another node’s own interface, which that node advertises', async () => {
  const frr = '10.7'
  await using fabric = await Fabric.start({ frr })
  const { lab, far, vm } = fabric
  const svi = '10.2.1.254'
  await far.ip(`addr add ${svi}/24 dev br0`)
  await far.configure('router bgp 65000', 'address-family l2vpn evpn', 'advertise-svi-ip')
  const announced = (): Promise<string[]> =>
    fabric.near.macipRoutes().then((routes) => routes.flatMap(({ ip, nextHop }) => (ip === svi ? [nextHop] : [])))
  await lab.waitFor('the interface to be announced', announced, (hops) => hops.includes(far.address))
  await using events = await fabric.near.follow('events', '--follow', '--last', 'all')
  await lab.waitFor(
    `${vm.name} to be named`,
    async () => {
      vm.claim(svi)
      assert.deepEqual(await announced(), [far.address])
      return events.lines() as EventLine[]
    },
    (lines) => lines.some(({ event }) => event === 'held-down'),
  )
})
