// `npm run chaos`: macipd and FRR under faults, and an oracle.
import { Command, InvalidArgumentError, Option } from 'commander'
import { ExitCode, FatalError } from '../src/base/exit.js'
import { configured, run as runProgram } from '../src/cli/command.js'
import { processIo } from '../src/cli/io.js'
import { makeReady, type Release, RELEASES } from '../lab/frr.js'
import { requireRoot } from '../lab/lab.js'
import { ChaosFabric } from './fabric.js'
import type { Fault } from './faults/fault.js'
import { FAULTS, KILLS } from './faults/table.js'
import { inOwnMounts } from './mounts.js'
import { type Result, run } from './run.js'
import { usageLines } from './usage.js'
import { kills, type Phase, schedule, stepText } from './schedule.js'

interface Options {
  seed: number
  minutes: number
  phases?: number
  frr: Release
  hosts: number
  routes: number
  ports: number
  rate: number
  wait: number
  kills?: number
  only?: string[]
  list?: true
  frrDebug?: true
  /** `--without-macipd` */
  macipd: boolean
}

const MAX = 1_000_000

const whole = (text: string): number => {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2 ** 32 - 1) throw new InvalidArgumentError('Expected a whole number.')
  return Number(text)
}
const amount = (text: string): number => {
  const value = whole(text)
  if (value < 1 || value > MAX) throw new InvalidArgumentError(`Expected a number from 1 to ${MAX}.`)
  return value
}
const minutes = (text: string): number => {
  const value = Number(text)
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(text) || value === 0) throw new InvalidArgumentError('Expected minutes.')
  return value
}
const names = (text: string): string[] => {
  const chosen = text.split(',')
  const unknown = chosen.find((name) => !FAULTS.has(name))
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no fault ${unknown}; see --help.`)
  return chosen
}

/** The faults that may come. */
function faultsFor({ macipd, only }: Options): Map<string, Fault> {
  const chosen = [...FAULTS].filter(([name, { ofFrr = false }]) => (macipd || ofFrr) && (only?.includes(name) ?? true))
  if (chosen.length === 0) throw new FatalError(ExitCode.usage, 'none of these faults makes sense without macipd')
  // what was named comes, even if it never comes by chance
  return new Map(
    chosen.map(([name, fault]) => [name, only === undefined ? fault : { ...fault, weight: fault.weight || 1 }]),
  )
}

function* first<T>(count: number | undefined, all: Iterable<T>): Generator<T> {
  let left = count ?? Infinity
  for (const each of all) {
    if (left-- <= 0) return
    yield each
  }
}

function phasesFor(options: Options, faults: ReadonlyMap<string, Fault>): Generator<Phase> {
  const { seed, phases } = options
  if (options.kills === undefined) return first(phases, schedule({ seed, kinds: faults }))
  const killing = KILLS.filter((name) => faults.has(name))
  // it comes back as soon as it may
  const kinds = new Map([...faults].map(([name, fault]) => [name, { ...fault, hold: { least: 0, most: 500 } }]))
  return first(phases, kills({ seed, kinds, faults: killing, count: options.kills }))
}

const LISTED = 3

async function chaos(options: Options): Promise<ExitCode> {
  const faults = faultsFor(options)
  const phases = phasesFor(options, faults)
  if (options.list) {
    for (const { number, steps } of first(options.phases ?? LISTED, phases))
      process.stdout.write(`phase ${number}\n${steps.map((step) => `  ${stepText(step)}\n`).join('')}`)
    return ExitCode.ok
  }
  requireRoot()
  makeReady(options.frr)
  // an upgrade may lead to any of them
  if (faults.has('upgrade')) RELEASES.forEach(makeReady)
  const begin = performance.now()
  const progress = (line: string): void => {
    process.stderr.write(`chaos: ${((performance.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${line}\n`)
  }
  progress(`seed ${options.seed}, FRR ${options.frr}, ${options.hosts} hosts, ${options.routes} routes`)
  await using fabric = await ChaosFabric.start(options)
  progress('the fabric is up')
  const until =
    options.phases === undefined && options.kills === undefined ? begin + options.minutes * 60_000 : Infinity
  const result = await run(fabric, { phases, faults, until, agreementMs: options.wait * 1000, progress })
  process.stdout.write(report(options, result, (performance.now() - begin) / 1000))
  if (result.failure === undefined) return ExitCode.ok
  process.stderr.write(result.failure.evidence)
  process.stderr.write(`${fabric.lab.logTails()}\n`)
  return ExitCode.disagreement
}

function report({ seed, frr }: Options, result: Result, seconds: number): string {
  const { phases, faults, operations, agreed, usages, failure } = result
  const rows = [...faults].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `  ${name.padEnd(18)} ${count}`)
  const longest = Math.max(0, ...agreed).toFixed(1)
  const held = usages.flatMap(({ seconds, usages: each }) => [
    `after ${seconds.toFixed(0)} s`,
    ...usageLines(each).map((line) => `  ${line}`),
  ])
  const verdict =
    failure === undefined
      ? [`all agreed every time, after ${longest} s at most`]
      : [`FAILED in phase ${failure.phase}, seed ${seed}, FRR ${frr}:`, ...failure.what.map((line) => `  ${line}`)]
  const total = [...faults.values()].reduce((sum, count) => sum + count, 0)
  const head = `${phases} phases, ${total} faults, ${operations} operations of hosts and routes in ${seconds.toFixed(0)} s`
  return `${[head, ...rows, ...held, ...verdict].join('\n')}\n`
}

const io = processIo()
let exitCode: ExitCode = ExitCode.ok
const width = Math.max(...[...FAULTS.keys()].map((name) => name.length))
const program = configured(new Command('chaos'), io)
  .configureHelp({ commandUsage: () => 'npm run chaos -- [options]' })
  .description(
    `Runs two nodes with real FRR and macipd in network namespaces of this machine, sets hosts and routes in motion, and lets faults come to them in an order that follows from the seed. After each phase it is quiet, and what the kernel, zebra, bgpd and macipd of both nodes show must be what is: nothing stale, nothing missing, no session lost that no fault has ended. Needs root.`,
  )
  .addOption(new Option('--seed <number>', 'which faults, when, and what hosts do').argParser(whole).default(1))
  .addOption(new Option('--minutes <number>', 'no phase begins later').argParser(minutes).default(2))
  .addOption(new Option('--phases <number>', 'so many phases, however long they take').argParser(amount))
  .addOption(new Option('--frr <release>', 'FRR release of both nodes').choices(RELEASES).default('8.4'))
  .addOption(new Option('--hosts <number>', 'hosts in motion').argParser(amount).default(200))
  .addOption(new Option('--routes <number>', 'IPv4 routes, half of them of each node').argParser(amount).default(1000))
  .addOption(new Option('--ports <number>', 'ports of each node').argParser(amount).default(3))
  .addOption(new Option('--rate <number>', 'what hosts and routes do, per second').argParser(amount).default(20))
  .addOption(new Option('--wait <seconds>', 'how long agreement may take').argParser(amount).default(90))
  .addOption(new Option('--only <faults>', 'these faults alone, with commas between').argParser(names))
  .addOption(
    new Option('--kills <number>', 'no faults but so many SIGKILLs of each process of the first node').argParser(
      amount,
    ),
  )
  .option('--without-macipd', 'FRR alone: what goes wrong then is not of macipd')
  .option(
    '--frr-debug',
    "let FRR log what it does with MACs and routes; a difference is shown with both daemons' lines of it",
  )
  .option('--list', 'print the phases, three if --phases is not given, and do nothing')
  .addHelpText(
    'after',
    `
Faults:
${[...FAULTS].map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`).join('\n')}

Progress goes to standard error, the result to standard output. If it fails, the last lines of every log come after it.
A run that failed is repeated with its seed, release, numbers and --phases: faults and motion come in the same order.

Exit codes: 0 all agreed, 9 something did not, 1 internal error, 2 wrong option, 3 not root

Examples:
  npm run chaos
  npm run chaos -- --seed 7 --minutes 60 --hosts 2000 --routes 20000
  npm run chaos -- --seed 7 --phases 3 --list
  npm run chaos -- --kills 100 --frr 10.7`,
  )
  .action(async (options: Omit<Options, 'macipd'> & { withoutMacipd?: true }) => {
    exitCode = await chaos({ ...options, macipd: options.withoutMacipd !== true })
  })

const outer = process.argv.some((word) => ['--list', '--help', '-h'].includes(word)) ? undefined : await inOwnMounts()
process.exitCode = outer ?? ((await runProgram(program, process.argv.slice(2), io)) || exitCode)
