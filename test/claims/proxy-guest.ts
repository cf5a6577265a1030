import type { Vm } from '../../lab/vm.js'

/** What the clients of a guest have that answers for them. */
export const CLIENT = '10.2.1.77'
export const CLIENT6 = '2001:db8::77'

/** Makes a guest answer for its clients, such as a VPN concentrator (proxy_arp, proxy_ndp). */
export async function answerForClients(vm: Vm): Promise<void> {
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
    ...['net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.eth0.proxy_ndp=1', 'net.ipv6.neigh.eth0.proxy_delay=0'],
  ]
  await vm.exec(['sysctl', '-qw', ...settings])
}
