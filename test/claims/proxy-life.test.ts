// A silent VPN concentrator: what it proxies stays announced for as long as it answers. Real FRR, and the guest's kernel.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { question } from '../../lab/frames.js'
import { PATIENCE } from '../../lab/wait.js'
import { answerForClients, CLIENT, CLIENT6 } from './proxy-guest.js'

const FRR = '10.7'

test(`FRR ${FRR}: a guest that is silent keeps what it proxies for three times the ageing time`, async () => {
  await using fabric = await Fabric.start({ frr: FRR, ageing: 6 * PATIENCE })
  const { lab, near, vm } = fabric
  const asker = await fabric.addVm()
  await answerForClients(vm)
  await vm.exec(['sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.eth0.rp_filter=1'])
  using port = near.capture(vm.port)
  // its answers to a neighbour are what teaches them
  const all = [vm.ipv4, CLIENT, CLIENT6]
  await lab.waitFor(
    'the guest to answer for its clients',
    async () => {
      for (const ip of [CLIENT, CLIENT6]) await asker.ping(ip, { count: 1 })
      return (await near.bindings()).filter(({ mac }) => mac === vm.mac).map(({ ip }) => ip)
    },
    (known) => [CLIENT, CLIENT6].every((ip) => known.includes(ip)),
  )
  vm.announce()
  await fabric.farRoutes([...all, vm.ipv6], vm)
  const asked = (ip: string): number =>
    port.frames().filter(({ outgoing, bytes }) => {
      const it = outgoing ? question(bytes) : undefined
      return it?.ip === ip && it.to === vm.mac
    }).length
  const before = new Map(all.map((ip) => [ip, asked(ip)]))
  for (const ip of all)
    await lab.waitFor(
      `${ip} to be asked for three times the ageing time`,
      () => asked(ip) - (before.get(ip) ?? 0),
      (times) => times >= 10,
      { timeoutMs: 60_000 },
    )
  await fabric.farRoutes([...all, vm.ipv6], vm)
  for (const ip of [CLIENT, CLIENT6]) {
    const events = await near.macipctlLines('events', ip, '--last', 'all')
    assert.doesNotMatch(JSON.stringify(events), /withdrawn/)
  }
})
