// The values that completion takes from the running daemons.
import type { BindingReport } from '../report.js'
import { printable } from '../text.js'
import type { ViewsReport } from '../show/report.js'

/**
 * What is asked for: addresses of hosts on this node, of hosts behind other VTEPs (with these VTEPs), and of both; VTEPs;
 * MAC and IP addresses wherever they are; VNIs; ports.
 */
export const LIVE = ['address', 'remote', 'known', 'vtep', 'mac', 'ip', 'vni', 'port'] as const
export type Live = (typeof LIVE)[number]

/** What the daemons have said in time. */
export type Said = {
  readonly bindings: readonly Pick<BindingReport, 'vni' | 'mac' | 'ip' | 'port'>[]
  readonly views: ViewsReport
  /** Names of the ports that are snooped. */
  readonly ports: readonly string[]
}

/** As many as a person could still look at. */
const MOST = 1000

/** Returns the values that begin so, sorted, each once. */
export function select(what: Live, said: Said, prefix: string): string[] {
  const wanted = prefix.toLowerCase()
  const values = new Set(valuesOf(what, said).filter((value) => value?.toLowerCase().startsWith(wanted) === true))
  return [...values]
    .filter((value) => value !== null)
    .sort(collator.compare)
    .slice(0, MOST)
}

const collator = new Intl.Collator('en', { numeric: true })

function valuesOf(what: Live, { bindings, views, ports }: Said): (string | null)[] {
  const local = [...bindings, ...views.macs]
  const places = [...local, ...views.remote]
  switch (what) {
    case 'address':
      return local.flatMap(({ mac, ip }) => [mac, ip])
    case 'remote':
      return views.remote.flatMap(({ mac, ip, vtep }) => [mac, ip, vtep])
    case 'known':
      return places.flatMap(({ mac, ip }) => [mac, ip])
    case 'vtep':
      return [...views.remote, ...views.vteps].map(({ vtep }) => vtep)
    case 'mac':
      return places.map(({ mac }) => mac)
    case 'ip':
      return places.map(({ ip }) => ip)
    case 'vni':
      return [...views.vnis, ...places].map(({ vni }) => String(vni))
    case 'port':
      return [...ports, ...bindings.map(({ port }) => port)].filter((name) => name !== '' && printable(name) === name)
    default:
      return what satisfies never
  }
}
