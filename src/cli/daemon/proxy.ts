// `macipd proxy`: reads its options and starts the proxy, or shows what it would do.
import { Command, Option } from 'commander'
import { ExitCode, FatalError } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import { createLogger } from '../../os/log.js'
import { loadConfig } from '../../config/file.js'
import { PROXY_FILE_ONLY } from '../../config/help.js'
import { helpOf } from '../../config/keys.js'
import type { ProxyOptions } from '../../config/options.js'
import type { ProxyArguments } from '../../config/proxy/settings.js'
import { EXIT_CODES } from '../command.js'
import { type Io, print } from '../io.js'
import { json } from '../options.js'
import { endOnDefect, ofDaemon } from './options.js'
import { proxyToJson, renderProxy } from './proxy-check.js'

/** Runs until the process is to end; `reload` reads the configuration again, and rejects if it is wrong. */
export type RunProxy = (options: ProxyOptions, reload: () => Promise<ProxyOptions>, log: Logger) => Promise<void>

/** Loaded only if it is wanted. */
const start: RunProxy = async (...given) => {
  const { runProxy } = await import('../../proxy/main.js')
  await runProxy(...given)
}

export const proxyCommand = (io: Io, runProxy = start): Command =>
  ofDaemon(new Command('proxy'), io)
    .summary('announce hosts behind VTEPs that speak no BGP')
    .description(
      `Announces EVPN routes on behalf of static VXLAN tunnel ends (VTEPs), so that other nodes need no flood list and no static entry for them: a Type-3 route for each VTEP, and Type-2 routes for the hosts behind it, which it learns from the frames of the underlay or has from the configuration.

It dials BGP speakers, such as a route reflector, and takes back what it announced for a VTEP that begins to speak EVPN itself. Several proxies may serve the same VTEPs.

Its section of the configuration file is needed: as, routerId, source, neighbors and vnis. SIGHUP reads it again; sessions to neighbours that are still the same go on.`,
    )
    .option('--control <path>', helpOf('proxy.control'))
    .option('--snoop <path>', helpOf('proxy.snoop'))
    .option('--state <path>', helpOf('proxy.state'))
    .option('--check', 'read the configuration, show what it means, and start nothing')
    .addOption(new Option('--json', 'with --check: print JSON, durations in milliseconds'))
    .addHelpText(
      'after',
      `
${PROXY_FILE_ONLY}
${EXIT_CODES}

Example:
  macipd proxy --check --config new.yaml`,
    )
    .action(async (given: ProxyArguments & { config?: string; check?: true; json?: true }) => {
      if (given.json && !given.check) throw new FatalError(ExitCode.usage, '--json: only with --check')
      const { proxyOptions } = await import('../../config/proxy/settings.js')
      const load = async (): Promise<ProxyOptions> => proxyOptions(given, await loadConfig(given.config))
      const options = await load()
      if (given.check) {
        for (const warning of options.warnings) io.stderr.write(`macipd: ${warning}\n`)
        print(io, given.json ? json(proxyToJson(options)) : renderProxy(options))
        return
      }
      const log = createLogger('macipd-proxy', options.logLevel)
      endOnDefect(log, io)
      const warned = (loaded: ProxyOptions): ProxyOptions => {
        for (const warning of loaded.warnings) log.warn(warning)
        return loaded
      }
      await runProxy(warned(options), async () => warned(await load()), log)
    })
