// An EVPN node on a booted Debian: a bridge with a VXLAN device and a VM, FRR as its package runs it, and a BGP peer.
import { DebianSystem, type DebianRelease } from './debian-system.js'
import { waitFor } from './wait.js'

export const VM = { mac: '02:00:00:00:00:11', ipv4: '10.2.1.11', ipv6: '2001:db8::11' }

/** What a hypervisor's network configuration does at boot; a service, so that it does so again after a reboot. */
const NETWORK = `
ip link add br0 type bridge
ip link add vx100 type vxlan id 100 local 192.0.2.1 dstport 4789 nolearning
ip link set vx100 master br0 addrgenmode none
bridge link set dev vx100 neigh_suppress on learning off
ip netns add peer
ip link add up0 type veth peer name up0 netns peer
ip addr add 192.0.2.1/24 dev up0
ip netns add vm
ip link add tap1 type veth peer name eth0 netns vm
ip link set tap1 master br0
ip -n vm link set eth0 address ${VM.mac} addrgenmode none
for device in lo br0 vx100 up0 tap1; do ip link set $device up; done
ip netns exec vm sysctl -qw net.ipv6.conf.all.ndisc_notify=1 net.ipv6.conf.default.ndisc_notify=1
ip -n vm addr add ${VM.ipv4}/24 dev eth0
ip -n vm addr add ${VM.ipv6}/64 dev eth0 nodad
ip -n vm link set eth0 up
ip -n peer addr add 192.0.2.2/24 dev up0
ip -n peer link set up0 up
ip -n peer link set lo up
`

const SERVICE = `
[Unit]
Before=frr.service frr@peer.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash -e /root/network
[Install]
WantedBy=multi-user.target
`

/** Times that the peer is looked at before the VM speaks again; each takes some tenths of a second. */
const LOOKS = 50

/** What tells why the peer has not got what it should have. */
const EVIDENCE = `
ps -eo pid,lstart,args | grep -E '[/]bgpd|[/]zebra|[w]atchfrr|[m]acipd'
ls -l /run/macipd /run/frr/*.pid
vtysh -c 'show zebra client summary'
journalctl --no-pager -b -n 60 -o short-precise
tail -n 40 /root/apt.log
`

const bgp = (own: string, other: string, more: string): string => `
router bgp 65000
 bgp router-id ${own}
 no bgp default ipv4-unicast
 neighbor ${other} remote-as 65000
 neighbor ${other} timers connect 1
 address-family l2vpn evpn
  neighbor ${other} activate
  ${more}
 exit-address-family
 address-family ipv4 unicast
  neighbor ${other} activate
  redistribute kernel
 exit-address-family
`

const write = (path: string, text: string): string => `cat > ${path} <<'END'\n${text.trimStart()}END\n`

export class DebianFabric implements AsyncDisposable {
  private constructor(readonly system: DebianSystem) {}

  /** Resolves when BGP is established and the peer has the MAC route of the VM. */
  static async boot(release: DebianRelease): Promise<DebianFabric> {
    const system = await DebianSystem.boot(release)
    const fabric = new DebianFabric(system)
    try {
      await system.run(
        [
          write('/root/network', NETWORK),
          write('/etc/systemd/system/network.service', SERVICE),
          'sed -i s/^bgpd=no/bgpd=yes/ /etc/frr/daemons',
          write('/etc/frr/frr.conf', bgp('192.0.2.1', '192.0.2.2', 'advertise-all-vni')),
          'mkdir -p /etc/frr/peer',
          'cp -a /etc/frr/daemons /etc/frr/vtysh.conf /etc/frr/peer/',
          `echo 'watchfrr_options="--netns=peer"' >> /etc/frr/peer/daemons`,
          write('/etc/frr/peer/frr.conf', bgp('192.0.2.2', '192.0.2.1', '')),
          'chown -R frr:frr /etc/frr/peer /etc/frr/frr.conf',
          'systemctl daemon-reload',
          'systemctl enable --now --quiet network.service',
          'systemctl restart frr.service',
          'systemctl enable --now --quiet frr@peer.service',
        ].join('\n'),
      )
      await fabric.peerRoutes([])
      return fabric
    } catch (error) {
      await system[Symbol.asyncDispose]()
      throw error
    }
  }

  /** The VM speaks ARP and ND, as one that starts. */
  async speak(): Promise<void> {
    await this.system.run(
      `ip -n vm link set eth0 down; ip -n vm addr replace ${VM.ipv6}/64 dev eth0 nodad; ip -n vm link set eth0 up
       ip netns exec vm ping -c 1 -W 1 10.2.1.99 > /dev/null || true`,
    )
  }

  /** What the peer's vtysh shows of the VM: the IP of each of its routes, '' for the one of its MAC alone. */
  async peerIps(): Promise<string[]> {
    const command = `vtysh -N peer -c 'show bgp l2vpn evpn route type macip' || true`
    const text = await this.system.run(command)
    const prefix = /\[2\]:\[0\]:\[48\]:\[([0-9a-f:]{17})\](?::\[(?:32|128)\]:\[([^\]]+)\])?/g
    const routes = [...text.matchAll(prefix)].filter(([, mac]) => mac === VM.mac)
    return routes.map(([, , ip = '']) => ip).sort()
  }

  /** Waits until the peer has the MAC route and exactly those IPs; the VM speaks meanwhile, as hosts do now and then. */
  async peerRoutes(ips: readonly string[], timeoutMs = 90_000): Promise<void> {
    const wanted = ['', ...ips].sort().join()
    let left = 0
    const look = async (): Promise<string> => {
      // what it says takes a while to arrive, and when it speaks its link goes down
      if (left === 0) {
        await this.speak()
        left = LOOKS
      }
      left -= 1
      return (await this.peerIps()).join()
    }
    await waitFor(`the peer to have ${wanted}`, look, (found) => found === wanted, {
      timeoutMs,
      context: () => this.system.run(EVIDENCE, [0, 1]),
    })
  }

  /** How long bgpd's connections to zebra have lasted, and how many UPDATEs the peer has got. */
  async unnoticed(): Promise<{ clients: string[]; updates: string }> {
    const summary = await this.system.run(`vtysh -c 'show zebra client summary'`)
    const neighbors = await this.system.run(`vtysh -N peer -c 'show bgp neighbors 192.0.2.1'`)
    return {
      clients: summary.split('\n').filter((line) => /^(bgp|vnc)\s/.test(line)),
      updates: /Updates:\s+\d+\s+(\d+)/.exec(neighbors)?.[1] ?? neighbors,
    }
  }

  /** How long bgpd has been connected to zebra. */
  async connectedSeconds(): Promise<number> {
    const line = (await this.unnoticed()).clients.find((client) => client.startsWith('bgp')) ?? ''
    const [, hours, minutes, seconds] = /(\d+):(\d+):(\d+)/.exec(line) ?? []
    return 3600 * Number(hours) + 60 * Number(minutes) + Number(seconds)
  }

  /** Waits until the peer gets no UPDATE any more: the link of the VM that has just spoken went down and up. */
  async settled(): Promise<void> {
    let before = ''
    await waitFor(
      'the peer to get no more UPDATEs',
      async () => {
        await this.system.run('sleep 3')
        const last = before
        before = (await this.unnoticed()).updates
        return before === last
      },
      (isSettled) => isSettled,
      { timeoutMs: 60_000 },
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.system[Symbol.asyncDispose]()
  }
}
