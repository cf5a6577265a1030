// Everything that bgpd and zebra say to each other about one fabric's EVPN life, recorded on the path between them.
import { Recorder, type Recording } from './recorder.js'
import { arpAnnouncement } from './frames.js'
import type { Release } from './frr.js'
import { Lab } from './lab.js'

/** The recordings nearest to bgpd, and those nearest to zebra; the same ones when nothing stands between. */
export type Conversation = { atBgpd: Recording[]; atZebra: Recording[] }

/** zebra's socket and bgpd's `-z`, as the node sees them, and where the recorders of the two sides listen. */
const ZEBRA = '/run/frr/zserv.api'
const FRONT = '/run/macipd/front.sock'
const BACK = '/run/macipd/back.sock'

/**
 * Start, a local host, a local and a remote neighbour, a host that moves there and back, a port that goes down, the end
 * of bgpd; on the first node, with the relay or without it, and without a snooper.
 */
export async function converse(frr: Release, options: { relay: boolean }): Promise<Conversation> {
  await using lab = await Lab.start({ frr })
  const [near, far] = lab.nodes
  const [vm, farVm] = lab.vms
  await near.startZebra()
  using back = await Recorder.start(near.path(BACK), near.path(ZEBRA))
  if (options.relay) await near.startRelay('--zebra', near.path(BACK))
  using front = options.relay ? await Recorder.start(near.path(FRONT), near.path('/run/macipd/zserv.api')) : undefined
  await near.startBgpd({ zapi: options.relay ? FRONT : BACK })
  await far.startZebra()
  await far.startBgpd()
  await lab.converged()

  const macs = async (node: typeof near, mac: string, nextHop: string): Promise<void> => {
    await lab.waitFor(
      `${node.name} to have ${mac} behind ${nextHop}`,
      () => node.macipRoutes(),
      (routes) => routes.some((route) => route.mac === mac && route.nextHop === nextHop),
    )
  }
  vm.send(arpAnnouncement(vm))
  farVm.send(arpAnnouncement(farVm))
  await macs(far, vm.mac, near.address)
  await macs(near, farVm.mac, far.address)

  await near.ip(`neigh replace ${vm.ipv4} lladdr ${vm.mac} dev br0 nud reachable`)
  await far.ip(`neigh replace ${farVm.ipv6} lladdr ${farVm.mac} dev br0 nud reachable`)
  const ips = async (node: typeof near, ip: string): Promise<void> => {
    await lab.waitFor(
      `${node.name} to have ${ip}`,
      () => node.macipRoutes(),
      (routes) => routes.some((route) => route.ip === ip),
    )
  }
  await ips(far, vm.ipv4)
  await ips(near, farVm.ipv6)

  // zebra programs the kernel after bgpd has the route: until then a frame of the host is nothing new to its bridge
  const behindTunnel = async (node: typeof near, mac: string): Promise<void> => {
    await lab.waitFor(
      `${node.name}'s bridge to have ${mac} behind the tunnel`,
      () => node.fdb(),
      (entries) => entries.some((entry) => entry.mac === mac && entry.master === 'br0' && entry.ifname === 'vx100'),
    )
  }
  // the same MAC speaks behind the other node, then here again
  const { mac, ipv4, ipv6 } = vm
  await behindTunnel(far, mac)
  farVm.send(arpAnnouncement({ mac, ipv4, ipv6 }))
  await macs(near, vm.mac, far.address)
  await behindTunnel(near, mac)
  vm.send(arpAnnouncement(vm))
  await macs(far, vm.mac, near.address)

  await near.ip(`link set ${vm.port} down`)
  await lab.waitFor(
    `${far.name} to have lost ${vm.mac}`,
    () => far.macipRoutes(),
    (routes) => !routes.some(({ mac, nextHop }) => mac === vm.mac && nextHop === near.address),
  )
  // bgpd opens its synchronous connection a second after the others
  const answered = (): number => back.connections.filter(({ toClient }) => toClient.length > 0).length
  await lab.waitFor('all connections of bgpd', answered, (count) => count === (frr === '8.4' ? 2 : 3))
  const lengths = ({ connections }: Recorder): string =>
    connections
      .map(({ toServer, toClient }) => `${toServer.length} ${toClient.length}`)
      .filter((each) => each !== '0 0')
      .sort()
      .join()
  await lab.waitFor('everything said to have arrived', () => lengths(front ?? back) === lengths(back), Boolean)
  await near.kill('bgpd')
  // the connection that only asked whether zebra is there says nothing
  const ended = (): boolean =>
    [...back.connections, ...(front?.connections ?? [])].every((recording) => recording.ended)
  await lab.waitFor('all connections to end', ended, (all) => all)
  const atZebra = back.connections.filter(({ toServer }) => toServer.length > 0)
  return { atZebra, atBgpd: front?.connections ?? atZebra }
}
