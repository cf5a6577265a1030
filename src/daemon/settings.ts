// Puts command line, configuration file and defaults together, in this order of precedence.
import { join } from 'node:path'
import type { Config } from './config.js'
import { ExitCode, FatalError } from './exit.js'
import type { LogLevel } from './log.js'
import type { RelayOptions, SnoopOptions } from './options.js'
import { checkSocketPath } from './unix-socket.js'

/** Values of the command line, undefined where it says nothing. Durations in milliseconds. */
export type CommonArguments = { pathspace?: string; logLevel?: LogLevel }
export type RelayArguments = CommonArguments & {
  listen?: string
  zebra?: string
  control?: string
  runDir?: string
  staleTime?: number
  zebraTimeout?: number
  frrRelease?: string
  recent?: number
}
export type SnoopArguments = CommonArguments & {
  relay?: string
  control?: string
  age?: number
  repeatInterval?: number
  exclude?: string[]
}

export const DEFAULTS = {
  runDir: '/run/macipd',
  zebraDir: '/run/frr',
  staleMs: 300_000,
  zebraTimeoutMs: 10_000,
  recentBytes: 4 << 20,
  ageMs: 1800_000,
  repeatIntervalMs: 30_000,
  linkLocal: 'learn',
  macMismatch: 'refuse',
  logLevel: 'info',
} as const

/** Paths that follow from FRR's path space (-N), which adds a directory. */
export function defaultPaths(pathspace: string | undefined): {
  runDir: string
  zebra: string
  listen: string
  relayControl: string
  snoopControl: string
} {
  const runDir = join(DEFAULTS.runDir, pathspace ?? '')
  return {
    runDir,
    zebra: join(DEFAULTS.zebraDir, pathspace ?? '', 'zserv.api'),
    listen: join(runDir, 'zserv.api'),
    relayControl: join(runDir, 'relay.sock'),
    snoopControl: join(runDir, 'snoop.sock'),
  }
}

/** Throws FatalError (usage) on paths that cannot be a socket's or are named twice. */
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
    zebraTimeoutMs: given.zebraTimeout ?? relay.zebraTimeout ?? DEFAULTS.zebraTimeoutMs,
    frrRelease: given.frrRelease ?? frr.release,
    recentBytes: given.recent ?? relay.recent ?? DEFAULTS.recentBytes,
    logLevel: given.logLevel ?? log.level ?? DEFAULTS.logLevel,
  }
  for (const name of ['listen', 'zebra', 'control'] as const) checkSocketPath(options[name], name)
  if (!options.runDir.startsWith('/')) {
    throw new FatalError(ExitCode.usage, `run directory: ${options.runDir} is not an absolute path`)
  }
  allDifferent({ listen: options.listen, zebra: options.zebra, control: options.control })
  return options
}

/** Throws FatalError (usage), as `relayOptions`. */
export function snoopOptions(
  given: SnoopArguments,
  { pathspace, snoop = {}, log = {}, relay = {} }: Config,
): SnoopOptions {
  const paths = defaultPaths(given.pathspace ?? pathspace)
  const options = {
    relay: given.relay ?? snoop.relay ?? relay.control ?? paths.relayControl,
    control: given.control ?? snoop.control ?? paths.snoopControl,
    ageMs: given.age ?? snoop.age ?? DEFAULTS.ageMs,
    repeatIntervalMs: given.repeatInterval ?? snoop.repeatInterval ?? DEFAULTS.repeatIntervalMs,
    exclude: given.exclude ?? snoop.exclude ?? [],
    linkLocal: snoop.linkLocal ?? DEFAULTS.linkLocal,
    macMismatch: snoop.macMismatch ?? DEFAULTS.macMismatch,
    logLevel: given.logLevel ?? log.level ?? DEFAULTS.logLevel,
  }
  for (const name of ['relay', 'control'] as const) checkSocketPath(options[name], name)
  allDifferent({ relay: options.relay, control: options.control })
  // a host that never falls silent must not age out between two frames that are passed on
  if (options.ageMs < 2 * options.repeatIntervalMs) {
    const [age, repeat] = [options.ageMs / 1000, options.repeatIntervalMs / 1000]
    throw new FatalError(
      ExitCode.usage,
      `age: ${age} s is too short; with a repeat interval of ${repeat} s it must be at least ${2 * repeat} s`,
    )
  }
  return options
}

function allDifferent(paths: Record<string, string>): void {
  const owners = new Map<string, string>()
  for (const [name, path] of Object.entries(paths)) {
    const other = owners.get(path)
    if (other !== undefined) throw new FatalError(ExitCode.usage, `${other} and ${name} are the same path: ${path}`)
    owners.set(path, name)
  }
}
