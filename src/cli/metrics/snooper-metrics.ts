// What the snooper says, as metrics.
import { REASONS } from '../../bindings/state.js'
import type { PortReport, SnooperReport, StateCountReport } from '../report.js'
import type { Sample } from './exposition.js'
import { byLabel, type Metric, one, tally, yes } from './metric.js'

/** The eBPF program’s outcome of a frame for which the ring buffer had no room. */
const LOST = 'ring-full'

export const SNOOPER_METRICS: readonly Metric<SnooperReport>[] = [
  {
    ...{ name: 'macipd_bindings', type: 'gauge', labels: ['state', 'reason'] },
    help: 'Bindings by state, and why they are in it.',
    samples: ({ stateCounts }) => bindings(stateCounts),
  },
  {
    ...{ name: 'macipd_refused_total', type: 'counter', labels: ['reason'] },
    help: 'Claims of hosts that were not believed, by reason.',
    samples: ({ refused }) => byLabel('reason', refused),
  },
  {
    ...{ name: 'macipd_frames_total', type: 'counter', labels: ['kind'] },
    help: 'ARP and ND frames on ports, by what the eBPF program made of them.',
    samples: ({ frames }) =>
      byLabel('kind', Object.fromEntries(Object.entries(frames).filter(([kind]) => kind !== LOST))),
  },
  {
    ...{ name: 'macipd_frames_lost_total', type: 'counter', labels: [] },
    help: 'Frames that came faster than the snooper reads.',
    samples: ({ frames }) => one(frames[LOST] ?? 0),
  },
  {
    ...{ name: 'macipd_ports', type: 'gauge', labels: ['mode'] },
    help: 'Ports by how they are snooped; none: they are not.',
    samples: ({ ports }) => byLabel('mode', tally(ports.map(modeOf)), ['none']),
  },
  {
    ...{ name: 'macipd_probes_total', type: 'counter', labels: ['result'] },
    help: 'Probes of silent hosts and of owners of claimed addresses, by result.',
    samples: ({ probes }) => byLabel('result', probes),
  },
  {
    ...{ name: 'macipd_duplicates', type: 'gauge', labels: [] },
    help: 'IP addresses that are frozen because they moved too often.',
    samples: ({ duplicates }) => one(duplicates),
  },
  {
    ...{ name: 'macipd_moves_total', type: 'counter', labels: [] },
    help: 'How often a host moved to another port or VLAN, or another host took over its address.',
    samples: ({ events }) => one((events['moved'] ?? 0) + (events['taken-over'] ?? 0)),
  },
  {
    ...{ name: 'macipd_fpm_connected', type: 'gauge', labels: [] },
    help: 'Whether zebra’s FPM module is connected; absent if FPM is off.',
    samples: ({ fpm }) => (fpm.off ? [] : yes(fpm.phase !== '' && fpm.phase !== 'disconnected')),
  },
]

const perPort = (
  ...[name, type, help, value]: readonly [
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    (port: PortReport) => number,
  ]
): Metric<SnooperReport> => ({
  ...{ name, type, help, labels: ['bridge', 'port'] },
  samples: ({ ports }) =>
    ports.map((port) => ({ labels: { bridge: port.bridge, port: port.name }, value: value(port) })),
})

/** Only if they are asked for: there may be many ports, and they come and go. */
export const PORT_METRICS: readonly Metric<SnooperReport>[] = [
  perPort('macipd_port_bindings', 'gauge', 'Bindings on a port.', ({ bindings }) => bindings),
  perPort('macipd_port_macs', 'gauge', 'MACs that the bridge has on a port.', ({ macs }) => macs),
  perPort(
    'macipd_port_limited_total',
    'counter',
    'Claims on a port beyond the rate limit, which were ignored.',
    ({ limited }) => limited,
  ),
]

const modeOf = ({ attached }: PortReport): string => (attached === '' ? 'none' : attached)

/** Each reason has a sample of its ordinary state, even without bindings: else a fall to nothing would be no fall. */
function bindings(counts: readonly StateCountReport[]): Sample[] {
  const all = new Map<string, StateCountReport>()
  const put = (count: StateCountReport): void => {
    all.set(`${count.state} ${count.reason}`, count)
  }
  for (const [reason, { state }] of Object.entries(REASONS)) put({ state, reason, bindings: 0 })
  for (const count of counts) put(count)
  return [...all.values()].map(({ state, reason, bindings }) => ({ labels: { state, reason }, value: bindings }))
}
