// `macipctl metrics` prints the state of relay and snooper for Prometheus.
import { Command } from 'commander'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { ExitCode, FatalError, reason } from '../../base/exit.js'
import { loadConfig } from '../../config/file.js'
import type { Io } from '../io.js'
import { print } from '../io.js'
import { type Common, ofBothPlain, sockets } from '../options.js'
import { nothingAnswers } from '../queries.js'
import { countDifferences, measure } from './collect.js'
import { renderFamilies } from './exposition.js'
import { familiesOf } from './metrics.js'

type Options = Omit<Common, 'json'> & { output?: string; perPort?: true; check: boolean }

export const metricsCommand = (io: Io): Command =>
  ofBothPlain(new Command('metrics'), io)
    .option('--output <file>', 'write a file, which is complete at any time, instead of printing')
    .option('--per-port', 'with metrics of each port (default: metrics.perPort of the configuration)')
    .option('--no-check', 'do not compare what zebra says with what it programs, as macipctl check does')
    .summary('what Prometheus reads')
    .description(
      'Prints the state of relay and snooper as metrics for Prometheus (docs/metrics.md), such as for the textfile collector of node_exporter. What a process that does not answer would say is left out.',
    )
    .addHelpText(
      'after',
      `
Exit codes: 0 done; 7 nothing answers at all, and the metrics say so

Example:
  macipctl metrics --output /var/lib/prometheus/node-exporter/macipd.prom`,
    )
    .action(async (given: Options) => {
      const asked = await sockets(given)
      const perPort = given.perPort ?? (await loadConfig(given.config)).metrics?.perPort ?? false
      const measured = await measure(asked)
      const differences = given.check ? await countDifferences(measured) : undefined
      const text = renderFamilies(familiesOf({ ...measured, differences, perPort }))
      if (given.output === undefined) print(io, text)
      else replaceFile(given.output, text)
      if (!measured.relay.running && !measured.snooper.running) throw nothingAnswers(asked.relay, asked.snoop)
    })

/** A reader of the file finds the old text or the new one. Throws FatalError (usage) if it cannot be written. */
function replaceFile(path: string, text: string): void {
  // the textfile collector reads only names that end in .prom
  const unfinished = `${path}.${process.pid}`
  try {
    writeFileSync(unfinished, text, { mode: 0o644, flag: 'wx' })
    renameSync(unfinished, path)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw new FatalError(ExitCode.usage, `${path} cannot be written: ${reason(error)}`, { cause: error })
  }
}
