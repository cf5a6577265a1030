// An address that a guest elsewhere only proxies is alive, too: its guest is asked in the form that it answers. Real FRR, and
// the guest's kernel.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { question } from '../../lab/frames.js'
import { Tunnel } from '../../lab/tunnel.js'
import { Blame } from './converge.js'
import { answerForClients, CLIENT, CLIENT6 } from './proxy-guest.js'

const TEN_MINUTES = 'snoop: {age: 10m}\n'

test('FRR 10.7: what a guest on another node proxies is not taken by a claim here', async () => {
  await using fabric = await Fabric.start({
    ...{ frr: '10.7', both: true, near: { config: TEN_MINUTES }, far: { config: TEN_MINUTES } },
  })
  await using blame = await Blame.watch(fabric)
  const { lab, near, far, vm, farVm } = fabric
  await answerForClients(farVm)
  await lab.waitFor(
    'the guest to answer for its clients',
    async () => {
      for (const ip of [CLIENT, CLIENT6]) await vm.ping(ip, { count: 1 })
      return (await lab.routesOf(farVm.mac, CLIENT)).concat(await lab.routesOf(farVm.mac, CLIENT6))
    },
    (views) => views.every((routes) => routes.length === 1),
  )
  using tunnel = Tunnel.watch(near)
  await vm.take(CLIENT)
  vm.claim(CLIENT)
  await lab.waitFor(
    'the claim to be defended',
    () => blame.events(),
    (events) => events.some(({ event, ip, mac }) => event === 'defended' && ip === CLIENT && mac === farVm.mac),
  )
  await lab.advertisedBy(far, farVm.mac, CLIENT)
  const asked = tunnel.frames().flatMap(({ bytes, outgoing }) => (outgoing ? (question(bytes) ?? []) : []))
  const senders = asked.filter(({ ip, to }) => ip === CLIENT && to === farVm.mac).map(({ who }) => who.ip)
  assert.deepEqual(senders.slice(0, 2), ['0.0.0.0', '169.254.0.254'])
  const counted = (await near.snoopStatus()).tunnel
  // whoever was refused is asked again, and what it answers is a claim
  assert.ok((counted['questions'] ?? 0) >= 2 && (counted['answers'] ?? 0) >= 1, JSON.stringify(counted))
})
