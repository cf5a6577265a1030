// `npm run lab`: a lab of one's own to play with.
import { Command, CommanderError, Option } from 'commander'
import { ExitCode, FatalError, reason } from '../src/base/exit.js'
import { makeReady, type Release, RELEASES, VNI } from './frr.js'
import { listLabs } from './holder.js'
import { Lab, requireRoot } from './lab.js'

const DEFAULT_NAME = 'lab'

const nameOption = () => new Option('--name <name>', 'name of the lab').default(DEFAULT_NAME)

function hints(lab: Lab): string {
  const name = lab.name === DEFAULT_NAME ? '' : ` --name ${lab.name}`
  const [vm1, vm2] = lab.vms
  const rows = [
    [`npm run lab -- shell n1${name}`, 'the first router: bridge br0, vx100, zebra, bgpd'],
    ['    vtysh -c "show bgp l2vpn evpn"', 'the routes it has'],
    [`    vtysh -c "show evpn mac vni ${VNI}"`, 'the MACs zebra knows'],
    ['    bridge fdb show br br0', 'what the kernel knows'],
    ['    tcpdump -ni fabric', 'the wire between the routers'],
    [`npm run lab -- shell vm1${name}`, `a VM behind it: ${vm1.mac} ${vm1.ipv4} ${vm1.ipv6}`],
    [`    arping -c 1 ${vm2.ipv4}`, 'ask for the other VM'],
    [`    ping -c 1 ${vm2.ipv6}`, 'the same over IPv6'],
    [`npm run lab -- down${name}`, 'take it all away'],
  ]
  const width = Math.max(...rows.map(([command = '']) => command.length))
  return rows.map(([command = '', purpose = '']) => `  ${command.padEnd(width)}   ${purpose}`).join('\n')
}

async function up({ frr, name }: { frr: Release; name: string }): Promise<void> {
  makeReady(frr)
  const started = performance.now()
  const lab = await Lab.start({ frr, name })
  try {
    await lab.startFrr()
  } catch (error) {
    await lab.stop()
    throw error
  }
  lab.detach()
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`lab "${name}" with FRR ${frr} is up after ${seconds} s. Try:\n${hints(lab)}`)
}

async function down({ name }: { name: string }): Promise<void> {
  await Lab.find(name).stop()
}

async function shell(where: string, { name }: { name: string }): Promise<void> {
  const lab = Lab.find(name)
  const space = lab.spaces.get(where)
  if (space === undefined)
    throw new FatalError(ExitCode.usage, `lab "${name}" has ${[...lab.spaces.keys()].join(', ')}, but no ${where}`)
  const environment = [
    'PATH=/usr/sbin:/usr/bin:/usr/lib/frr',
    `PS1=${where}:\\w\\$ `,
    `TERM=${process.env['TERM'] ?? 'dumb'}`,
    'HOME=/root',
    'VTYSH_PAGER=less -EFX',
  ]
  const bash = ['env', '-i', ...environment, 'bash', '--norc', '--noprofile']
  process.exitCode = await space.interact(space.inRoot(bash))
}

function list(): void {
  const labs = listLabs()
  if (labs.length === 0) console.log('no lab is up')
  for (const { directory, state } of labs) console.log(`${state.name}  FRR ${state.release}  ${directory}`)
}

const program = new Command('lab')
  .description(
    'Two nodes of an EVPN fabric with real FRR daemons, each with a bridge without\n' +
      'any address and a VM behind it, in network namespaces of this machine.\n' +
      'Nothing else on the machine is touched, and several labs can be up.\n\n' +
      '   vm1 ── tap1 ─ br0 ─ vx100 ── n1 ══ fabric ══ n2 ── vx100 ─ br0 ─ tap2 ── vm2\n' +
      '   10.2.1.11                192.0.2.1      192.0.2.2                10.2.1.12',
  )
  .addHelpText('after', '\nStart with: npm run lab -- up\nThe output of each daemon is in LAB/NODE/log (see list).')
  .exitOverride()
  .hook('preAction', requireRoot)

program
  .command('up')
  .description('start a lab and leave it running until `down`')
  .addOption(new Option('--frr <release>', 'FRR release of both nodes').choices(RELEASES).default('8.4'))
  .addOption(nameOption())
  .action(up)
program.command('down').description('end a lab and remove all of it').addOption(nameOption()).action(down)
program
  .command('shell')
  .description('open a shell in a router or VM of a lab')
  .argument('[where]', 'n1, n2, vm1 or vm2', 'n1')
  .addOption(nameOption())
  .action(shell)
program.command('list').description('show the labs that are up').action(list)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has said why; showing help is no error
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
  } else {
    console.error(`lab: ${reason(error)}`)
    process.exitCode = error instanceof FatalError ? error.exitCode : ExitCode.internal
  }
}
