// Real VXLAN devices send real ARP and neighbour discovery through real underlays.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, suite, test, type TestContext } from 'node:test'
import { VxlanSnooper } from '../../../src/snoop/bpf/vxlan-snooper.js'
import { listenSnoopControl } from '../../../src/snoop/control.js'
import { Ports } from '../../../src/snoop/ports/ports.js'
import { Underlay } from '../../../src/snoop/underlay/underlay.js'
import { enterNewNetworkNamespace, ip } from '../../rtnetlink/namespace.js'
import { silent, tempDir } from '../../support.js'
import { arp, ETH_P_8021AD } from '../bpf/frames.js'
import { vxlan } from '../bpf/vxlan-packets.js'
import { ATTACH_MODES, openSender, run } from '../packet.js'
import { subject } from '../subject.js'
import { Proxy } from './proxy.js'

const HOST_MAC = '02:00:00:00:00:01'
/** Of the other end of the cable. */
const GATEWAY_MAC = '02:00:00:00:0f:02'

beforeEach(() => {
  enterNewNetworkNamespace()
  for (const [name, value] of [
    ['ipv4/conf/default/arp_notify', 1],
    ['ipv6/conf/default/ndisc_notify', 1],
    ['ipv6/conf/default/router_solicitations', 0],
  ])
    writeFileSync(`/proc/sys/net/${name}`, `${value}`)
})

/** What a static VTEP sends on `far` is received by `under`. */
const cable = ['link add under type veth peer name far', 'link set under up', 'link set far up']

/** A VTEP behind a device; its addresses and those of its peer are in one subnet, and nothing needs to be asked. */
const vtep = (device: string, local: string, length: number, remote: string): string[] => [
  `addr add ${local}/${length} dev ${device}${local.includes(':') ? ' nodad' : ''}`,
  `neigh add ${remote} lladdr ${GATEWAY_MAC} dev ${device} nud permanent`,
  `link add vx type vxlan id 100 local ${local} remote ${remote} dev ${device} dstport 4789`,
  `link set vx address ${HOST_MAC}`,
  'link set vx up',
]

/** The kernel announces the IPv4 address of a device that comes up, and asks whether its link-local one is free. */
const announce = ['addr replace 192.0.2.1/24 dev vx', 'link set vx down', 'link set vx up']

async function proxyOf(t: TestContext, mode?: (typeof ATTACH_MODES)[number]): Promise<Proxy> {
  const path = join(tempDir(t), 'snoop.sock')
  const ports = await Ports.open({ log: silent })
  const open = () => VxlanSnooper.open({ log: silent, ...(mode === undefined ? {} : { attach: mode }) })
  const underlay = new Underlay(ports, open, silent)
  const server = await listenSnoopControl(path, subject({ underlay: () => underlay }), () => undefined, silent)
  t.after(async () => {
    underlay.close()
    ports.close()
    await server.close()
  })
  return Proxy.connect(t, path)
}

const ANNOUNCED = (behind: string) => [
  `arp-request ${HOST_MAC} 192.0.2.1 in 100 behind ${behind}`,
  `dad-ns ${HOST_MAC} fe80::ff:fe00:1 in 100 behind ${behind}`,
]

const untilHeard = (proxy: Proxy, claims: readonly string[]): Promise<void> =>
  proxy.until(() => claims.every((claim) => proxy.heard.includes(claim)))

for (const mode of ATTACH_MODES)
  suite(mode, () => {
    test('over IPv4', async (t) => {
      ip(...cable, ...vtep('far', '203.0.113.7', 24, '203.0.113.1'))
      const proxy = await proxyOf(t, mode)
      proxy.watch()
      await proxy.untilInterfaces('under attached')
      ip(...announce)
      await untilHeard(proxy, ANNOUNCED('203.0.113.7'))
    })

    test('over IPv6', async (t) => {
      ip(...cable, ...vtep('far', '2001:db8:ff::7', 64, '2001:db8:ff::1'))
      const proxy = await proxyOf(t, mode)
      proxy.watch()
      await proxy.untilInterfaces('under attached')
      ip(...announce)
      await untilHeard(proxy, ANNOUNCED('2001:db8:ff::7'))
      // when that has turned out to be free, it is announced
      await untilHeard(proxy, [`na ${HOST_MAC} fe80::ff:fe00:1 in 100 behind 2001:db8:ff::7`])
    })

    test('in a VLAN of the device, whose tag the kernel has moved out of the packet', async (t) => {
      ip(...cable)
      const proxy = await proxyOf(t, mode)
      proxy.watch()
      await proxy.untilInterfaces('under attached')
      const sender = openSender(indexOf('far'))
      t.after(() => {
        sender.close()
      })
      for (const [index, tags] of [[{ vlan: 20 }], [{ protocol: ETH_P_8021AD, vlan: 20 }, { vlan: 30 }]].entries())
        sender.send(vxlan(arp({ senderIp: `192.0.2.${index}` }), { vni: 100, tags }))
      await untilHeard(
        proxy,
        [0, 1].map((host) => `arp-request ${HOST_MAC} 192.0.2.${host} in 100 behind 203.0.113.7`),
      )
    })
  })

test('packets in other VNIs, from elsewhere and to elsewhere are counted, not told', async (t) => {
  ip(...cable)
  const proxy = await proxyOf(t)
  proxy.watch()
  await proxy.untilInterfaces('under attached')
  const sender = openSender(indexOf('far'))
  t.after(() => {
    sender.close()
  })
  for (const outer of [{ vni: 101 }, { vni: 102 }, { source: '198.51.100.7' }, { destination: '203.0.113.2' }])
    sender.send(vxlan(arp(), { vni: 100, ...outer }))
  sender.send(vxlan(arp({ senderIp: '192.0.2.9' }), { vni: 100 }))
  await proxy.until(() => proxy.heard.length > 0)
  assert.deepEqual(proxy.heard, [`arp-request ${HOST_MAC} 192.0.2.9 in 100 behind 203.0.113.7`])
  proxy.watch()
  await proxy.until(() => proxy.statuses.length >= 2)
  const frames = new Map(proxy.statuses.at(-1)?.frames?.map(({ name, value }) => [name, value]))
  assert.deepEqual(
    ['vni-other', 'source-other', 'destination-other'].map((name) => frames.get(name)),
    [2, 1, 1],
  )
})

test('devices that come, are renamed, and are made again', async (t) => {
  const proxy = await proxyOf(t)
  proxy.watch({ interfaces: ['under', 'eth?'] })
  await proxy.untilInterfaces('under there is no such device')
  ip(...cable)
  await proxy.untilInterfaces('under attached')
  ip('link del under')
  await proxy.untilInterfaces('under there is no such device')
  ip(...cable, ...vtep('far', '203.0.113.7', 24, '203.0.113.1'))
  await proxy.untilInterfaces('under attached')
  ip(...announce)
  await untilHeard(proxy, ANNOUNCED('203.0.113.7'))
  ip('link set under name eth1')
  await proxy.untilInterfaces('eth1 attached', 'under there is no such device')
  ip('link set eth1 name other')
  await proxy.untilInterfaces('under there is no such device')
})

test('a device that has the ifindex of one that was deleted in the same moment', async (t) => {
  ip(...cable)
  const proxy = await proxyOf(t)
  proxy.watch()
  await proxy.untilInterfaces('under attached')
  const again = ['link del under', `link add under index ${indexOf('under')} type veth peer name far`]
  ip(...again, ...cable.slice(1), ...vtep('far', '203.0.113.7', 24, '203.0.113.1'))
  proxy.watch({ vnis: [100, 101] })
  await proxy.until(() => proxy.statuses.length >= 2)
  ip(...announce)
  await untilHeard(proxy, ANNOUNCED('203.0.113.7'))
})

test('when the proxy ends, nothing is left on the devices', async (t) => {
  ip(...cable)
  const proxy = await proxyOf(t, 'clsact')
  proxy.watch()
  await proxy.untilInterfaces('under attached')
  assert.match(filters(), /vxlan/)
  proxy.socket.destroy()
  while (filters() !== '') await new Promise((resolve) => setImmediate(resolve))
  assert.doesNotMatch(run('tc', 'qdisc', 'show', 'dev', 'under'), /clsact/)
})

const filters = () => run('tc', 'filter', 'show', 'dev', 'under', 'ingress')

const indexOf = (name: string): number => Number(/^(\d+):/.exec(run('ip', '-o', 'link', 'show', 'dev', name))?.[1])
