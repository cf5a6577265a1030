// `npm run bench`: measures, and says where the targets are missed. Not a test: the exit code says only whether it ran.
import { Argument, Command, Option } from 'commander'
import { configured, run } from '../src/cli/command.js'
import { processIo } from '../src/cli/io.js'
import { makeReady, type Release, RELEASES } from '../lab/frr.js'
import { requireRoot } from '../lab/lab.js'
import { benchBindings } from './bindings.js'
import { benchBpf } from './bpf.js'
import { benchBurst } from './burst.js'
import { benchFar } from './far.js'
import { benchFpm } from './fpm.js'
import { benchInstalled } from './installed.js'
import { benchLatency } from './latency.js'
import type { Context, Measurement } from './measurement.js'
import { benchMemory } from './memory.js'
import { benchOutage } from './outage.js'
import { benchPorts } from './ports.js'
import { benchRelay } from './relay.js'
import { benchRoutes } from './routes.js'
import { benchFailover } from './failover.js'
import { benchStale } from './stale.js'
import { benchSteady } from './steady.js'
import { benchZapi } from './zapi.js'
import { describeMachine, jsonReport, type Result, tableReport } from './report.js'

type Benchmark = {
  about: string
  /** Whether it runs a fabric of real FRR daemons. */
  frr: boolean
  run: (context: Context) => Promise<Measurement[]>
}

const BENCHMARKS = new Map<string, Benchmark>([
  ['latency', { about: 'frame on a VM port → MACIP_ADD written to bgpd', frr: true, run: benchLatency }],
  ['far', { about: 'frame → neighbour at the far node, against kernel neighbours', frr: true, run: benchFar }],
  ['burst', { about: '5,000 hosts at once → far node, against kernel neighbours', frr: true, run: benchBurst }],
  ['ebpf', { about: 'what the eBPF program costs each frame', frr: false, run: benchBpf }],
  [
    'bindings',
    { about: '100,000 bindings: memory, restarts, probes; 40,000 to a new bgpd', frr: true, run: benchBindings },
  ],
  ['steady', { about: '20,000 ARP/s of known hosts', frr: true, run: benchSteady }],
  ['failover', { about: 'an address or a VM moves, between ports and nodes', frr: true, run: benchFailover }],
  ['stale', { about: 'zebra ends, 5,000 hosts leave: how long the far node keeps them', frr: true, run: benchStale }],
  ['ports', { about: 'how fast the map of ports follows the kernel', frr: false, run: benchPorts }],
  ['memory', { about: 'resident memory of each process, idle', frr: true, run: benchMemory }],
  [
    'installed',
    { about: 'the packages on Debian 12 and 13: power-on, start, memory, macipctl', frr: false, run: benchInstalled },
  ],
  ['routes', { about: '200,000 routes from bgpd to zebra, with and without the relay', frr: true, run: benchRoutes }],
  ['fpm', { about: '200,000 routes from zebra to the FPM listener, against a sink', frr: true, run: benchFpm }],
  ['relay', { about: 'what the relay adds to a frame', frr: false, run: benchRelay }],
  ['outage', { about: 'how long bytes wait when a process of the relay dies or hangs', frr: false, run: benchOutage }],
  ['zapi', { about: 'what scanning, decoding and showing ZAPI frames costs', frr: false, run: benchZapi }],
])
const names = [...BENCHMARKS.keys()]
const width = Math.max(...names.map((name) => name.length))

async function bench(chosen: readonly string[], { json, frr }: { json: boolean; frr: Release }): Promise<void> {
  requireRoot()
  const todo = [...BENCHMARKS].filter(([name]) => chosen.length === 0 || chosen.includes(name))
  const withFrr = todo.some(([, benchmark]) => benchmark.frr)
  if (withFrr) makeReady(frr)
  const machine = describeMachine(withFrr ? frr : undefined)
  const results: Result[] = []
  for (const [name, benchmark] of todo) {
    const progress = (what: string): void => {
      process.stderr.write(`bench: ${name}: ${what}\n`)
    }
    progress(benchmark.about)
    const started = performance.now()
    for (const measurement of await benchmark.run({ frr, progress })) results.push({ benchmark: name, ...measurement })
    progress(`done after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  }
  process.stdout.write(json ? jsonReport(machine, results) : tableReport(machine, results))
}

const io = processIo()
const program = configured(new Command('bench'), io)
  .usage('[NAME…] [--json] [--frr RELEASE]')
  .description(
    `Measures macipd with real FRR daemons in network namespaces of this machine; nothing else on it is touched.
Needs root. Values depend on the machine and on what else it does: compare those of one run, or of quiet machines.`,
  )
  .addArgument(new Argument('[NAME...]', 'what to measure; without a name everything, in minutes').choices(names))
  .option('--json', 'one JSON object instead of the table', false)
  .addOption(new Option('--frr <release>', 'FRR release of all nodes').choices(RELEASES).default('8.4'))
  .addHelpText(
    'after',
    `
Names:
${[...BENCHMARKS].map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`).join('\n')}

Progress goes to standard error, the result to standard output. A target that is missed is marked there and does not
change the exit code: 0 measured, 1 a benchmark failed, 2 wrong option or name, 3 not root.

Examples:
  npm run bench
  npm run bench -- latency far --frr 10.7
  npm run --silent bench -- --json > results.json`,
  )
  .action(bench)

process.exitCode = await run(program, process.argv.slice(2), io)
