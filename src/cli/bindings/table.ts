// Selects, sorts and renders the rows of `macipctl bindings`.
import { parseIp } from '../../base/address.js'
import { duration, type Paint, table, type Style } from '../text.js'
import type { BindingReport } from '../report.js'

export type Filter = { vni?: number; state?: string; port?: string; ip?: string; mac?: string }

/** Returns the bindings that match everything the filter names, sorted by VNI and address. */
export function select(bindings: readonly BindingReport[], { vni, state, port, ip, mac }: Filter): BindingReport[] {
  const matching = bindings.filter(
    (it) =>
      (vni === undefined || it.vni === vni) &&
      (state === undefined || it.state === state) &&
      (port === undefined || it.port === port) &&
      (ip === undefined || it.ip === ip) &&
      (mac === undefined || it.mac === mac),
  )
  return matching
    .map((binding) => ({ binding, key: parseIp(binding.ip) ?? Buffer.alloc(0) }))
    .sort((a, b) => a.binding.vni - b.binding.vni || a.key.length - b.key.length || a.key.compare(b.key))
    .map(({ binding }) => binding)
}

const STATE_STYLES: Readonly<Record<string, Style>> = {
  pending: 'yellow',
  contested: 'yellow',
  duplicate: 'red',
  remote: 'dim',
}

export function renderBindings(bindings: readonly BindingReport[], now: number, paint: Paint): string {
  const columns = [
    { title: 'VNI', right: true },
    { title: 'IP' },
    { title: 'MAC' },
    { title: 'PORT' },
    { title: 'VLAN', right: true },
    { title: 'STATE' },
    { title: 'WHY' },
    { title: 'SEQ', right: true },
    { title: 'SEEN', right: true },
    { title: 'KNOWN', right: true },
    { title: 'BY' },
  ] as const
  const since = (time: number): string => (time === 0 ? '' : duration(now - time))
  const rows = bindings.map((it) => ({
    cells: [
      String(it.vni),
      it.ip,
      it.mac,
      it.port,
      it.vlan === 0 ? '' : String(it.vlan),
      it.state,
      it.reason === it.state ? '' : it.reason,
      String(it.seq),
      since(it.lastSeen),
      since(it.firstSeen),
      it.router ? `${it.evidence}, router` : it.evidence,
    ],
    style: STATE_STYLES[it.state],
  }))
  return `${table(columns, rows, paint).join('\n')}\n`
}
