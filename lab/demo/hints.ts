// What to try after the demo.
import type { Lab } from '../lab.js'
import type { Router } from '../router.js'

/** macipctl's options for a node of a lab. */
export const controlSockets = (router: Router): string[] => [
  '--relay',
  router.path('/run/macipd/relay.sock'),
  '--snoop',
  router.path('/run/macipd/snoop.sock'),
]

/** Where nothing was kept. */
export const AFTERWARDS = `
npm run demo -- --keep        leave the fabric up and play with it
npm run demo -- --frr 10.7    the same with another release of FRR
npm run lab -- up             the fabric without macipd, to compare
npm test                      all of it, on every release, with processes killed on the way
`

/** Where the lab was left up. */
export function playground({ name, nodes, vms }: Lab): string {
  const shell = (where: string): string => `npm run lab -- shell ${where} --name ${name}`
  const [vm1] = vms
  const [near] = nodes
  return `
On the far node: ${shell('n2')}
    vtysh -c "show bgp l2vpn evpn route type macip"
    ip neigh show dev br0
    tcpdump -ni fabric

On the near node: ${shell('n1')}
    vtysh -c "show zebra client"
    vtysh -c "show evpn mac vni all"
    ip link set tap1 down                       the routes are withdrawn; up again, they wait for the VM

In the near VM: ${shell('vm1')}
    ip address add 10.2.1.77/24 dev eth0
    arping -U -c 1 -I eth0 10.2.1.77            announce one more IPv4 address
    ip address add 2001:db8::77/64 dev eth0     ping it from vm2: the answer's ND announces it

In the far VM: ${shell('vm2')}
    arping -c 1 -I eth0 ${vm1.ipv4}              answered by n2 itself
    ping -c 1 2001:db8::77

What macipd says:
    DIR=${near.path('/run/macipd')}
    node dist/programs/bin/macipctl.js status --relay $DIR/relay.sock --snoop $DIR/snoop.sock
    node dist/programs/bin/macipctl.js bindings --relay $DIR/relay.sock --snoop $DIR/snoop.sock

Take it all away:
    npm run lab -- down --name ${name}
`
}
