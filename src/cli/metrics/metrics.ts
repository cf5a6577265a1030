// The metrics: their names, and their values from what relay and snooper say. The names are an interface.
import type { Answer, RelayReport, SnooperReport } from '../report.js'
import type { Family } from './exposition.js'
import { type Metric, one, yes } from './metric.js'
import { RELAY_METRICS } from './relay-metrics.js'
import { PORT_METRICS, SNOOPER_METRICS } from './snooper-metrics.js'

export type Measured = {
  version: string
  relay: Answer<RelayReport>
  snooper: Answer<SnooperReport>
  /** What `macipctl check` finds; undefined if nothing was compared. */
  differences: number | undefined
  perPort: boolean
}

const GENERAL_METRICS: readonly Metric<Measured>[] = [
  {
    ...{ name: 'macipd_build_info', type: 'gauge', labels: ['version'] },
    help: 'The version of macipd that gives these metrics; always 1.',
    samples: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    ...{ name: 'macipd_relay_up', type: 'gauge', labels: [] },
    help: 'Whether the relay answers, and its keeper is there to accept connections of bgpd.',
    samples: ({ relay }) => yes(relay.running && !relay.keeperLost),
  },
  {
    ...{ name: 'macipd_snoop_relay_connected', type: 'gauge', labels: [] },
    help: 'Whether the snooper answers and is connected to the relay.',
    samples: ({ snooper }) => yes(snooper.running && snooper.relayConnected),
  },
  {
    ...{ name: 'macipd_check_differences', type: 'gauge', labels: [] },
    help: 'Differences between what zebra says and what it programs, as macipctl check finds them; only with FPM.',
    samples: ({ differences }) => (differences === undefined ? [] : one(differences)),
  },
]

export { PORT_METRICS }

/** All metrics but those of single ports, in the order of their names. */
export const METRICS = [...GENERAL_METRICS, ...RELAY_METRICS, ...SNOOPER_METRICS].sort(byName)

/** Returns the families in the order of their names. What a process that does not answer would have told is left out. */
export function familiesOf(measured: Measured): Family[] {
  const { relay, snooper, perPort } = measured
  return [
    ...GENERAL_METRICS.map((metric) => familyOf(metric, measured)),
    ...(relay.running ? RELAY_METRICS.map((metric) => familyOf(metric, relay)) : []),
    ...(snooper.running ? SNOOPER_METRICS.map((metric) => familyOf(metric, snooper)) : []),
    ...(snooper.running && perPort ? PORT_METRICS.map((metric) => familyOf(metric, snooper)) : []),
  ].sort(byName)
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}

function familyOf<Report>({ name, type, help, samples }: Metric<Report>, report: Report): Family {
  return { name, type, help, samples: samples(report) }
}
