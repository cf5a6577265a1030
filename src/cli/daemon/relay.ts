// `macipd relay`: reads its options and starts the keeper.
import { Command, InvalidArgumentError } from 'commander'
import { createLogger } from '../../base/log.js'
import { loadConfig } from '../../config/file.js'
import { DEFAULTS, type RelayArguments, relayOptions } from '../../config/settings.js'
import { frrRelease, FRR_RELEASES } from '../../zapi/releases.js'
import { durationArgument, EXIT_CODES, recentSizeArgument } from '../command.js'
import { common, endOnDefect, seconds } from './options.js'

const releases = FRR_RELEASES.map(({ name }) => name).join(', ')

function releaseArgument(name: string): string {
  if (frrRelease(name) === undefined) throw new InvalidArgumentError(`Known are ${releases}.`)
  return name
}

export const relay = common(new Command('relay'))
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
    const { runKeeper } = await import('../../relay/keeper.js')
    await runKeeper(options, log)
  })
