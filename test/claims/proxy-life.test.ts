// A silent VPN concentrator: what it proxies stays announced for as long as it answers. Real FRR, and the guest's kernel.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { question } from '../../lab/frames.js'
import { PATIENCE } from '../../lab/wait.js'

const CLIENT = '10.2.1.77'
const CLIENT6 = '2001:db8::77'
const FRR = '10.7'

test(`FRR ${FRR}: a guest that is silent keeps what it proxies for three times the ageing time`, async () => {
  await using fabric = await Fabric.start({ frr: FRR, ageing: 6 * PATIENCE })
  const { lab, near, vm } = fabric
  const asker = await fabric.addVm()
  await vm.ip(
    'link add tun0 type veth peer name clients',
    'link set clients up',
    'link set tun0 up',
    `route add ${CLIENT}/32 dev tun0`,
    `route add ${CLIENT6}/128 dev tun0`,
    `neigh add proxy ${CLIENT6} dev eth0`,
    'route add default via 10.2.1.254 dev eth0',
  )
  const settings = [
    ...['net.ipv4.ip_forward=1', 'net.ipv4.conf.eth0.proxy_arp=1', 'net.ipv4.neigh.eth0.proxy_delay=0'],
    ...['net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.eth0.rp_filter=1'],
    ...['net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.eth0.proxy_ndp=1', 'net.ipv6.neigh.eth0.proxy_delay=0'],
  ]
  await vm.exec(['sysctl', '-qw', ...settings])
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
