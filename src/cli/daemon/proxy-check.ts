// What `macipd proxy --check` says of a configuration. Passwords are not shown.
import { administratorText } from '../../bgp/administrator.js'
import type { ProxyOptions, ProxySettings } from '../../config/options.js'
import { count } from '../text.js'

/** A configuration as people read it; the text ends with a newline. */
export function renderProxy(options: ProxyOptions): string {
  const { settings } = options
  const { routes, policy, watch, sourceAddresses } = settings
  const { from, limit } = policy.discover
  const looks = watch.interfaces.join(', ')
  return [
    `AS ${routes.localAs}, router id ${routes.routerId}, from ${sourceAddresses.join(' and ')}`,
    ...settings.neighbors.map((neighbor) => `neighbor ${neighborText(neighbor)}`),
    ...[...routes.vnis].flatMap(([vni, route]) => {
      const targets = route.routeTargets.map(administratorText).join(' ')
      const vteps = [...(policy.vnis.get(vni)?.vteps ?? [])]
      return [
        `VNI ${vni}: RD ${routes.routerId}:${route.index}, RT ${targets}, ${count(vteps.length, 'VTEP')} configured`,
        ...vteps.map(([vtep, hosts]) => `  ${vtep}: ${hostsText(hosts)}`),
      ]
    }),
    from === undefined
      ? 'finds no other VTEPs'
      : `finds up to ${limit} other VTEPs in a VNI, in ${discovered(settings).join(', ')}`,
    looks === ''
      ? 'looks at no packets: announces configured hosts only'
      : `looks at UDP ${watch.ports.join(', ')} on ${looks}; announces ${policy.learnIp ? 'MACs and IPs' : 'MACs'}`,
    `withdraws what is silent for ${policy.ageMs / 1000} s, ${settings.probes === 'send' ? 'after probes' : 'without probes'}`,
    options.stateFile === undefined ? 'keeps nothing over a restart' : `keeps hosts in ${options.stateFile}`,
    '',
  ].join('\n')
}

function neighborText({ name, localAs, peerAs, holdTime, dial }: ProxySettings['neighbors'][number]): string {
  const kind = localAs === peerAs ? 'iBGP' : 'eBGP'
  const password = dial.key === undefined ? 'without a password' : 'with a password'
  return `${name}: AS ${peerAs} (${kind}), hold time ${holdTime} s, ${password}`
}

const hostsText = (hosts: readonly { readonly ips: readonly string[] }[]): string =>
  `${count(hosts.length, 'host')} with ${count(hosts.flatMap(({ ips }) => ips).length, 'IP')}`

/** What of the watched prefixes is no configured VTEP. */
function discovered({ policy, watch }: ProxySettings): string[] {
  const configured = new Set([...policy.vnis.values()].flatMap(({ vteps }) => [...vteps.keys()]))
  const isSingle = ({ ip, length }: { ip: string; length: number }): boolean => length === (ip.includes(':') ? 128 : 32)
  return watch.sources
    .filter((prefix) => !(isSingle(prefix) && configured.has(prefix.ip)))
    .map(({ ip, length }) => `${ip}/${length}`)
}

/** A configuration as programs read it. Durations are in milliseconds, but where BGP has seconds. */
export function proxyToJson(options: ProxyOptions): object {
  const { settings, control, snoop, stateFile, stateAgeMs, warnings } = options
  const { routes, policy, watch, probes, sourceAddresses } = settings
  const { learnIp, ageMs, staleMs, probeRate, duplicates, limits, discover } = policy
  return {
    ...{ control, snoop, stateFile: stateFile ?? null, stateAgeMs },
    ...{ as: routes.localAs, routerId: routes.routerId, mark: routes.mark, sourceAddresses },
    neighbors: settings.neighbors.map(({ name, peerAs, holdTime, restartTime, dial }) => ({
      ...{ name, address: dial.address, port: dial.port, source: dial.source },
      ...{ as: peerAs, holdTime, restartTime, hasPassword: dial.key !== undefined },
    })),
    vnis: [...routes.vnis].map(([vni, { index, routeTargets }]) => ({
      ...{ vni, rd: `${routes.routerId}:${index}`, routeTargets: routeTargets.map(administratorText) },
      vteps: [...(policy.vnis.get(vni)?.vteps ?? [])].map(([vtep, hosts]) => ({ vtep, hosts })),
    })),
    discover: { from: discovered(settings), limit: discover.limit },
    ...{ learnIp, ageMs, staleMs, probes, duplicates, limits },
    probeRate: { perVtep: probeRate.perPort, total: probeRate.total },
    watch: { ...watch, sources: watch.sources.map(({ ip, length }) => `${ip}/${length}`) },
    warnings,
  }
}
