// What the section `proxy:` may not say at once.
import { DEFAULT_POLICY } from '../../proxy/decision/policy.js'
import { MAX_VNIS } from '../../proxy/bgp/settings.js'
import { ageProblem } from '../age.js'
import type { Contradiction } from '../contradictions.js'
import { DEFAULTS } from '../defaults.js'
import { PROXY_DEFAULTS } from './defaults.js'
import type { ProxySection } from './schema.js'

export function* contradictions(proxy: ProxySection): Generator<Contradiction> {
  const { source, neighbors, discover, vnis, age, probes, repeatInterval } = proxy
  yield* ofNeighbors(neighbors, source)
  for (const [index, { ip }] of (discover?.from ?? []).entries())
    if (!isReachable(ip, source)) yield { keys: ['discover', 'from', index], message: unreachable(ip) }
  const problem = ageProblem({
    ageMs: age ?? DEFAULT_POLICY.ageMs,
    probes: probes ?? PROXY_DEFAULTS.probes,
    repeatIntervalMs: repeatInterval ?? DEFAULTS.repeatIntervalMs,
  })
  if (problem !== undefined) yield { keys: ['age'], message: problem }
  if (vnis.size > MAX_VNIS) {
    const why = 'each needs a number of 16 bits in its route distinguisher'
    yield { keys: ['vnis'], message: `${vnis.size} VNIs, at most ${MAX_VNIS} can be: ${why}` }
  }
  for (const [vni, { vteps }] of vnis) if (vteps !== undefined) yield* ofVni(vni, vteps, source)
}

/** A tunnel and a session are between addresses of one family. */
const isReachable = (ip: string, source: readonly string[]): boolean =>
  source.some((own) => own.includes(':') === ip.includes(':'))

const unreachable = (ip: string): string => `proxy.source has no ${ip.includes(':') ? 'IPv6' : 'IPv4'} address for it`

function* ofNeighbors(neighbors: ProxySection['neighbors'], source: ProxySection['source']): Generator<Contradiction> {
  const seen = new Map<string, number>()
  for (const [index, { address, port = PROXY_DEFAULTS.port }] of neighbors.entries()) {
    const keys = ['neighbors', index, 'address'] as const
    const name = `${address} port ${port}`
    const other = seen.get(name)
    if (other !== undefined) yield { keys, message: `neighbors.${other} is ${name}, too` }
    seen.set(name, index)
    if (!isReachable(address, source)) yield { keys, message: unreachable(address) }
  }
}

type Vteps = NonNullable<ReturnType<ProxySection['vnis']['get']>>['vteps']

function* ofVni(vni: number, vteps: NonNullable<Vteps>, source: ProxySection['source']): Generator<Contradiction> {
  const macs = new Map<string, string>()
  const ips = new Map<string, string>()
  for (const [vtep, { hosts = [] }] of vteps) {
    const keys = ['vnis', `${vni}`, 'vteps', vtep] as const
    if (source.includes(vtep)) yield { keys, message: "is the proxy's own address, see proxy.source" }
    else if (!isReachable(vtep, source)) yield { keys, message: unreachable(vtep) }
    for (const [index, host] of hosts.entries()) {
      const owner = `hosts.${index} of VTEP ${vtep}`
      const at = [...keys, 'hosts', index] as const
      const other = macs.get(host.mac)
      if (other !== undefined) yield { keys: [...at, 'mac'], message: `${other} has ${host.mac} in VNI ${vni}, too` }
      macs.set(host.mac, owner)
      for (const [place, ip] of (host.ips ?? []).entries()) {
        const rival = ips.get(ip)
        if (rival !== undefined) yield { keys: [...at, 'ips', place], message: `${rival} has ${ip} in VNI ${vni}, too` }
        ips.set(ip, owner)
      }
    }
  }
}
