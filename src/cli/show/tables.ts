// Renders `macipctl show` for people.
import type { SessionReport } from '../report.js'
import type { MacRow, RemoteRow, VniRow, VtepRow } from './rows.js'
import { ago, bytes, type Column, type Paint, table } from '../text.js'

const right = (title: string): Column => ({ title, right: true })

/** A line that something is odd about stands out. */
function render<Row extends { notes: readonly string[] }>(
  columns: readonly Column[],
  rows: readonly Row[],
  cells: (row: Row) => string[],
  paint: Paint,
): string {
  const lines = rows.map((row) => ({
    cells: [...cells(row), row.notes.join('; ')],
    style: row.notes.length > 0 ? ('yellow' as const) : undefined,
  }))
  return `${table([...columns, { title: 'NOTE' }], lines, paint).join('\n')}\n`
}

export function renderVnis(rows: readonly VniRow[], paint: Paint): string {
  const columns = [
    right('VNI'),
    { title: 'LIVE' },
    { title: 'LOCAL VTEP' },
    right('MACS'),
    right('MAC-IPS'),
    right('REMOTE MACS'),
    right('REMOTE MAC-IPS'),
    right('VTEPS'),
  ]
  const cells = (it: VniRow): string[] => [
    String(it.vni),
    it.live ? 'yes' : 'no',
    it.vtep ?? '',
    ...[it.macs, it.macIps, it.remoteMacs, it.remoteMacIps, it.vteps].map(String),
  ]
  return render(columns, rows, cells, paint)
}

export function renderMacs(rows: readonly MacRow[], paint: Paint): string {
  const columns = [
    right('VNI'),
    { title: 'MAC' },
    { title: 'IP' },
    right('SEQ'),
    { title: 'FLAGS' },
    { title: 'ESI' },
    { title: 'BY' },
  ]
  const cells = (it: MacRow): string[] => [
    String(it.vni),
    it.mac,
    it.ip ?? '',
    String(it.seq),
    it.flags.join(' '),
    it.esi ?? '',
    it.by,
  ]
  return render(columns, rows, cells, paint)
}

export function renderRemote(rows: readonly RemoteRow[], paint: Paint): string {
  const columns = [right('VNI'), { title: 'MAC' }, { title: 'IP' }, { title: 'VTEP' }, right('SEQ'), { title: 'FLAGS' }]
  const cells = (it: RemoteRow): string[] => [
    String(it.vni),
    it.mac,
    it.ip ?? '',
    it.vtep,
    String(it.seq),
    it.flags.join(' '),
  ]
  return render(columns, rows, cells, paint)
}

export function renderVteps(rows: readonly VtepRow[], paint: Paint): string {
  const columns = [right('VNI'), { title: 'VTEP' }, { title: 'FLOOD' }, right('MACS'), right('MAC-IPS')]
  const cells = (it: VtepRow): string[] => [String(it.vni), it.vtep, it.flood, String(it.macs), String(it.macIps)]
  return render(columns, rows, cells, paint)
}

export function renderSessions(sessions: readonly SessionReport[], now: number, paint: Paint): string {
  const columns = [
    right('ID'),
    { title: 'SESSION' },
    { title: 'CLIENT' },
    { title: 'SINCE' },
    right('TO ZEBRA'),
    right('FRAMES'),
    right('TO BGPD'),
    right('FRAMES'),
    right('INJECTED'),
    right('DROPPED'),
    { title: 'NOTE' },
  ]
  const rows = sessions.map((it) => {
    const cells = [
      String(it.id),
      it.kind,
      it.client,
      ago(it.since, now),
      bytes(it.bytesToZebra),
      String(it.framesToZebra),
      bytes(it.bytesToBgpd),
      String(it.framesToBgpd),
      String(it.injected),
      String(it.dropped),
    ]
    const notes = [it.inSync ? '' : 'frame boundaries are not known', it.note].filter((note) => note !== '')
    const odd = !it.inSync || (it.kind === 'main' && it.note !== '')
    return { cells: [...cells, notes.join('; ')], style: odd ? ('yellow' as const) : undefined }
  })
  return `${table(columns, rows, paint).join('\n')}\n`
}
