// `macipd relay`: reads its options and starts the keeper.
import { Command, InvalidArgumentError } from 'commander'
import { parseRecentSize, RECENT_SIZE_EXPECTED } from '../../base/size.js'
import { createLogger } from '../../os/log.js'
import { loadConfig } from '../../config/file.js'
import { DEFAULTS, type RelayArguments, relayOptions } from '../../config/settings.js'
import { durationArgument, EXIT_CODES, RELEASE_NAMES, releaseArgument } from '../command.js'
import type { Io } from '../io.js'
import { endOnDefect, ofDaemon, seconds } from './options.js'

function recentSizeArgument(text: string): number {
  const bytes = parseRecentSize(text)
  if (bytes === undefined) throw new InvalidArgumentError(`Expected ${RECENT_SIZE_EXPECTED}.`)
  return bytes
}

export const relayCommand = (io: Io): Command =>
  ofDaemon(new Command('relay'), io)
    .summary('stand between bgpd and zebra and announce MAC-IPs besides zebra’s own')
    .description(
      `Stands between bgpd and zebra: passes everything through unchanged and adds the MAC-IPs that the snooper wants announced to what zebra says.

bgpd must be started after it, with -z and the path of --listen. Run it as zebra's user.

If it is stopped, bgpd loses zebra, unless systemd keeps its descriptors (Type=notify, FileDescriptorStoreMax=), or the next relay takes over (--take-over).`,
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
      '--recent <size>',
      `memory for recent messages, which macipctl zapi dump shows; 0 keeps none (default: ${DEFAULTS.recentBytes >> 20}M)`,
      recentSizeArgument,
    )
    .option(
      '--frr-release <X.Y>',
      `insist on this release instead of detecting it: ${RELEASE_NAMES}`,
      (name) => releaseArgument(name).name,
    )
    .option(
      '--take-over',
      'take the connections over from a relay that runs already, which then ends; FRR does not notice',
    )
    .addHelpText(
      'after',
      `${EXIT_CODES}

Example:
  macipd relay &
  bgpd -z /run/macipd/zserv.api ...`,
    )
    .action(async (given: RelayArguments & { config?: string }) => {
      const options = relayOptions(given, loadConfig(given.config))
      const log = createLogger('macipd-relay', options.logLevel)
      endOnDefect(log, io)
      const { runKeeper } = await import('../../relay/run-keeper.js')
      await runKeeper(options, log)
    })
