// What zebra and bgpd of a node show of EVPN: the recordings that reading it is tested with.
import { Vty } from '../src/vty/vty.js'
import { Fabric } from './fabric.js'
import type { Release } from './frr.js'

/** Commands by daemon, as `src/vty/evpn-show.ts` asks them. */
const COMMANDS = {
  zebra: [
    'show vrf',
    'show evpn vni 100 json',
    'show evpn vni 999 json',
    'show evpn mac vni all detail json',
    'show evpn arp-cache vni all json',
  ],
  bgpd: [
    'enable',
    'show running-config',
    'show bgp vrfs json',
    'show bgp l2vpn evpn vni json',
    'show bgp l2vpn evpn route rd 192.0.2.1:2 type macip json',
  ],
} as const

/** Before each answer in a recording. */
export const PROMPT = '@ '

/**
 * The near node's answers: hosts of the relay's and of zebra's own, one that was elsewhere before, a sticky one, a router,
 * a neighbour whose MAC the bridge does not have, and remote ones, a sticky one among them.
 */
export async function shown(frr: Release): Promise<string> {
  await using fabric = await Fabric.start({ frr })
  const { lab, near, far, farVm } = fabric
  const [owner, sticky, moved, farSticky] = [
    await fabric.addVm(),
    await fabric.addVm(),
    await fabric.addVm(far),
    await fabric.addVm(far),
  ]
  await fabric.learn()
  await near.ip(
    `neigh replace ${owner.ipv4} lladdr ${owner.mac} dev br0 nud permanent`,
    `neigh replace ${owner.ipv6} lladdr ${owner.mac} dev br0 nud permanent router`,
    `neigh replace 10.2.1.98 lladdr bc:24:11:00:00:98 dev br0 nud permanent`,
  )
  await near.exec(['bridge', 'fdb', 'replace', sticky.mac, 'dev', sticky.port, 'master', 'static', 'sticky'])
  await far.exec(['bridge', 'fdb', 'replace', farSticky.mac, 'dev', farSticky.port, 'master', 'static', 'sticky'])
  await far.ip(
    `neigh replace ${farVm.ipv4} lladdr ${farVm.mac} dev br0 nud permanent`,
    `neigh replace ${farSticky.ipv4} lladdr ${farSticky.mac} dev br0 nud permanent`,
  )
  await fabric.farRoutes([owner.ipv4, owner.ipv6], owner)
  await lab.advertisedBy(far, moved.mac)
  await fabric.move(moved, near)
  await fabric.learn(moved)
  await lab.waitFor(
    'the near node to have the remote hosts',
    () => near.vtysh('show evpn arp-cache vni 100'),
    (text) => [farVm, farSticky].every(({ ipv4 }) => new RegExp(`^${ipv4} +remote`, 'm').test(text)),
  )
  // 8.4 does not show it
  if (frr !== '8.4')
    await lab.waitFor(
      'the near node to know that a remote MAC is sticky',
      () => near.vtysh(`show evpn mac vni 100 mac ${farSticky.mac} json`),
      (text) => text.includes('stickyMac'),
    )
  let text = ''
  for (const [name, commands] of Object.entries(COMMANDS)) {
    using vty = await Vty.open(near.path(`/run/frr/${name}.vty`), 10_000)
    for (const command of commands) text += `${PROMPT}${name} ${command}\n${await vty.askForText(command)}\n`
  }
  return text
}
