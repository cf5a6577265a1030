// Renders `macipctl show fpm` for people.
import type {
  FpmMacReport,
  FpmNexthopReport,
  FpmPathReport,
  FpmRouteReport,
  FpmStatusReport,
  FpmTableReport,
} from './report.js'
import { ago, type Column, count, type Paint, table } from '../text.js'

const right = (title: string): Column => ({ title, right: true })
const number = (value: number | null): string => (value === null ? '' : String(value))

/** Stale rows are dim, because they prove nothing. */
function render<Row extends { freshness: string; at: number }>(
  columns: readonly Column[],
  rows: readonly Row[],
  cells: (row: Row) => string[],
  now: number,
  paint: Paint,
): string {
  const lines = rows.map((row) => ({
    cells: [...cells(row), row.freshness, ago(row.at, now)],
    style: row.freshness === 'stale' ? ('dim' as const) : undefined,
  }))
  return `${table([...columns, { title: 'KNOWN' }, { title: 'SAID' }], lines, paint).join('\n')}\n`
}

export function renderFpmMacs(rows: readonly FpmMacReport[], now: number, paint: Paint): string {
  const columns = [
    right('VNI'),
    { title: 'MAC' },
    { title: 'VTEP' },
    right('DEVICE'),
    right('VLAN'),
    { title: 'FLAGS' },
  ]
  const cells = (it: FpmMacReport): string[] => [
    it.vni === null ? '?' : String(it.vni),
    it.mac,
    it.vtep ?? (it.nexthopId === null ? '' : `nhid ${it.nexthopId}`),
    String(it.ifindex),
    number(it.vlan),
    [it.sticky && 'sticky', it.router && 'router'].filter(Boolean).join(' '),
  ]
  const sorted = [...rows].sort((a, b) => (a.vni ?? 0) - (b.vni ?? 0) || compare(a.mac, b.mac))
  return render(columns, sorted, cells, now, paint)
}

export function renderFpmRoutes(rows: readonly FpmRouteReport[], now: number, paint: Paint): string {
  const columns = [
    { title: 'TABLE' },
    { title: 'IP' },
    { title: 'PROTOCOL' },
    right('NHID'),
    { title: 'VIA' },
    right('DEVICE'),
    right('VNI'),
  ]
  const cells = (it: FpmRouteReport): string[] => [
    placeText(it),
    it.ip,
    it.protocol,
    number(it.nexthopId),
    it.resolved ? gateways(it) : 'not told',
    [...new Set(it.paths.map(({ ifindex }) => number(ifindex)))].join(' '),
    [...new Set(it.paths.map(({ vni }) => number(vni)))].join(' '),
  ]
  const sorted = [...rows].sort((a, b) => (a.table ?? 0) - (b.table ?? 0) || compare(a.ip, b.ip))
  return render(columns, sorted, cells, now, paint)
}

const gateways = ({ type, paths }: FpmRouteReport): string =>
  paths.length === 0 ? type : paths.map((path) => gatewayText(path)).join(' ')

const gatewayText = ({ gateway, weight }: FpmPathReport): string =>
  `${gateway ?? 'connected'}${weight === 1 ? '' : `*${weight}`}`

export function renderFpmNexthops(rows: readonly FpmNexthopReport[], now: number, paint: Paint): string {
  const columns = [right('ID'), { title: 'VIA' }, right('DEVICE'), right('VNI'), { title: 'GROUP' }]
  const cells = ({ id, path, group }: FpmNexthopReport): string[] => [
    String(id),
    path === null ? (group.length === 0 ? 'blackhole' : '') : gatewayText(path),
    number(path?.ifindex ?? null),
    number(path?.vni ?? null),
    group.map((member) => (member.weight === 1 ? `${member.id}` : `${member.id}*${member.weight}`)).join(' '),
  ]
  return render(
    columns,
    [...rows].sort((a, b) => a.id - b.id),
    cells,
    now,
    paint,
  )
}

/** Counts the routes that the table does not show. */
export function otherRoutes({ tables }: Pick<FpmStatusReport, 'tables'>): string {
  const others = tables.filter(({ routes }) => routes > 0)
  if (others.length === 0) return ''
  return `Not host routes, and only counted: ${others.map((it) => `${it.routes} in ${placeText(it)}`).join(', ')}\n`
}

const placeText = ({ table, vrf }: Pick<FpmTableReport, 'table' | 'vrf'>): string =>
  vrf === null ? `${table ?? '?'}` : `vrf ${vrf}`

/** Says why an empty table is no answer; undefined if it is one. */
export function whyNothing(status: FpmStatusReport): string | undefined {
  if (status.off) return 'the snooper does not listen for FPM; see fpm.listen in its configuration, and --fpm'
  if (status.error !== '') return `the snooper does not listen for FPM: ${status.error}`
  if (status.peer !== '' || status.connections > 0) return undefined
  return `zebra has not connected its FPM to ${status.listening.join(' or ')}`
}

/** How zebra gets an FPM connection. */
export const HOW_TO_CONNECT = 'start zebra with -M dplane_fpm_nl, and configure it: fpm address 127.0.0.1 (docs/fpm.md)'

/** Counts what zebra has programmed: `3 MACs, 2 host routes`. */
export const amounts = ({ macs, hostRoutes, nexthops, tables }: FpmStatusReport): string =>
  [
    count(macs, 'remote MAC'),
    count(hostRoutes, 'host route'),
    count(
      tables.reduce((sum, { routes }) => sum + routes, 0),
      'other route',
    ),
    count(nexthops, 'nexthop'),
  ].join(', ')

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
