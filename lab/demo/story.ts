// The demo's scenes, in order.
import { spawnSync } from 'node:child_process'
import { reason } from '../../src/base/exit.js'
import type { Fabric } from '../fabric.js'
import { arpAnnouncement, neighborAdvertisement } from '../frames.js'
import { VNI } from '../frr.js'
import { MACIPCTL } from '../programs.js'
import type { Monitor } from '../monitor.js'
import type { Vm } from '../vm.js'
import { controlSockets } from './hints.js'
import { askAcross } from './questions.js'
import type { Stage } from './stage.js'
import { between, follow, record } from './timeline.js'

const SHOW_ROUTES = 'show bgp l2vpn evpn route type macip'
const NOBODY = { ipv4: '10.2.1.99', ipv6: '2001:db8::99' }

const PICTURE = `
 near node n1, 192.0.2.1                             far node n2, 192.0.2.2

 vm1                                                                    vm2
  |                                                                      |
 tap1 --eBPF--> macipd snoop                                           tap2
  |                  |                                                   |
  |                  v                                                   |
 br0  zebra <-> macipd relay <-> bgpd <== BGP ==> bgpd <-> zebra        br0
  |                                                                      |
 vx${VNI} ====================== VXLAN, VNI ${VNI} ======================= vx${VNI}`

export function handshakeOf(stage: Stage, frr: string): void {
  stage.say(
    stage.paint('bold', `macipd: the IP addresses of VMs in EVPN, with FRR ${frr}`),
    '',
    "A bridge forwards a VM's ARP and ND; the host does not learn the VM's IP from it, so",
    'EVPN advertises the MAC alone. macipd learns the IP from these frames and tells bgpd,',
    "in zebra's own words. It writes no kernel neighbour, and the bridge needs no address.",
  )
  stage.scene('What is set up: two nodes of a fabric, in namespaces of this machine')
  stage.say(PICTURE.slice(1))
  stage.say()
}

const describe = ({ name, mac, ipv4, ipv6 }: Vm): string => `${name}: ${mac}, ${ipv4}, ${ipv6}`

/** Tells the story; throws when something is not as the story goes. */
export async function tell(stage: Stage, fabric: Fabric): Promise<void> {
  const { near, far, vm, farVm } = fabric
  stage.say(describe(vm), describe(farVm))
  const [version = ''] = (await near.vtysh('show version')).split('\n')
  stage.command('n1# show version', version)
  await shell(stage, fabric, 'n1', 'ip -brief address show dev br0')

  stage.scene('Before: the far node knows MACs, and no IP')
  await fabric.lab.advertisedBy(near, vm.mac)
  const before = await far.vtysh(SHOW_ROUTES)
  const early = macIpLines(before, vm)
  if (early.length > 0) throw new Error(`${far.name} has MAC+IP routes before ${vm.name} has said anything: ${before}`)
  stage.command(`n2# ${SHOW_ROUTES}`, quiet(stage, before))

  await using nearNeighbors = await near.monitor('neigh')
  await announce(stage, fabric)

  stage.scene('After: the same command shows MAC+IP routes')
  const after = await far.vtysh(SHOW_ROUTES)
  const learned = macIpLines(after, vm)
  if (learned.length !== 2) throw new Error(`${far.name} has ${learned.length} MAC+IP routes of ${vm.name}: ${after}`)
  stage.command(`n2# ${SHOW_ROUTES}`, quiet(stage, after, learned))

  await neighbors(stage, fabric, nearNeighbors)
  await suppression(stage, fabric)

  stage.scene('What macipd says')
  for (const command of ['status', 'bindings']) macipctl(stage, fabric, command)
}

/** Lines of vtysh that show a MAC+IP route of a VM. */
export const macIpLines = (output: string, { mac }: { mac: string }): string[] =>
  output.split('\n').filter((line) => line.includes(`:[${mac}]:[`))

/** vtysh's output with its legend in the background and the new lines in front. */
function quiet({ paint }: Stage, output: string, highlighted: readonly string[] = []): string {
  const lines = output.trimEnd().split('\n')
  const table = lines.findIndex((line) => line.trimStart().startsWith('Network'))
  return lines
    .map((line, index) => {
      if (highlighted.includes(line)) return paint('green', paint('bold', line))
      return index < table && line !== '' ? paint('dim', line) : line
    })
    .join('\n')
}

/** Runs a command of the host in a space of the lab and shows both. */
async function shell(stage: Stage, { lab }: Fabric, where: string, command: string): Promise<string> {
  const output = (await lab.spaces.get(where)?.exec(command.split(' '))) ?? ''
  stage.command(`root@${where}:~# ${command}`, output.trimEnd())
  return output
}

async function announce(stage: Stage, fabric: Fabric): Promise<void> {
  const { vm, far } = fabric
  stage.scene('vm1 sends two frames: an ARP announcement and a neighbour advertisement')
  await record(fabric, true)
  await using farNeighbors = await far.monitor('neigh')
  const sources = { fabric, farNeighbors }
  const arp = await follow(sources, vm.ipv4, arpAnnouncement(vm))
  const nd = await follow(sources, vm.ipv6, neighborAdvertisement(vm))
  await record(fabric, false)

  const ms = (after: number | undefined): string =>
    after === undefined ? '' : after < 1 ? '<1' : String(Math.round(after))
  stage.table(
    ['MS SINCE THE FRAME LEFT VM1', { title: 'ARP', right: true }, { title: 'ND', right: true }, 'SEEN IN'],
    arp.map(({ what, how, after }, index) => [what, ms(after), ms(nd[index]?.after), how]),
  )
  const [ofArp, ofNd] = [arp, nd].map((moments) =>
    between(moments, "MACIP_ADD heard by n1's bgpd", "route sent by n1's bgpd"),
  )
  stage.say(
    'The two were sent one after the other; each time stamp is good to one millisecond. They are',
    "the first frames macipd's young processes see: `npm run bench` measures warm ones.",
    `${ofArp} and ${ofNd} ms of it are n1's bgpd: it collects changes before it processes them.`,
  )
}

async function neighbors(stage: Stage, fabric: Fabric, monitor: Monitor): Promise<void> {
  const { vm } = fabric
  stage.scene('The near node has no kernel neighbour; the far one has what zebra put there')
  const near = await shell(stage, fabric, 'n1', 'ip neigh show dev br0')
  await shell(stage, fabric, 'n2', 'ip neigh show dev br0')
  // the bridge's forwarding entries are shown, too: those are of ports, and have no IP
  const written = monitor.lines.filter((line) => line.includes(vm.mac) && line.includes('dev br0'))
  if (near !== '' || written.length > 0)
    throw new Error(`n1 has or had kernel neighbours:\n${[near, ...written].join('\n')}`)
  stage.say(`\`ip monitor neigh\` ran on n1 since before vm1 spoke and saw none for ${vm.mac}.`)
}

async function suppression(stage: Stage, fabric: Fabric): Promise<void> {
  const { vm } = fabric
  stage.scene("The far VM's ARP requests and neighbour solicitations are answered locally")
  const outcomes = await askAcross(fabric, NOBODY)
  stage.table(
    ['VM2 ASKS', 'ANSWER AT VM2', { title: 'FRAMES AT VM1', right: true }],
    outcomes.map(({ protocol, ip, answer, crossed }) => [
      `${protocol.padEnd(3)} who has ${ip}?`,
      answer === undefined ? 'none' : `${ip} is at ${answer}`,
      String(crossed),
    ]),
  )
  for (const { ip, answer, crossed } of outcomes) {
    const known = ip === vm.ipv4 || ip === vm.ipv6
    if (known ? answer !== vm.mac || crossed !== 0 : answer !== undefined || crossed === 0)
      throw new Error(`the question for ${ip} was answered with ${answer ?? 'nothing'} and crossed ${crossed} times`)
  }
  stage.say(
    "The kernel of n2 answered (neigh_suppress), and nothing arrived on vm1's wire. The last two",
    `are the control experiment: nobody has ${NOBODY.ipv4} or ${NOBODY.ipv6}, so these questions`,
    'do cross the tunnel. They were asked after the others, which had their chance to arrive.',
  )
}

/** macipctl itself, on this process's standard output. */
function macipctl(stage: Stage, { near }: Fabric, command: string): void {
  stage.say(stage.paint('bold', `root@n1:~# macipctl ${command}`))
  const argv = [MACIPCTL, command, ...controlSockets(near)]
  const { status, error } = spawnSync(process.execPath, argv, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`macipctl ${command} failed: ${error ? reason(error) : `exit code ${status}`}`)
}
