// `macipd relay`: reads its options and starts the keeper.
import { Command, InvalidArgumentError } from 'commander'
import { parseRecentSize, RECENT_SIZE_EXPECTED } from '../../base/size.js'
import { createLogger } from '../../os/log.js'
import { loadConfig } from '../../config/file.js'
import { helpOf } from '../../config/keys.js'
import { type RelayArguments, relayOptions } from '../../config/settings.js'
import { durationArgument, EXIT_CODES, releaseArgument } from '../command.js'
import type { Io } from '../io.js'
import { endOnDefect, ofDaemon } from './options.js'

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
    .option('--listen <path>', helpOf('relay.listen'))
    .option('--zebra <path>', helpOf('relay.zebra'))
    .option('--control <path>', helpOf('relay.control'))
    .option('--run-dir <dir>', helpOf('relay.runDir'))
    .option('--stale-time <duration>', helpOf('relay.staleTime'), durationArgument)
    .option('--recent <size>', helpOf('relay.recent'), recentSizeArgument)
    .option('--frr-release <X.Y>', helpOf('frr.release'), (name) => releaseArgument(name).name)
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
      const options = relayOptions(given, await loadConfig(given.config))
      const log = createLogger('macipd-relay', options.logLevel)
      endOnDefect(log, io)
      const { runKeeper } = await import('../../relay/run-keeper.js')
      await runKeeper(options, log)
    })
