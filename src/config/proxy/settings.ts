// Combines command line, the section `proxy:` and defaults, in this order of precedence.
import type { BlockList } from 'node:net'
import { endpointText } from '../../base/address.js'
import { ExitCode, FatalError } from '../../base/exit.js'
import type { Prefix } from '../../base/prefix.js'
import type { NeighborSettings } from '../../proxy/bgp/neighbor.js'
import { automaticRouteTarget, indexVnis, type RouteSettings } from '../../proxy/bgp/settings.js'
import { DEFAULT_POLICY, type Policy, type VniPolicy } from '../../proxy/decision/policy.js'
import { DEFAULTS } from '../defaults.js'
import type { Config } from '../file.js'
import type { ProxyOptions, WatchOptions } from '../options.js'
import { blockList, duplicatesOf } from '../policy-settings.js'
import { allDifferent, checkStatePath, type CommonArguments, defaultPaths } from '../settings.js'
import { checkSocketPath } from '../../os/unix-socket.js'
import { PROXY_DEFAULTS } from './defaults.js'
import { readPasswordFile } from './password-file.js'
import type { ProxySection } from './schema.js'

/** Values of the command line, undefined if not given. */
export type ProxyArguments = CommonArguments & { control?: string; snoop?: string; state?: string }

/** The least that the section needs, as it can be pasted. */
export const LEAST =
  'proxy: { as: 65000, routerId: 192.0.2.3, source: 192.0.2.3, neighbors: [{ address: 192.0.2.1 }], ' +
  'vnis: { 100: { vteps: { 192.0.2.101: {} } } } }'

/**
 * Reads the files with the neighbours' passwords. Throws FatalError (usage) if there is no section, for paths that are no
 * valid socket paths or occur twice, and for a file without a password.
 */
export function proxyOptions(
  given: ProxyArguments,
  { pathspace, proxy, snoop = {}, log = {} }: Config,
  readPassword = readPasswordFile,
): ProxyOptions {
  if (proxy === undefined)
    throw new FatalError(ExitCode.usage, `the configuration has no section proxy; the least that it needs: ${LEAST}`)
  const paths = defaultPaths(given.pathspace ?? pathspace)
  const state = given.state ?? proxy.state ?? paths.proxyState
  const warnings: string[] = []
  const options = {
    control: given.control ?? proxy.control ?? paths.proxyControl,
    snoop: given.snoop ?? proxy.snoop ?? snoop.control ?? paths.snoopControl,
    stateFile: state === 'none' ? undefined : state,
    stateAgeMs: proxy.stateAge ?? DEFAULTS.stateAgeMs,
    logLevel: given.logLevel ?? log.level ?? DEFAULTS.logLevel,
    settings: {
      policy: policyOf(proxy),
      routes: routesOf(proxy),
      neighbors: neighborsOf(proxy, readPassword, warnings),
      watch: watchOf(proxy),
      probes: proxy.probes ?? PROXY_DEFAULTS.probes,
      sourceAddresses: proxy.source,
    },
    warnings,
  }
  for (const name of ['control', 'snoop'] as const) checkSocketPath(options[name], name)
  checkStatePath(state)
  allDifferent({ control: options.control, snoop: options.snoop, state })
  return options
}

function policyOf({ vnis, discover, learnIp, age, staleTime, probeRate, duplicates, limits }: ProxySection): Policy {
  const usual = DEFAULT_POLICY
  return {
    vnis: new Map([...vnis].map(([vni, { vteps }]) => [vni, vniPolicy(vteps)])),
    discover: { from: listOf(discover?.from ?? []), limit: discover?.limit ?? usual.discover.limit },
    learnIp: learnIp ?? usual.learnIp,
    ageMs: age ?? usual.ageMs,
    staleMs: staleTime ?? usual.staleMs,
    probeRate: {
      perPort: probeRate?.perVtep ?? usual.probeRate.perPort,
      total: probeRate?.total ?? usual.probeRate.total,
    },
    duplicates: duplicatesOf(duplicates, usual.duplicates),
    limits: {
      macsPerVtep: limits?.macsPerVtep ?? usual.limits.macsPerVtep,
      macsPerVni: limits?.macsPerVni ?? usual.limits.macsPerVni,
      ipsPerMac: limits?.ipsPerMac ?? usual.limits.ipsPerMac,
    },
    isDraining: usual.isDraining,
  }
}

const listOf = (prefixes: readonly Prefix[]): BlockList | undefined =>
  prefixes.length === 0 ? undefined : blockList(prefixes)

type VniSection = NonNullable<ReturnType<ProxySection['vnis']['get']>>

const vniPolicy = (vteps: VniSection['vteps'] = new Map()): VniPolicy => ({
  vteps: new Map(
    [...vteps].map(([vtep, { hosts = [] }]) => [
      vtep,
      hosts.map(({ mac, ips = [], sticky = false }) => ({ mac, ips, isSticky: sticky })),
    ]),
  ),
})

function routesOf({ as, routerId, mark, vnis }: ProxySection): RouteSettings {
  const indices = indexVnis(vnis.keys())
  const settings = [...vnis].map(([vni, { routeTargets }]) => {
    const index = indices.get(vni) ?? vni
    return [vni, { index, routeTargets: routeTargets ?? [automaticRouteTarget(as, vni)] }] as const
  })
  return { routerId, localAs: as, mark: mark ?? PROXY_DEFAULTS.mark, vnis: new Map(settings) }
}

function neighborsOf(
  { as, routerId, source, neighbors, restartTime }: ProxySection,
  readPassword: typeof readPasswordFile,
  warnings: string[],
): NeighborSettings[] {
  const keyOf = (path: string, index: number): Buffer => {
    const what = `proxy.neighbors.${index}.passwordFile`
    const { key, isReadableByAll } = readPassword(path, what)
    if (isReadableByAll) warnings.push(`${what}: everyone can read ${path}; its mode should be 0600`)
    return key
  }
  return neighbors.map(({ address, as: peerAs = as, port = PROXY_DEFAULTS.port, passwordFile, holdTime }, index) => ({
    name: port === PROXY_DEFAULTS.port ? address : endpointText({ ip: address, port }),
    dial: {
      ...{ address, port, source: source.find((own) => own.includes(':') === address.includes(':')) },
      key: passwordFile === undefined ? undefined : keyOf(passwordFile, index),
    },
    ...{ localAs: as, peerAs, routerId },
    holdTime: holdTime ?? PROXY_DEFAULTS.holdTime,
    restartTime: restartTime ?? PROXY_DEFAULTS.restartTime,
  }))
}

function watchOf({ interfaces, ports, vnis, discover, repeatInterval, limits }: ProxySection): WatchOptions {
  const vteps = new Set([...vnis.values()].flatMap(({ vteps }) => [...(vteps?.keys() ?? [])]))
  return {
    interfaces: interfaces ?? [],
    ports: ports ?? PROXY_DEFAULTS.ports,
    vnis: [...vnis.keys()],
    sources: [...[...vteps].map((ip) => ({ ip, length: ip.includes(':') ? 128 : 32 })), ...(discover?.from ?? [])],
    repeatIntervalMs: repeatInterval ?? DEFAULTS.repeatIntervalMs,
    rate: {
      perSecond: limits?.rate ?? PROXY_DEFAULTS.rate.perSecond,
      burst: limits?.burst ?? PROXY_DEFAULTS.rate.burst,
    },
  }
}
