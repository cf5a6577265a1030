// Renders `macipctl status` for people: health comes first, then each process.
import { amounts } from '../fpm/tables.js'
import type { FpmStatusReport } from '../fpm/report.js'
import type { KeeperReport } from '../../control/keeper-report.js'
import type { Finding } from './finding.js'
import type { Status } from './health.js'
import type { Counters, NotRunning, PortReport, RelayReport, Running, SnooperReport } from '../report.js'
import { ago, bytes, count, duration, type Paint, printable, table } from '../text.js'

export function renderStatus(status: Status, found: readonly Finding[], now: number, paint: Paint): string {
  const { keeper, relay, snooper } = status
  const sections = [
    health(found, paint),
    relay.running
      ? renderRelay(relay, now, paint)
      : keeper.running
        ? renderKeeper(keeper, relay, now, paint)
        : missing('RELAY', relay, paint),
    snooper.running ? renderSnooper(snooper, now, paint) : missing('SNOOPER', snooper, paint),
  ]
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function health(found: readonly Finding[], paint: Paint): string[] {
  const problems = found.filter(({ severity }) => severity === 'problem').length
  const verdict = problems === 0 ? paint('green', 'OK') : paint('red', `NOT OK: ${count(problems, 'problem')}`)
  const lines = found.flatMap(({ severity, what, todo }) => [
    severity === 'problem' ? paint('red', `  ! ${printable(what)}`) : paint('yellow', `  - ${printable(what)}`),
    `      ${printable(todo)}`,
  ])
  return [verdict, ...lines]
}

const PRESENCE: Partial<Record<NotRunning['cause'], string>> = {
  silent: 'hangs',
  unnamed: 'cannot be reached',
  'no-descriptor': 'answers nobody',
}

const missing = (title: string, { socket, cause, error }: NotRunning, paint: Paint): string[] => [
  `${paint('bold', title)}  ${paint('red', PRESENCE[cause] ?? 'not running')}`,
  ...facts([['socket', `${socket}: ${error}`]]),
]

/** The worker does not answer. */
function renderKeeper(keeper: Running<KeeperReport>, relay: NotRunning, now: number, paint: Paint): string[] {
  const { pid, worker, connections, listen, zebra, since, version } = keeper
  const running = `keeper running for ${duration(now - since)}, version ${version}`
  return [
    `${paint('bold', 'RELAY')}  ${paint('red', 'worker does not answer')}, ${running}`,
    ...facts([
      ['processes', `keeper ${pid}, worker ${worker.pid ?? 'none'} (${worker.state})${replaced(worker.starts)}`],
      ['socket', `${relay.socket}: ${relay.error}`],
      ['bgpd', `${count(connections, 'connection')} on ${listen}`],
      ['zebra', zebra],
    ]),
  ]
}

const replaced = (workerStarts: number): string =>
  workerStarts > 1 ? `, replaced ${count(workerStarts - 1, 'time')}` : ''

function renderRelay(relay: Running<RelayReport>, now: number, paint: Paint): string[] {
  const { keeperPid, workerPid, workerStarts, keeperLost } = relay
  const keeper = keeperLost ? `keeper ${keeperPid} gone` : `keeper ${keeperPid}`
  return [
    title('RELAY', relay, now, paint),
    ...facts([
      ['processes', `${keeper}, worker ${workerPid}${replaced(workerStarts)}`],
      [
        'FRR release',
        relay.release === '' ? `not certain: ${relay.releaseReason}` : `${relay.release} (${relay.releaseReason})`,
      ],
      ['bgpd', `${count(relay.sessions.length, 'connection')} on ${relay.listen}`],
      ['zebra', relay.zebra],
      ['snooper', `${snooperState(relay)} for ${duration(now - relay.snooperSince)}`],
      ['announced', `${relay.announced} of ${count(relay.overlayEntries, 'MAC-IP')} learned here`],
      [
        'zebra says',
        `${count(relay.vnis, 'VNI')}, ${count(relay.localMacs, 'local MAC')}, ${count(relay.localMacips, 'local MAC-IP')}`,
      ],
      ['bgpd says', `${count(relay.remoteMacs, 'remote MAC')}, ${count(relay.remoteMacips, 'remote MAC-IP')}`],
      ['counters', nonZero(relay.counters)],
    ]),
    ...indent(sessions(relay, now, paint)),
    ...indent(segments(relay, paint)),
  ]
}

const snooperState = ({ snooperConnected, snooperSilent, snooperPid }: RelayReport): string => {
  if (snooperConnected) return 'connected'
  return snooperSilent ? `${snooperPid} hangs` : 'gone'
}

function sessions(relay: RelayReport, now: number, paint: Paint): string[] {
  if (relay.sessions.length === 0) return []
  const columns = [
    { title: 'SESSION' },
    { title: 'CLIENT' },
    { title: 'SINCE' },
    { title: 'TO ZEBRA', right: true },
    { title: 'TO BGPD', right: true },
    { title: 'INJECTED', right: true },
    { title: 'DROPPED', right: true },
    { title: 'FRAMES' },
  ] as const
  const rows = relay.sessions.map((session) => ({
    cells: [
      session.kind,
      session.client,
      ago(session.since, now),
      bytes(session.bytesToZebra),
      bytes(session.bytesToBgpd),
      String(session.injected),
      String(session.dropped),
      session.inSync ? 'in step' : 'boundaries not known',
    ],
    style: session.inSync ? undefined : ('yellow' as const),
  }))
  return ['', ...table(columns, rows, paint)]
}

function segments({ segments: all }: RelayReport, paint: Paint): string[] {
  if (all.length === 0) return []
  const titles = ['MACS', 'HEARD', 'PROXIED', 'SYNCED'] as const
  const columns = [
    { title: 'ETHERNET SEGMENT' },
    { title: 'VNIS' },
    ...titles.map((title) => ({ title, right: true as const })),
  ]
  const rows = all.map(({ esi, vnis, macs, heard, proxied, synced }) => {
    return { cells: [esi, vnis.join(' '), ...[macs, heard, proxied, synced].map(String)], style: undefined }
  })
  return ['', ...table(columns, rows, paint)]
}

function renderSnooper(snooper: Running<SnooperReport>, now: number, paint: Paint): string[] {
  const { relayConnected, relaySince } = snooper
  return [
    title('SNOOPER', snooper, now, paint),
    ...facts([
      ['process', String(snooper.pid)],
      ['relay', `${relayConnected ? 'connected' : 'lost'} for ${duration(now - relaySince)}, ${snooper.relay}`],
      ['mode', snooper.mode === 'observe' ? 'observe: nothing is announced' : ''],
      ['bindings', snooper.bindings === 0 ? 'none' : `${snooper.bindings}: ${nonZero(snooper.states)}`],
      ['why', snooper.bindings === 0 ? '' : nonZero(snooper.reasons)],
      [
        'age',
        `withdrawn ${snooper.ageMs === 0 ? 'one ageing time of their bridge' : duration(snooper.ageMs)} after they were last seen`,
      ],
      ['frames', nonZero(snooper.frames)],
      ['probes', nonZero(snooper.probes)],
      ['tunnel', nonZero(snooper.tunnel)],
      ['not learned', nonZero(snooper.refused)],
      ['withdrawn', nonZero(snooper.withdrawn)],
      ['FPM', fpmText(snooper.fpm, now)],
      ['programmed', snooper.fpm.connections === 0 ? '' : amounts(snooper.fpm)],
      ['handed on', forwardText(snooper.fpm)],
      ['FPM lines', ensureText(snooper.fpm, now)],
    ]),
    ...indent(ports(snooper, paint)),
  ]
}

function fpmText({ off, error, phase, format, since, listening }: FpmStatusReport, now: number): string {
  if (off) return 'off'
  if (error !== '') return 'not listening'
  // the peer of a new connection may be known before the connection counts
  if (phase === 'disconnected') return `zebra is not connected; listening on ${listening.join(' and ')}`
  const words = phase === 'replaying' ? 'zebra is telling everything' : 'zebra is connected'
  return `${words} for ${duration(now - since)}${format === '' ? '' : `, ${format}`}`
}

function forwardText({ forward }: FpmStatusReport): string {
  if (forward === null) return ''
  return `to ${forward.to}: ${forward.state}${forward.queued === 0 ? '' : `, ${bytes(forward.queued)} wait`}`
}

function ensureText({ ensure }: FpmStatusReport, now: number): string {
  if (ensure === null || ensure.state === 'looking') return ''
  const { state, why, times, last } = ensure
  const set = times === 0 ? '' : `, set ${count(times, 'time')}, the last ${ago(last, now)}`
  return `${state === 'kept' ? 'as they are to be in zebra' : `not kept in zebra: ${why}`}${set}`
}

function ports(snooper: SnooperReport, paint: Paint): string[] {
  if (snooper.ports.length === 0) return []
  const columns = [
    { title: 'PORT' },
    { title: 'BRIDGE' },
    { title: 'LINK' },
    { title: 'SNOOPED' },
    { title: 'BINDINGS', right: true },
    { title: 'LIMITED', right: true },
  ] as const
  const sorted = [...snooper.ports].sort((a, b) => a.bridge.localeCompare(b.bridge) || a.name.localeCompare(b.name))
  const rows = sorted.map(({ name, bridge, up, attached, error, bindings, limited, ...port }) => ({
    cells: [
      name,
      bridge,
      linkText({ up, ...port }),
      snoopedText({ attached, error, ...port }),
      String(bindings),
      String(limited),
    ],
    style: attached === '' ? ('red' as const) : up ? undefined : ('dim' as const),
  }))
  return ['', ...table(columns, rows, paint)]
}

const snoopedText = ({ attached, error, ahead }: Pick<PortReport, 'attached' | 'error' | 'ahead'>): string => {
  if (attached === '') return `no: ${error}`
  return ahead.length === 0 ? attached : `${attached}, not first`
}

/** Says whether the bridge uses the port, and how it learns from it if that is not as usual. */
function linkText({ up, state, learning }: Pick<PortReport, 'up' | 'state' | 'learning'>): string {
  if (!up) return 'down'
  const word = state === '' || state === 'forwarding' ? 'up' : state
  if (learning === 'locked') return `${word}, locked`
  return learning === 'off' ? `${word}, no learning` : word
}

const title = (
  name: string,
  { version, since }: { version: string; since: number },
  now: number,
  paint: Paint,
): string => `${paint('bold', name)}  ${paint('green', 'running')} for ${duration(now - since)}, version ${version}`

/** Renders names and values in two columns; what is empty is left out. */
const facts = (pairs: readonly (readonly [string, string])[]): string[] =>
  pairs.filter(([, value]) => value !== '').map(([name, value]) => `  ${name.padEnd(13)}${printable(value)}`)

const indent = (lines: readonly string[]): string[] => lines.map((line) => (line === '' ? '' : `  ${line}`))

const nonZero = (counters: Counters): string =>
  Object.entries(counters)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => `${value} ${name}`)
    .join(', ')
