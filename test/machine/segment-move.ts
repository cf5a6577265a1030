// The address of a host behind an Ethernet segment goes over to another port of a node that has never heard it, and where
// zebra keeps it for its hold time. Needs a kernel with bonding.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { VNI } from '../../lab/frr.js'
import { announced, announcers, BOTH, configureSegment, prepareSegment } from './on-segment.js'

/** Seconds for which zebra keeps what another node of the segment announces no more. */
const HOLD = 60

test('FRR 10.7: another host takes an address of a segment only when its owner does not answer', async (t) => {
  await using fabric = await Fabric.start({ frr: '10.7', ...BOTH })
  const { lab, near, far, vm } = fabric
  const host = await prepareSegment(t, fabric, { hold: HOLD, mode: 'lacp' })
  const { ipv4: ip } = host
  for (const node of lab.nodes) await configureSegment(node)
  await host.connect(near)
  await host.connect(far)
  host.announceTo(far)
  // what the host sends for IPv4 takes the link to the far node: the near one gets to know it only from there
  await announced(fabric, host.mac, ip, /^n1.* proxy$/, /^n2(?!.*proxy)/)
  // routes of the far node that came and went while the segment was made have the near one ask for a while
  const forget = { timeoutMs: 60_000 }
  await lab.waitFor(
    'the near node to know nothing of it',
    () => near.bindings(ip),
    (known) => known.length === 0,
    forget,
  )

  // a lie: the owner answers
  vm.claim(ip)
  await lab.waitFor(
    'the claim to be defended',
    () => near.macipctlLines('events', ip) as Promise<{ event: string; mac: string }[]>,
    (events) => events.some(({ event, mac }) => event === 'defended' && mac === host.mac),
  )
  assert.deepEqual(await announcers(fabric, vm.mac, ip), [])
  assert.equal((await announcers(fabric, host.mac, ip)).length, 2)

  // an honest move
  await host.fallSilent()
  await vm.take(ip)
  const since = Date.now()
  vm.claim(ip)
  await announced(fabric, vm.mac, ip, /^n1 seq \d+ no segment$/)
  await announced(fabric, host.mac, ip)
  t.diagnostic(`${Date.now() - since} ms`)
  const zebras = (): Promise<string> => near.vtysh(`show evpn arp-cache vni ${VNI} ip ${ip} json`)
  assert.match(await zebras(), new RegExp(`${host.mac}[^]*"peerActive": ?true`), 'zebra keeps the former owner')
  // that zebra withdraws the former owner is not the end of the new one
  const patience = { timeoutMs: 2 * HOLD * 1000 }
  await lab.waitFor('zebra to withdraw the former owner', zebras, (text) => !text.includes('peerActive'), patience)
  await lab.waitForPing(fabric.farVm, ip)
  await announced(fabric, vm.mac, ip, /^n1 seq \d+ no segment$/)
})
