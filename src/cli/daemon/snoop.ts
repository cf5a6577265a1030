// `macipd snoop`: reads its options and starts the snooper.
import { Command, InvalidArgumentError } from 'commander'
import type { Logger } from '../../base/log.js'
import { createLogger } from '../../os/log.js'
import { loadConfig } from '../../config/file.js'
import { FILE_ONLY } from '../../config/help.js'
import { helpOf } from '../../config/keys.js'
import type { MetricsOptions, SnoopOptions } from '../../config/options.js'
import { type SnoopArguments, snoopOptions } from '../../config/settings.js'
import { type Endpoint, ENDPOINT_EXPECTED, parseEndpoint } from '../../config/values.js'
import { durationArgument, EXIT_CODES, RELAY_OPTION } from '../command.js'
import type { Io } from '../io.js'
import type { MetricsServer } from '../metrics/server.js'
import { endOnDefect, ofDaemon } from './options.js'

function fpmArgument(text: string, before: readonly (Endpoint | 'none')[] = []): readonly (Endpoint | 'none')[] {
  const endpoint = text === 'none' ? text : parseEndpoint(text)
  if (endpoint === undefined) throw new InvalidArgumentError(`Expected ${ENDPOINT_EXPECTED}, or none.`)
  return [...before, endpoint]
}

export const snoopCommand = (io: Io): Command =>
  ofDaemon(new Command('snoop'), io)
    .summary('learn MAC-IPs from ARP and ND on bridge ports')
    .description(
      `Learns which MAC has which IP from the ARP and ND frames on the VM ports of bridges that have a VXLAN device, and tells the relay what to announce. Writes no neighbour, route or FDB entry.

Needs CAP_BPF, CAP_NET_ADMIN and, unless snoop.probes is off, CAP_NET_RAW. If it ends, the relay keeps announcing for its stale time.`,
    )
    .option(...RELAY_OPTION)
    .option('--control <path>', helpOf('snoop.control'))
    .option('--age <duration>', helpOf('snoop.age'), durationArgument)
    .option('--repeat-interval <duration>', helpOf('snoop.repeatInterval'), durationArgument)
    .option('--exclude <glob...>', helpOf('snoop.exclude'))
    .option('--observe', 'decide and show everything, announce nothing')
    .option('--state <path>', helpOf('snoop.state'))
    .option('--fpm <address...>', helpOf('fpm.listen'), fpmArgument)
    .addHelpText(
      'after',
      `
${FILE_ONLY}
${EXIT_CODES}

Example:
  macipd snoop --exclude 'bond*' --age 1h`,
    )
    .action(async (given: SnoopArguments & { config?: string }) => {
      const { metrics: wanted, ...options } = snoopOptions(given, await loadConfig(given.config))
      const log = createLogger('macipd-snoop', options.logLevel)
      endOnDefect(log, io)
      const { runSnooper } = await import('../../snoop/main.js')
      const metrics = await openMetrics(wanted, options, log)
      try {
        await runSnooper(options, log)
      } finally {
        await metrics?.close()
      }
    })

/** The server asks both processes over their sockets, as `macipctl metrics` does; it is loaded only if it is wanted. */
async function openMetrics(
  metrics: MetricsOptions | undefined,
  { relay, control }: SnoopOptions,
  log: Logger,
): Promise<MetricsServer | undefined> {
  if (metrics === undefined) return undefined
  const { MetricsServer } = await import('../metrics/server.js')
  return MetricsServer.open(metrics, { relay, snoop: control }, log)
}
