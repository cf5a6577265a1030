// Own addresses are those that the host has in the broadcast domain of a frame.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { netlinkMessages } from '../../src/netlink/message.js'
import { decodeRouteMessage } from '../../src/rtnetlink/message.js'
import { PortModel } from '../../src/snoop/ports/model.js'
import { Ports } from '../../src/snoop/ports/ports.js'
import { ip } from '../rtnetlink/namespace.js'
import * as write from '../rtnetlink/writer.js'
import { enterNamespaceWithBridge, ifindexOf } from './devices.js'

/** Of no device, and on none. */
const [MAC, IP] = ['02:00:00:00:ff:ff', '10.99.99.99']

async function open(context: TestContext): Promise<Ports> {
  const ports = await Ports.open({ log: pino({ enabled: false }) })
  context.after(() => {
    ports.close()
  })
  return ports
}

/** What of `addresses` (MAC or IP) is the host's own on a port. */
function ownOn(ports: Pick<Ports, 'selfMatch'>, ifindex: number, vlan: number, addresses: readonly string[]): string[] {
  return addresses.filter((it) => {
    const isMac = /^..:..:..:..:..:..$/.test(it)
    return ports.selfMatch(ifindex, vlan, isMac ? it : MAC, isMac ? IP : it) === (isMac ? 'mac' : 'ip')
  })
}

test('addresses of lo, of management and of other bridges are nothing to a tenant', async (context) => {
  enterNamespaceWithBridge()
  ip('link add br1 up type bridge', 'link add vx200 up master br1 type vxlan id 200 local 127.0.0.1 dstport 4790')
  ip('link add tap3 up type veth peer name vm-tap3', 'link set tap3 master br1', 'link set vm-tap3 up')
  ip('link add mgmt up type veth peer name switch', 'link add docker0 up type bridge')
  const macs = { br0: 'a1', br1: 'b1', tap1: 'a2', tap3: 'b2', mgmt: 'c1', docker0: 'c2', vx100: 'a3' }
  const macOf = (end: string): string => `02:00:00:00:00:${end}`
  for (const [device, end] of Object.entries(macs)) ip(`link set ${device} address ${macOf(end)}`)
  ip(`link add gw0 link br0 address ${macOf('a4')} type macvlan mode private`, 'link set gw0 up')
  const addresses = { br0: '10.2.1.1', gw0: '10.2.1.254', br1: '10.3.1.1', lo: '192.0.2.1', mgmt: '172.16.0.1' }
  for (const [device, address] of Object.entries({ ...addresses, docker0: '172.17.0.1' }))
    ip(`addr add ${address}/24 dev ${device}`)
  const ports = await open(context)
  const [tap1, tap3] = [ifindexOf('tap1'), ifindexOf('tap3')]
  const all = [...Object.values(macs).map(macOf), macOf('a4'), ...Object.values(addresses), '172.17.0.1']

  const own = ['a1', 'a2', 'a3', 'a4'].map(macOf)
  assert.deepEqual(ownOn(ports, tap1, 0, all).sort(), [...own, '10.2.1.1', '10.2.1.254'])
  assert.deepEqual(ownOn(ports, tap3, 0, all).sort(), [macOf('b1'), macOf('b2'), '10.3.1.1'])
  assert.ok(ports.ownIp('192.0.2.1') && ports.ownIp('10.3.1.1') && !ports.ownIp(IP), 'anywhere')

  // they are followed
  const gone = new Promise((resolve) => ports.once('remove', resolve))
  ip('addr del 10.2.1.1/24 dev br0', 'addr add 10.2.1.2/24 dev br0', `link set br0 address ${macOf('a9')}`)
  ip('link del gw0', 'link set tap2 nomaster')
  await gone
  const now = ownOn(ports, tap1, 0, [...all, '10.2.1.2', macOf('a9')]).sort()
  assert.deepEqual(now, [...['a2', 'a3', 'a9'].map(macOf), '10.2.1.2'])
})

const [BR, VX, TAP, TAP2, SVI10, SVI20, GW10] = [2, 3, 5, 6, 10, 11, 12]

function modelOf(...datagrams: Buffer[]): PortModel {
  const model = new PortModel(new Set())
  apply(model, ...datagrams)
  return model
}

function apply(model: PortModel, ...datagrams: Buffer[]): void {
  for (const message of netlinkMessages(Buffer.concat(datagrams))) {
    const decoded = decodeRouteMessage(message)
    if (decoded !== undefined) model.apply(decoded)
  }
  model.takeChanges()
}

const macOf = (end: string): string => `02:00:00:00:00:${end}`
const hexIp = (ip: string): string => Buffer.from(ip.split('.').map(Number)).toString('hex')

test("VLAN-aware: another VLAN's gateway is nothing to a tenant", () => {
  const model = modelOf(
    write.bridge(BR, 'br0', true),
    write.vxlan(VX, 'vx10', 5010, BR),
    write.portVlans(VX, [write.vlanInfo(10, write.PVID | write.UNTAGGED)]),
    write.link(TAP, 'tap1', { master: BR, mac: macOf('a1') }),
    write.portVlans(TAP, [write.vlanInfo(10, write.PVID | write.UNTAGGED), write.vlanInfo(20), write.vlanInfo(30)]),
    write.link(TAP2, 'tap2', { master: BR, mac: macOf('a2') }),
    write.portVlans(TAP2, [write.vlanInfo(20, write.PVID | write.UNTAGGED)]),
    write.portVlans(BR, [write.vlanInfo(30, write.PVID | write.UNTAGGED), write.vlanInfo(10), write.vlanInfo(20)]),
    write.vlanLink(SVI10, 'br0.10', { lower: BR, vlan: 10, mac: macOf('10') }),
    write.vlanLink(SVI20, 'br0.20', { lower: BR, vlan: 20, mac: macOf('20') }),
    write.link(GW10, 'gw10', { kind: 'macvlan', lower: SVI10, mac: macOf('11') }),
    ...[
      [SVI10, '10.10.0.1'] as const,
      [GW10, '10.10.0.254'] as const,
      [SVI20, '10.20.0.1'] as const,
      [BR, '10.30.0.1'] as const,
    ].map(([ifindex, ip]) => write.address(ifindex, { ip: hexIp(ip) })),
  )
  const ips = ['10.10.0.1', '10.10.0.254', '10.20.0.1', '10.30.0.1']
  const macs = ['10', '11', '20', 'a1', 'a2'].map(macOf)
  const in10 = ['10.10.0.1', '10.10.0.254', macOf('10'), macOf('11'), macOf('a1')]
  assert.deepEqual(ownOn(model, TAP, 0, [...ips, ...macs]), in10)
  assert.deepEqual(ownOn(model, TAP, 10, [...ips, ...macs]), in10)
  // the bridge has the MAC of each port in the VLANs of that port
  assert.deepEqual(ownOn(model, TAP, 20, [...ips, ...macs]), ['10.20.0.1', macOf('20'), macOf('a1'), macOf('a2')])
  assert.deepEqual(ownOn(model, TAP, 30, [...ips, ...macs]), ['10.30.0.1', macOf('a1')])
  assert.deepEqual(ownOn(model, TAP, 40, [...ips, ...macs]), [], 'a VLAN that the port does not have')
  // of a bridge with tags of another protocol, the VLAN devices are not of its VLANs
  apply(model, write.bridge(BR, 'br0', true, false, 30_000, '88a8'))
  assert.deepEqual(ownOn(model, TAP, 10, ips), [])
})

test('an address is own while any of its prefixes is configured, and a MAC while any port has it', () => {
  const model = modelOf(
    write.bridge(BR, 'br0'),
    write.vxlan(VX, 'vx100', 100, BR),
    write.link(TAP, 'tap1', { mac: 'fe:54:00:00:00:01', master: BR }),
    write.link(TAP2, 'tap2', { mac: 'fe:54:00:00:00:01', master: BR }),
    write.address(BR, { ip: '0a020101', prefixLength: 24 }),
    write.address(BR, { ip: '0a020101', prefixLength: 32 }),
    write.address(BR, { ip: '20010db8000000000000000000000001', prefixLength: 64 }),
  )
  const all = ['fe:54:00:00:00:01', 'fe:54:00:00:00:02', '10.2.1.1', '10.2.1.2', '2001:db8::1']
  const own = ['fe:54:00:00:00:01', '10.2.1.1', '2001:db8::1']
  assert.deepEqual(ownOn(model, TAP, 0, all), own)
  apply(model, write.link(TAP2, 'tap2', { gone: true }), write.address(BR, { ip: '0a020101', gone: true }))
  assert.deepEqual(ownOn(model, TAP, 0, all), own, 'one of two is left')
  apply(
    model,
    write.link(TAP, 'tap1', { mac: 'fe:54:00:00:00:02', master: BR }),
    write.address(BR, { ip: '0a020101', prefixLength: 32, gone: true }),
  )
  assert.deepEqual(ownOn(model, TAP, 0, all), ['fe:54:00:00:00:02', '2001:db8::1'])
})
