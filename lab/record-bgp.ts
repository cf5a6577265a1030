// What bgpd says to a route reflector's client in the EVPN life of a fabric: a whole session, from OPEN to NOTIFICATION.
import { MessageType } from '../src/bgp/header.js'
import { BgpPeer } from './bgp-peer.js'
import { arpAnnouncement } from './frames.js'
import { ASN, type Release } from './frr.js'
import { Lab } from './lab.js'
import type { Router } from './router.js'

/** The client is at an address of its own on the far node, whose bgpd has the usual port. */
const CLIENT = '192.0.2.3'
const PORT = 1790
/** bgpd's goodbye (RFC 9003). */
export const SHUTDOWN_TEXT = 'maintenance until 12:00 – see you'
/** Routed through the default VRF, whose VNI this is. */
const L3VNI = 4001
const ROUTED = { ipv4: '203.0.113.0/24', ipv6: '2001:db8:7::/48' }

/**
 * Hosts of the near node (a MAC alone, with IPv4, with IPv6 of a router, a sticky one, one that moved away and back),
 * hosts of the far node, which are reflected, an IPv4 and an IPv6 prefix, both multicast routes; then a host that goes, a
 * request for routes, and the end of the session by its operator. Resolves to the bytes that bgpd sent.
 */
export async function bgpSession(frr: Release): Promise<Buffer> {
  await using lab = await Lab.start({ frr })
  const [near, far] = lab.nodes
  const [vm, farVm] = lab.vms
  const sticky = await lab.addVm(near)
  await far.ip(`addr add ${CLIENT}/24 dev fabric`)
  await near.ip(
    `link add br${L3VNI} type bridge`,
    `link set br${L3VNI} addrgenmode none up`,
    `link add vx${L3VNI} type vxlan id ${L3VNI} local ${near.address} dstport 4789 nolearning`,
    `link set vx${L3VNI} master br${L3VNI}`,
    `link set vx${L3VNI} up`,
  )
  await lab.startFrr()
  await announceHosts(lab)
  await near.exec(['bridge', 'fdb', 'replace', sticky.mac, 'dev', sticky.port, 'master', 'static', 'sticky'])
  await near.ip(
    `neigh replace ${vm.ipv4} lladdr ${vm.mac} dev br0 nud permanent`,
    `neigh replace ${vm.ipv6} lladdr ${vm.mac} dev br0 nud permanent router`,
  )
  await far.ip(`neigh replace ${farVm.ipv4} lladdr ${farVm.mac} dev br0 nud permanent`)
  const ips = [vm.ipv4, vm.ipv6, farVm.ipv4]
  await lab.waitFor(
    `${near.name} to have all addresses`,
    () => near.macipRoutes(),
    (routes) => ips.every((ip) => routes.some((route) => route.ip === ip)),
  )
  await routePrefixes(lab, near)

  await near.configure(
    `router bgp ${ASN}`,
    `neighbor ${CLIENT} remote-as ${ASN}`,
    `neighbor ${CLIENT} port ${PORT}`,
    `neighbor ${CLIENT} timers connect 1`,
    `neighbor ${CLIENT} advertisement-interval 0`,
    'address-family l2vpn evpn',
    `neighbor ${CLIENT} activate`,
    `neighbor ${CLIENT} route-reflector-client`,
  )
  // not before: bgpd would connect while it has no address family for the client
  using client = await BgpPeer.listen({ as: ASN, routerId: CLIENT, port: PORT, space: far })
  const said = async (what: string, accept: () => boolean): Promise<void> => {
    await lab.waitFor(`${near.name} to have sent ${what}`, accept, Boolean)
  }
  const endOfRib = Buffer.from('001946', 'hex')
  const isEndOfRib = (message: Buffer): boolean => message.length < 40 && message.subarray(-3).equals(endOfRib)
  await said('all its routes', () => client.messages.some(isEndOfRib))

  const updates = client.count(MessageType.UPDATE)
  await near.ip(`link set ${vm.port} down`)
  await said('that a host is gone', () => client.count(MessageType.UPDATE) > updates)
  await lab.waitFor(
    `${near.name} to have lost ${vm.mac}`,
    () => near.macipRoutes(),
    (routes) => !routes.some(({ mac }) => mac === vm.mac),
  )
  await near.vtysh(`clear bgp l2vpn evpn ${CLIENT} soft in`)
  await said('a request for routes', () => client.count(MessageType.ROUTE_REFRESH) > 0)
  await said('a KEEPALIVE', () => client.count(MessageType.KEEPALIVE) > 1)
  await near.configure(`router bgp ${ASN}`, `neighbor ${CLIENT} shutdown message ${SHUTDOWN_TEXT}`)
  await said('a NOTIFICATION', () => client.count(MessageType.NOTIFICATION) > 0)
  return client.bytes
}

/** Both VMs are known, and that of the near node has been behind the far one. */
async function announceHosts(lab: Lab): Promise<void> {
  const [near, far] = lab.nodes
  const [vm, farVm] = lab.vms
  farVm.send(arpAnnouncement(farVm))
  vm.send(arpAnnouncement(vm))
  await lab.advertisedBy(far, farVm.mac)
  await lab.advertisedBy(near, vm.mac)
  const behindTunnel = async (node: Router): Promise<void> => {
    await lab.waitFor(
      `${node.name}'s bridge to have ${vm.mac} behind the tunnel`,
      () => node.fdb(),
      (entries) => entries.some((entry) => entry.mac === vm.mac && entry.ifname === 'vx100'),
    )
  }
  const { mac, ipv4, ipv6 } = vm
  await behindTunnel(far)
  farVm.send(arpAnnouncement({ mac, ipv4, ipv6 }))
  await lab.advertisedBy(far, mac)
  await behindTunnel(near)
  vm.send(arpAnnouncement(vm))
  await lab.advertisedBy(near, mac)
}

/** Type 5 routes: this needs no VRF of the kernel. */
async function routePrefixes(lab: Lab, near: Router): Promise<void> {
  await near.configure(`vni ${L3VNI}`)
  await near.configure(
    `router bgp ${ASN}`,
    'address-family ipv6 unicast',
    'redistribute kernel',
    'exit-address-family',
    'address-family l2vpn evpn',
    'advertise ipv4 unicast',
    'advertise ipv6 unicast',
  )
  await near.ip(`route add ${ROUTED.ipv4} via 192.0.2.2`, `route add ${ROUTED.ipv6} dev fabric`)
  await lab.waitFor(
    `${near.name} to have the prefixes`,
    () => near.vtysh('show bgp l2vpn evpn route type prefix'),
    (text) => text.includes('203.0.113.0') && text.includes('2001:db8:7::'),
  )
}
