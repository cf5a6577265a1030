// `macipctl hook` makes FRR start bgpd with the relay's socket, and says whether bgpd uses it.
import { Command } from 'commander'
import { dirname, join } from 'node:path'
import { configOption, configured, EXIT_CODES, pathspaceOption, RELAY_OPTION } from '../command.js'
import { ExitCode, FatalError } from '../../base/exit.js'
import { type Io, print } from '../io.js'
import { json } from '../options.js'
import { type Hook, withHook, withoutHook } from './block.js'
import { inVtysh, missingLines } from './fpm.js'
import { daemonIn, hasFpmModule } from './processes.js'
import { change, factsOf, type Given, type Place, placeOf } from './place.js'
import { becomesTrue, restartBgpd } from './restart.js'
import { FRR_DAEMONS } from './share.js'
import { describeState, type Facts, hookState } from './state.js'

type OfChange = Given & { dryRun?: true; restartBgpd?: true }

async function install(io: Io, given: OfChange & { fpm?: true }): Promise<void> {
  const place = await placeOf(given)
  const dryRun = given.dryRun === true
  const hook: Hook = { fpm: given.fpm === true, socket: place.isUsualPath ? undefined : place.listen }
  if (!change(io, place, dryRun, (text) => withHook(text, hook, FRR_DAEMONS)))
    print(io, `${place.daemons} has the hook already\n`)
  if (dryRun) return
  if (hook.fpm) await connectFpm(io, place)
  if (given.restartBgpd) await restartThroughRelay(io, place)
  else await sayState(io, place)
}

async function connectFpm(io: Io, { pathspace, zebra: socket, fpmListening }: Place): Promise<void> {
  const zebra = daemonIn(dirname(socket), 'zebra')
  if (zebra === undefined || !hasFpmModule(zebra.words)) {
    print(
      io,
      'zebra gets its FPM module when it starts the next time; then give this command again, or set fpm.ensure: true\n',
    )
    return
  }
  const look = (): ReturnType<typeof missingLines> => missingLines(join(dirname(socket), 'zebra.vty'), fpmListening)
  const missing = await look()
  if ('objection' in missing) {
    print(io, `FPM is not configured: ${missing.objection}\n`)
    return
  }
  if (missing.lines.length > 0) inVtysh(pathspace, 'configure terminal', ...missing.lines, 'end')
  // a thread of zebra's takes them over; before that they are in no file that is written
  const ms = await becomesTrue(async () => {
    const still = await look()
    return 'lines' in still && still.lines.length === 0
  })
  if (ms === undefined)
    throw new FatalError(ExitCode.internal, `zebra has not taken over: ${missing.lines.join('; ')}: see its log`)
  // what zebra has may not be in its file either
  inVtysh(pathspace, 'write memory')
  print(io, 'zebra sends to FPM now, and after its next start\n')
}

async function restartThroughRelay(io: Io, place: Place): Promise<void> {
  const { relay, bgpd } = await factsOf(place)
  if (!relay.running)
    throw new FatalError(
      ExitCode.notRunning,
      `the relay does not answer at ${relay.socket} (${relay.error}), so bgpd is not restarted: systemctl start macipd-relay`,
    )
  if (bgpd === undefined) {
    print(io, 'bgpd does not run: there is nothing to restart\n')
    return
  }
  print(io, 'restarting bgpd: about 3 s without BGP routes\n')
  restartBgpd(place.pathspace)
  const ms = await becomesTrue(async () => hookState(await factsOf(place)) === 'relayed')
  if (ms === undefined) throw notRelayed(await factsOf(place))
  await sayState(io, place)
}

async function sayState(io: Io, place: Place): Promise<void> {
  const facts = await factsOf(place)
  print(io, `${describeState(hookState(facts), facts)}\n`)
}

const notRelayed = (facts: Facts): FatalError =>
  new FatalError(ExitCode.notRelayed, describeState(hookState(facts), facts))

async function remove(io: Io, given: OfChange): Promise<void> {
  const place = await placeOf(given)
  const dryRun = given.dryRun === true
  if (!change(io, place, dryRun, withoutHook)) print(io, `${place.daemons} has no hook\n`)
  if (dryRun) return
  const { bgpd } = await factsOf(place)
  if (bgpd === undefined) return
  if (given.restartBgpd !== true) {
    print(io, 'bgpd goes on as it is until it is restarted: macipctl hook remove --restart-bgpd\n')
    return
  }
  print(io, 'restarting bgpd: about 3 s without BGP routes\n')
  restartBgpd(place.pathspace)
}

async function status(io: Io, given: Given & { json?: true }): Promise<void> {
  const place = await placeOf(given)
  const facts = await factsOf(place)
  const state = hookState(facts)
  const { hook, bgpd, path, listen } = facts
  if (given.json)
    print(io, json({ state, hook: hook ?? null, daemons: place.daemons, listen, path, bgpdPid: bgpd?.pid ?? null }))
  else {
    const fpm = hook?.fpm === true ? ', with FPM' : ''
    print(io, `${place.daemons} ${hook === undefined ? 'has no hook' : `has the hook${fpm}`}\n`)
    if (state === 'relayed') print(io, `${describeState(state, facts)}\n`)
  }
  if (state !== 'relayed') throw notRelayed(facts)
}

const ofPlace = (command: Command, io: Io): Command =>
  configured(command, io)
    .option(...RELAY_OPTION)
    .addOption(pathspaceOption())
    .addOption(configOption('configuration file that names the sockets'))
    .option('--daemons <file>', 'the file that FRR’s scripts source (default: /etc/frr[/NAME]/daemons)')

const changing = (command: Command, io: Io): Command =>
  ofPlace(command, io)
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--restart-bgpd', 'restart bgpd, so that it takes effect: about 3 s without BGP routes')

const installCommand = (io: Io): Command =>
  changing(new Command('install'), io)
    .option('--fpm', 'also let zebra tell macipd what it programs (docs/fpm.md)')
    .summary('let FRR start bgpd with the relay')
    .description(
      `Adds a marked block to /etc/frr/daemons. Whenever FRR starts bgpd from then on, bgpd gets the relay's socket as that of zebra, as long as the relay or a link to zebra is there.`,
    )
    .action((given: OfChange & { fpm?: true }) => install(io, given))

const removeCommand = (io: Io): Command =>
  changing(new Command('remove'), io)
    .summary('let FRR start bgpd without the relay')
    .description('Takes the block out of /etc/frr/daemons again.')
    .action((given: OfChange) => remove(io, given))

const statusCommand = (io: Io): Command =>
  ofPlace(new Command('status'), io)
    .option('--json', 'print JSON')
    .summary('does bgpd use the relay?')
    .description('Says whether the hook is there, and how bgpd reaches zebra.')
    .addHelpText(
      'after',
      `
Exit codes: 0 through the relay; 11 not, and the message says what to do

JSON: state (relayed, direct, connecting, no-option, other-option or bgpd-not-running), hook, daemons, listen, path (socket,
link or nothing), bgpdPid`,
    )
    .action((given: Given & { json?: true }) => status(io, given))

export const hookCommand = (io: Io): Command =>
  configured(new Command('hook'), io)
    .summary('let FRR start bgpd with the relay')
    .description('Hooks macipd into FRR: bgpd must be started with the socket of the relay (-z).')
    .addHelpText(
      'after',
      `${EXIT_CODES}

Examples:
  macipctl hook install --dry-run
  macipctl hook install --restart-bgpd
  macipctl hook status
  macipctl hook remove --restart-bgpd`,
    )
    .addCommand(installCommand(io))
    .addCommand(removeCommand(io))
    .addCommand(statusCommand(io))
