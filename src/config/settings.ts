// Combines command line, configuration file and defaults, in this order of precedence.
import { basename, dirname, join } from 'node:path'
import { ageProblem } from './age.js'
import { DEFAULTS } from './defaults.js'
import type { Config } from './file.js'
import { ExitCode, FatalError } from '../base/exit.js'
import type { LogLevel } from '../base/log.js'
import type { FpmOptions, MetricsOptions, RelayOptions, SnoopOptions } from './options.js'
import { policyOf, staticsOf } from './policy-settings.js'
import { checkSocketPath } from '../os/unix-socket.js'
import { type Endpoint, isAbsolutePath } from './values.js'

/** Values of the command line, undefined if not given. Durations are in milliseconds. */
export type CommonArguments = { pathspace?: string; logLevel?: LogLevel }
export type RelayArguments = CommonArguments & {
  listen?: string
  zebra?: string
  control?: string
  runDir?: string
  staleTime?: number
  frrRelease?: string
  recent?: number
  takeOver?: boolean
}
export type SnoopArguments = CommonArguments & {
  relay?: string
  control?: string
  age?: number
  repeatInterval?: number
  exclude?: string[]
  observe?: boolean
  state?: string
  fpm?: readonly (Endpoint | 'none')[]
}

/** Returns the paths that follow from FRR's pathspace (-N), which adds a directory. */
export function defaultPaths(pathspace: string | undefined): {
  runDir: string
  zebra: string
  listen: string
  relayControl: string
  snoopControl: string
  state: string
  proxyControl: string
  proxyState: string
} {
  const runDir = join(DEFAULTS.runDir, pathspace ?? '')
  return {
    runDir,
    zebra: join(DEFAULTS.zebraDir, pathspace ?? '', 'zserv.api'),
    listen: join(runDir, 'zserv.api'),
    relayControl: join(runDir, 'relay.sock'),
    snoopControl: join(runDir, 'snoop.sock'),
    state: join(DEFAULTS.stateDir, pathspace ?? '', 'bindings'),
    proxyControl: join(runDir, 'proxy.sock'),
    proxyState: join(DEFAULTS.stateDir, pathspace ?? '', 'proxy'),
  }
}

/** Returns the path space whose zebra has its socket at a path; undefined if it is no default path of one. */
export function pathspaceOf(zebra: string): string | undefined {
  const name = basename(dirname(zebra))
  return defaultPaths(name).zebra === zebra ? name : undefined
}

/** Throws FatalError (usage) for paths that are no valid socket paths or occur twice. */
export function relayOptions(
  given: RelayArguments,
  { pathspace, relay = {}, frr = {}, log = {} }: Config,
): RelayOptions {
  const paths = defaultPaths(given.pathspace ?? pathspace)
  const options = {
    listen: given.listen ?? relay.listen ?? paths.listen,
    zebra: given.zebra ?? relay.zebra ?? paths.zebra,
    control: given.control ?? relay.control ?? paths.relayControl,
    runDir: given.runDir ?? relay.runDir ?? paths.runDir,
    staleMs: given.staleTime ?? relay.staleTime ?? DEFAULTS.staleMs,
    frrRelease: given.frrRelease ?? frr.release,
    recentBytes: given.recent ?? relay.recent ?? DEFAULTS.recentBytes,
    takeOver: given.takeOver ?? false,
    logLevel: given.logLevel ?? log.level ?? DEFAULTS.logLevel,
  }
  for (const name of ['listen', 'zebra', 'control'] as const) checkSocketPath(options[name], name)
  if (!options.runDir.startsWith('/')) {
    throw new FatalError(ExitCode.usage, `run directory: ${options.runDir} is not an absolute path`)
  }
  allDifferent({ listen: options.listen, zebra: options.zebra, control: options.control })
  return options
}

/** Throws FatalError (usage) in the same cases as `relayOptions`. `metrics` is undefined if Prometheus is not answered. */
export function snoopOptions(
  given: SnoopArguments,
  { pathspace, snoop = {}, fpm = {}, log = {}, relay = {}, metrics = {} }: Config,
): SnoopOptions & { metrics: MetricsOptions | undefined } {
  const paths = defaultPaths(given.pathspace ?? pathspace)
  const state = given.state ?? snoop.state ?? paths.state
  const options = {
    relay: given.relay ?? snoop.relay ?? relay.control ?? paths.relayControl,
    zebra: relay.zebra ?? paths.zebra,
    control: given.control ?? snoop.control ?? paths.snoopControl,
    repeatIntervalMs: given.repeatInterval ?? snoop.repeatInterval ?? DEFAULTS.repeatIntervalMs,
    exclude: given.exclude ?? snoop.exclude ?? [],
    policy: policyOf(given, snoop),
    statics: staticsOf(snoop),
    rate: {
      perSecond: snoop.limits?.rate ?? DEFAULTS.rate.perSecond,
      burst: snoop.limits?.burst ?? DEFAULTS.rate.burst,
    },
    learnNs: (snoop.neighborSolicitations ?? DEFAULTS.neighborSolicitations) === 'learn',
    heedFilters: (snoop.filters ?? DEFAULTS.filters) === 'heed',
    probeSources: snoop.probeSources ?? [],
    stateFile: state === 'none' ? undefined : state,
    stateAgeMs: snoop.stateAge ?? DEFAULTS.stateAgeMs,
    fpm: fpmOptions(given, fpm),
    metrics: metricsOptions(metrics),
    logLevel: given.logLevel ?? log.level ?? DEFAULTS.logLevel,
  }
  for (const name of ['relay', 'control'] as const) checkSocketPath(options[name], name)
  checkStatePath(state)
  const named =
    options.metrics !== undefined && 'path' in options.metrics.listen ? options.metrics.listen.path : undefined
  if (named !== undefined) checkSocketPath(named, 'metrics.listen')
  allDifferent({ relay: options.relay, control: options.control, state, ...(named && { 'metrics.listen': named }) })
  checkAge(options)
  return options
}

function fpmOptions({ fpm: given }: SnoopArguments, fpm: NonNullable<Config['fpm']>): FpmOptions {
  const endpoints = given?.filter((it) => it !== 'none')
  if (given !== undefined && endpoints !== undefined && given.length > 1 && endpoints.length < given.length)
    throw new FatalError(ExitCode.usage, 'fpm: none and an address at once')
  const listen = endpoints === undefined ? (fpm.listen ?? 'default') : endpoints.length === 0 ? 'none' : endpoints
  const ensure = fpm.ensure ?? false
  if (ensure && listen === 'none')
    throw new FatalError(
      ExitCode.usage,
      'fpm.ensure: zebra cannot be told where to connect, because fpm.listen is none',
    )
  return {
    ...{ listen, ensure },
    allowRemote: fpm.allowRemote ?? false,
    forward: fpm.forward,
    recentBytes: fpm.recent ?? DEFAULTS.recentBytes,
  }
}

const metricsOptions = ({ listen, perPort = false }: NonNullable<Config['metrics']>): MetricsOptions | undefined =>
  listen === undefined ? undefined : { listen, perPort }

/** Throws FatalError (usage) for what is neither an absolute path nor `none`. */
export function checkStatePath(state: string): void {
  if (isAbsolutePath(state) || state === 'none') return
  throw new FatalError(ExitCode.usage, `state: ${state || '""'} is neither an absolute path nor none`)
}

function checkAge({ policy: { ageMs, probes }, repeatIntervalMs }: SnoopOptions): void {
  const problem = ageMs === undefined ? undefined : ageProblem({ ageMs, probes, repeatIntervalMs })
  if (problem !== undefined) throw new FatalError(ExitCode.usage, `age: ${problem}`)
}

/** Throws FatalError (usage) if two names have the same path. */
export function allDifferent(paths: Record<string, string>): void {
  const owners = new Map<string, string>()
  for (const [name, path] of Object.entries(paths)) {
    const other = owners.get(path)
    if (other !== undefined) throw new FatalError(ExitCode.usage, `${other} and ${name} are the same path: ${path}`)
    owners.set(path, name)
  }
}
