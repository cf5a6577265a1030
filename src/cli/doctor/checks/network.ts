// Bridges, VXLAN devices and ports, as zebra and the far nodes need them.
import type { SurveyedLink, Survey } from '../../../rtnetlink/survey.js'
import { configure, restartBgpd, vtysh } from '../commands.js'
import type { Observation } from '../observation.js'
import { type Check, fail, given, ok, unknown, type Verdict, warn } from '../result.js'

const IFF_UP = 1

/** A VXLAN device that carries a VNI, or many. */
const isVxlan = ({ vxlan }: SurveyedLink): boolean =>
  vxlan !== undefined && (vxlan.vni !== undefined || vxlan.collectMetadata)

const vxlansOf = ({ links }: Survey): SurveyedLink[] => links.filter(isVxlan)

const nameOf = ({ links }: Survey, ifindex: number | undefined): string =>
  links.find((link) => link.ifindex === ifindex)?.name ?? ''

const isInBridge = ({ slaveKind }: SurveyedLink): boolean => slaveKind === 'bridge'

const onNetwork =
  (look: (network: Survey, seen: Observation) => Verdict): Check['look'] =>
  (seen) =>
    given(seen.network, (network) => look(network, seen))

/** Looks at the VXLAN devices that are in bridges; without any there is nothing to say. */
const onPorts = (
  look: (vxlans: readonly SurveyedLink[], network: Survey, seen: Observation) => Verdict,
): Check['look'] =>
  onNetwork((network, seen) => {
    const vxlans = vxlansOf(network).filter(isInBridge)
    return vxlans.length === 0 ? unknown('no VXLAN device is in a bridge') : look(vxlans, network, seen)
  })

export const NETWORK_CHECKS: readonly Check[] = [
  {
    ...{ id: 'vxlan', group: 'network' },
    look: onNetwork((network) => {
      const vxlans = vxlansOf(network)
      if (vxlans.length === 0)
        return fail(
          'there is no VXLAN device with a VNI',
          'zebra has no VNI, so nothing can be announced.',
          '# with the address of this node, and the name of its bridge:',
          'ip link add vxlan100 type vxlan id 100 local 192.0.2.1 dstport 4789 nolearning',
          'ip link set vxlan100 master br0 up',
        )
      const outside = vxlans.filter((link) => !isInBridge(link))
      if (outside.length > 0)
        return (outside.length === vxlans.length ? fail : warn)(
          `${few(outside)}: a VXLAN device that is in no bridge`,
          'zebra takes its VNI for one without hosts, so nothing in it is announced.',
          ...outside.slice(0, NAMED).map(({ name }) => `ip link set dev ${name} master br0   # or its own bridge`),
        )
      const down = vxlans.filter(({ flags }) => (flags & IFF_UP) === 0)
      if (down.length > 0)
        return fail(
          `${few(down)}: down`,
          'zebra withdraws the VNI, and all that is in it.',
          ...down.slice(0, NAMED).map(({ name }) => `ip link set dev ${name} up`),
        )
      return ok(`VXLAN devices in bridges: ${few(vxlans)}`)
    }),
  },
  {
    ...{ id: 'vni', group: 'network' },
    look: onPorts((vxlans, network, seen) =>
      given(seen.frr.bgpdSays, ({ vnis, advertisesAll }) => {
        if (!advertisesAll) return unknown('bgpd does not advertise VNIs')
        // routed between nodes: zebra maps it to a VRF, and bgpd does not list it with those of hosts
        const isOfHosts = (link: SurveyedLink): boolean => hasPorts(link, network)
        const missing = vxlans.filter((link) => {
          const vni = link.vxlan?.vni
          return vni !== undefined && !vnis.includes(vni) && isOfHosts(link)
        })
        const { relay } = seen.status
        if (missing.length === 0 && vnis.length > 0 && relay.running && relay.injecting && relay.vnis === 0)
          return fail(
            'zebra has announced no VNI to the relay, and bgpd has some',
            'Nothing is announced.',
            restartBgpd(seen),
          )
        if (missing.length === 0)
          return ok(`bgpd has ${vnis.length === 1 ? 'VNI' : 'VNIs'} ${vnis.slice(0, 10).join(', ')}`)
        return fail(
          `bgpd does not have ${missing.map(({ name, vxlan }) => `VNI ${vxlan?.vni ?? ''} of ${name}`).join(', ')}`,
          'Nothing in it is announced.',
          vtysh(seen, 'show evpn vni'),
          vtysh(seen, 'show bgp l2vpn evpn vni'),
        )
      }),
    ),
  },
  {
    ...{ id: 'vxlan-learning', group: 'network' },
    look: onPorts((vxlans, { ports }) => {
      const devices = vxlans.filter(({ vxlanLearning }) => vxlanLearning)
      const learning = new Set(ports.filter((port) => port.learning).map(({ ifindex }) => ifindex))
      const members = vxlans.filter(({ ifindex }) => learning.has(ifindex))
      if (devices.length === 0 && members.length === 0)
        return ok('MACs behind VXLAN devices are learned from BGP alone')
      return warn(
        `${few([...new Set([...devices, ...members])])}: MACs are learned from what comes through the tunnel`,
        'They compete with those of BGP, so a host that has moved may stay unreachable.',
        ...members.slice(0, NAMED).map(({ name }) => `bridge link set dev ${name} learning off`),
        ...devices.slice(0, NAMED).map(({ name }) => `ip link set dev ${name} type vxlan nolearning`),
      )
    }),
  },
  {
    ...{ id: 'neigh-suppress', group: 'network' },
    look: onPorts((vxlans, network) => {
      const suppressing = new Set(network.ports.filter((port) => port.neighSuppress).map(({ ifindex }) => ifindex))
      const without = vxlans.filter((link) => !suppressing.has(link.ifindex) && hasPorts(link, network))
      if (without.length === 0) return ok('ARP and ND are answered here instead of being flooded')
      return warn(
        `${few(without)}: neigh_suppress is off`,
        'Questions for hosts behind other nodes are flooded to all, although their addresses are known here.',
        ...without.slice(0, NAMED).map(({ name }) => `bridge link set dev ${name} neigh_suppress on`),
      )
    }),
  },
  {
    ...{ id: 'bridge-ipv6', group: 'network' },
    look: onPorts((vxlans, network, { bridgesWithoutIpv6 }) =>
      given(bridgesWithoutIpv6, (names) => {
        const bridges = new Set(
          vxlans.filter((link) => hasPorts(link, network)).map(({ master }) => nameOf(network, master)),
        )
        const off = names.filter((name) => bridges.has(name))
        if (off.length === 0) return ok('IPv6 is on on the bridges, as suppression of ND needs it')
        return warn(
          `${off.slice(0, NAMED).join(', ')}: IPv6 is off on the bridge`,
          'The kernel takes no IPv6 neighbours there, so ND is flooded. The bridge needs no address.',
          ...off.slice(0, NAMED).map((name) => `sysctl -w net.ipv6.conf.${name.replaceAll('.', '/')}.disable_ipv6=0`),
          '# to last, write the same into /etc/sysctl.d/90-bridges.conf',
        )
      }),
    ),
  },
  {
    ...{ id: 'uplinks', group: 'network' },
    look: onNetwork((network, seen) => {
      const { snooper } = seen.status
      if (!snooper.running) return unknown('the snooper does not answer')
      const snooped = new Set(snooper.ports.filter(({ attached }) => attached !== '').map(({ name }) => name))
      const uplinks = uplinksIn(network).filter(({ name }) => snooped.has(name))
      if (uplinks.length === 0) return ok('no port that is snooped looks like an uplink')
      return warn(
        `${few(uplinks)}: snooped, and it looks like an uplink`,
        'Hosts behind it that belong to other nodes would be learned as hosts of this one.',
        ...configure(seen, `snoop: {exclude: [${uplinks.map(({ name }) => name).join(', ')}]}`),
      )
    }),
  },
]

/** Ports of a bridge on which hosts may be. */
const hasPorts = ({ master }: SurveyedLink, { links }: Survey): boolean =>
  links.some((link) => link.master === master && link.kind !== 'vxlan')

/** Kinds of devices that VMs and containers have. */
const VIRTUAL = new Set(['tun', 'veth', 'macvtap', 'ipvtap'])
/** Kinds of devices that lead out of a machine; a physical device has none. */
const OUTWARD = new Set<string | undefined>([undefined, 'bond', 'team', 'vlan'])

/**
 * Returns the bridge ports that share the wire of the underlay, and those that lead out of the machine where their bridge
 * has VMs as well: on a switch all ports lead out, and hosts are behind them.
 */
export function uplinksIn({ links, addresses }: Survey): SurveyedLink[] {
  const locals = new Set(links.map(({ vxlan }) => vxlan?.local))
  const byIndex = new Map(links.map((link) => [link.ifindex, link]))
  const wireOf = (link: SurveyedLink | undefined): number | undefined => {
    // the lower device of a veth is its other end
    if (link === undefined || link.kind === 'veth' || link.lower === undefined) return link?.ifindex
    return wireOf(byIndex.get(link.lower)) ?? link.lower
  }
  const wires = new Set(
    addresses.filter(({ ip }) => locals.has(ip)).map(({ ifindex }) => wireOf(byIndex.get(ifindex)) ?? ifindex),
  )
  const loopback = links.find(({ name }) => name === 'lo')?.ifindex
  const withVms = new Set(links.filter(({ kind }) => VIRTUAL.has(kind ?? '')).map(({ master }) => master))
  return links.filter((link) => {
    if (!isInBridge(link) || link.kind === 'vxlan') return false
    const wire = wireOf(link)
    if (wire !== undefined && wire !== loopback && wires.has(wire)) return true
    return OUTWARD.has(link.kind) && withVms.has(link.master)
  })
}

const NAMED = 3
const few = (links: readonly SurveyedLink[]): string =>
  `${links
    .slice(0, NAMED)
    .map(({ name }) => name)
    .join(', ')}${links.length > NAMED ? ` and ${links.length - NAMED} more` : ''}`
