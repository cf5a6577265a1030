#!/usr/bin/env node
// The command `macipd`: reads what it is told and starts one of the two processes.
import { Command, InvalidArgumentError, Option } from 'commander'
import { frrRelease, FRR_RELEASES } from '../zapi/releases.js'
import {
  configured,
  durationArgument,
  EXIT_CODES,
  pathspaceOption,
  recentSizeArgument,
  run,
  withVersion,
} from '../cli/command.js'
import { DEFAULT_CONFIG, loadConfig } from '../config/file.js'
import { ExitCode, reason } from '../base/exit.js'
import { createLogger, LOG_LEVELS, type Logger } from '../base/log.js'
import { DEFAULTS, type RelayArguments, relayOptions, type SnoopArguments, snoopOptions } from '../config/settings.js'
import { FILE_ONLY } from '../config/help.js'
import { type Endpoint, ENDPOINT_EXPECTED, parseEndpoint } from '../config/values.js'

const seconds = (ms: number): string => `${ms / 1000}s`
const releases = FRR_RELEASES.map(({ name }) => name).join(', ')

function releaseArgument(name: string): string {
  if (frrRelease(name) === undefined) throw new InvalidArgumentError(`Known are ${releases}.`)
  return name
}

function fpmArgument(text: string, before: readonly (Endpoint | 'none')[] = []): readonly (Endpoint | 'none')[] {
  const endpoint = text === 'none' ? text : parseEndpoint(text)
  if (endpoint === undefined) throw new InvalidArgumentError(`Expected ${ENDPOINT_EXPECTED}, or none.`)
  return [...before, endpoint]
}

/** Options that come from the file too have no default here: what was not said must stay unsaid. */
const common = (command: Command): Command =>
  configured(command)
    .option('--config <file>', `configuration file (default: ${DEFAULT_CONFIG}, if it exists)`)
    .addOption(pathspaceOption())
    .addOption(
      new Option('--log-level <level>', `least important messages logged (default: ${DEFAULTS.logLevel})`).choices(
        LOG_LEVELS,
      ),
    )

const relay = common(new Command('relay'))
  .summary('stand between bgpd and zebra and announce MAC-IPs besides zebra’s own')
  .description(
    `Stands between bgpd and zebra: passes everything through unchanged and adds the MAC-IPs that the snooper wants announced to what zebra says.

bgpd must be started after it, with -z and the path of --listen. Run it as zebra's user. If it ends, bgpd loses zebra.`,
  )
  .option('--listen <path>', 'socket that bgpd connects to (default: /run/macipd[/NAME]/zserv.api)')
  .option('--zebra <path>', "zebra's socket (default: /run/frr[/NAME]/zserv.api)")
  .option('--control <path>', 'control socket for snooper and macipctl (default: /run/macipd[/NAME]/relay.sock)')
  .option('--run-dir <dir>', 'directory of the journal (default: /run/macipd[/NAME])')
  .option(
    '--stale-time <duration>',
    `how long entries stay announced without a snooper (default: ${seconds(DEFAULTS.staleMs)})`,
    durationArgument,
  )
  .option(
    '--zebra-timeout <duration>',
    `how long to wait for zebra at the start (default: ${seconds(DEFAULTS.zebraTimeoutMs)})`,
    durationArgument,
  )
  .option(
    '--recent <size>',
    `memory for recent messages, which macipctl zapi dump shows; 0 keeps none (default: ${DEFAULTS.recentBytes >> 20}M)`,
    recentSizeArgument,
  )
  .option('--frr-release <X.Y>', `insist on this release instead of recognising it: ${releases}`, releaseArgument)
  .addHelpText(
    'after',
    `${EXIT_CODES}

Example:
  macipd relay --zebra-timeout 60s &
  bgpd -z /run/macipd/zserv.api ...`,
  )
  .action(async (given: RelayArguments & { config?: string }) => {
    const options = relayOptions(given, loadConfig(given.config))
    const log = createLogger('macipd-relay', options.logLevel)
    endOnDefect(log)
    const { runKeeper } = await import('../relay/keeper.js')
    await runKeeper(options, log)
  })

const snoop = common(new Command('snoop'))
  .summary('learn MAC-IPs from ARP and ND on bridge ports')
  .description(
    `Learns which MAC has which IP from the ARP and ND frames on the VM ports of bridges that have a VXLAN device, and tells the relay what to announce. Writes no neighbour, route or FDB entry.

Needs CAP_BPF, CAP_NET_ADMIN and, unless snoop.probes is off, CAP_NET_RAW. If it ends, the relay keeps announcing for its stale time.`,
  )
  .option('--relay <path>', "the relay's control socket (default: /run/macipd[/NAME]/relay.sock)")
  .option('--control <path>', 'control socket for macipctl (default: /run/macipd[/NAME]/snoop.sock)')
  .option(
    '--age <duration>',
    "withdraw a MAC-IP not seen for this long (default: the bridge's ageing time)",
    durationArgument,
  )
  .option(
    '--repeat-interval <duration>',
    `look at the same frame again only after this long (default: ${seconds(DEFAULTS.repeatIntervalMs)})`,
    durationArgument,
  )
  .option('--exclude <glob...>', 'ports never to snoop, such as uplinks: names, with * and ?')
  .option('--observe', 'decide and show everything, announce nothing')
  .option(
    '--state <path>',
    'file that keeps bindings over a restart, or none (default: /var/lib/macipd[/NAME]/bindings)',
  )
  .option(
    '--fpm <address...>',
    "where zebra's FPM module connects, or none (default: 127.0.0.1:2620 and [::1]:2620, if they are free)",
    fpmArgument,
  )
  .addHelpText(
    'after',
    `
${FILE_ONLY}
${EXIT_CODES}

Example:
  macipd snoop --exclude 'bond*' --age 1h`,
  )
  .action(async (given: SnoopArguments & { config?: string }) => {
    const options = snoopOptions(given, loadConfig(given.config))
    const log = createLogger('macipd-snoop', options.logLevel)
    endOnDefect(log)
    const { runSnooper } = await import('../snoop/main.js')
    await runSnooper(options, log)
  })

/** Nobody expected it: say what, and end, so that whoever supervises starts anew. */
function endOnDefect(log: Logger): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ error: reason(error), stack: error.stack }, 'internal error, please report it')
    process.exit(ExitCode.internal)
  })
}

const program = withVersion(configured(new Command('macipd')))
  .addCommand(relay)
  .addCommand(snoop)
  .description('Advertises the MAC-IP bindings seen in ARP and ND on Linux bridges as EVPN Type-2 routes through FRR.')
  .addHelpText(
    'after',
    `${EXIT_CODES}\n\nSee macipd relay --help and macipd snoop --help; macipctl status shows both at work.`,
  )

process.exitCode = await run(program, process.argv)
