// Bridges that know VLANs, and one VXLAN device for all VNIs.
import { VNI } from '../../lab/frr.js'
import type { Router } from '../../lab/router.js'

/** That of the VNI. */
export const VLAN = 10

export async function bridge(node: Router, ...commands: readonly string[]): Promise<void> {
  for (const command of commands) await node.exec(['bridge', ...command.split(' ')])
}

/** br0 knows VLANs from now on, and every port in it has VLAN 10 alone, untagged. */
export async function separate(node: Router): Promise<void> {
  await node.ip('link set br0 type bridge vlan_filtering 1 vlan_default_pvid 0')
  const links = JSON.parse(await node.exec(['ip', '-j', 'link', 'show', 'master', 'br0'])) as { ifname: string }[]
  await bridge(node, ...links.map(({ ifname }) => `vlan add dev ${ifname} vid ${VLAN} pvid untagged`))
}

/** One VXLAN device for all VNIs instead of one for each. */
export async function useSingleDevice(node: Router): Promise<void> {
  await node.ip(
    `link del vx${VNI}`,
    `link add vxlan0 type vxlan external vnifilter local ${node.address} dstport 4789 nolearning`,
    'link set vxlan0 master br0',
    'link set vxlan0 type bridge_slave learning off neigh_suppress on vlan_tunnel on',
    'link set vxlan0 up',
  )
  await bridge(
    node,
    `vlan add dev vxlan0 vid ${VLAN}`,
    `vni add dev vxlan0 vni ${VNI}`,
    `vlan add dev vxlan0 vid ${VLAN} tunnel_info id ${VNI}`,
  )
}
