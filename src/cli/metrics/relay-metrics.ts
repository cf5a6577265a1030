// What the relay says, as metrics.
import { STATUS_FROM_PROTO } from '../../control/relay-codec.js'
import type { RelayReport } from '../report.js'
import { byLabel, type Metric, one, tally, yes } from './metric.js'

const STATUSES = [...STATUS_FROM_PROTO.values()]

const gauge = (name: string, help: string, value: (report: RelayReport) => number): Metric<RelayReport> => ({
  ...{ name, type: 'gauge', labels: [], help },
  samples: (report) => one(value(report)),
})

export const RELAY_METRICS: readonly Metric<RelayReport>[] = [
  {
    ...{ name: 'macipd_relay_bgpd_connected', type: 'gauge', labels: [] },
    help: 'Whether bgpd’s main session goes through the relay.',
    samples: ({ sessions }) => yes(sessions.some(({ kind }) => kind === 'main')),
  },
  {
    ...{ name: 'macipd_relay_bgpd_bypassed', type: 'gauge', labels: [] },
    help: 'Whether bgpd is connected to zebra directly, so that nothing can be announced.',
    samples: ({ bgpdDirect }) => yes(bgpdDirect),
  },
  {
    ...{ name: 'macipd_relay_injecting', type: 'gauge', labels: [] },
    help: 'Whether bgpd is told of bindings: FRR’s release and what bgpd has are certain.',
    samples: ({ injecting }) => yes(injecting),
  },
  {
    ...{ name: 'macipd_relay_sessions', type: 'gauge', labels: ['kind'] },
    help: 'Connections of bgpd, by kind.',
    samples: ({ sessions }) => byLabel('kind', tally(sessions.map(({ kind }) => kind)), ['main']),
  },
  {
    ...{ name: 'macipd_relay_bytes_total', type: 'counter', labels: ['direction'] },
    help: 'Bytes that have passed since the worker started.',
    samples: ({ passed }) => directions(passed['bytesToBgpd'], passed['bytesToZebra']),
  },
  {
    ...{ name: 'macipd_relay_frames_total', type: 'counter', labels: ['direction'] },
    help: 'ZAPI messages that have passed since the worker started.',
    samples: ({ passed }) => directions(passed['framesToBgpd'], passed['framesToZebra']),
  },
  {
    ...{ name: 'macipd_relay_injected_total', type: 'counter', labels: [] },
    help: 'Messages that the relay has added to zebra’s since the worker started.',
    samples: ({ passed }) => one(passed['injected'] ?? 0),
  },
  {
    ...{ name: 'macipd_relay_dropped_total', type: 'counter', labels: [] },
    help: 'Messages of zebra that bgpd did not get since the worker started, because an entry stands for them.',
    samples: ({ passed }) => one(passed['dropped'] ?? 0),
  },
  {
    ...{ name: 'macipd_relay_worker_starts_total', type: 'counter', labels: [] },
    help: 'Workers that the relay has started: the first one, and each successor of one that ended.',
    samples: ({ workerStarts }) => one(workerStarts),
  },
  gauge(
    'macipd_relay_start_time_seconds',
    'When the relay started, seconds since the epoch.',
    ({ since }) => since / 1000,
  ),
  {
    ...{ name: 'macipd_frr_release_info', type: 'gauge', labels: ['release'] },
    help: 'FRR’s release; absent while it is not certain, else 1.',
    samples: ({ release }) => (release === '' ? [] : [{ labels: { release }, value: 1 }]),
  },
  {
    ...{ name: 'macipd_overlay_entries', type: 'gauge', labels: ['status'] },
    help: 'Entries of the overlay, by what bgpd may be told of them.',
    samples: ({ statuses }) => byLabel('status', statuses, STATUSES),
  },
  gauge('macipd_zebra_vnis', 'VNIs that zebra has announced.', ({ vnis }) => vnis),
  gauge('macipd_zebra_local_macs', 'Local MACs that zebra has announced.', ({ localMacs }) => localMacs),
  gauge(
    'macipd_zebra_local_macips',
    'Local MAC-IPs that zebra has announced itself.',
    ({ localMacips }) => localMacips,
  ),
  gauge('macipd_bgpd_remote_macs', 'MACs that bgpd has announced as remote.', ({ remoteMacs }) => remoteMacs),
  gauge('macipd_bgpd_remote_macips', 'MAC-IPs that bgpd has announced as remote.', ({ remoteMacips }) => remoteMacips),
]

const directions = (toBgpd = 0, toZebra = 0): ReturnType<typeof byLabel> =>
  byLabel('direction', { 'to-bgpd': toBgpd, 'to-zebra': toZebra })
