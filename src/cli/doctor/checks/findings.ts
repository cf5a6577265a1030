// What `macipctl status` finds, as results of the doctor: each finding is said here once, or by the check that knows more.
import type { Finding, FindingId } from '../../status/finding.js'
import { findings } from '../../status/health.js'
import { logOf, macipctl, restartBgpd, service, vtysh } from '../commands.js'
import type { Observation } from '../observation.js'
import { type Group, ok, type Result, unknown } from '../result.js'

type Told = {
  group: Group
  means: string
  /** What to type, where the finding's own words do not say it, or say it for a node without systemd. */
  todo?: (seen: Observation) => readonly string[]
  /** The check that looks at the same thing, and says whether it matters; the finding counts where that knows nothing. */
  by?: string
}

const NOTHING = 'No MAC+IP route is announced.'
const CROSS_CHECK = 'Nothing but macipctl check depends on it.'

const restartRelay = (seen: Observation): string[] => [
  service(seen, 'restart', 'macipd-relay'),
  logOf(seen, 'macipd-relay'),
]
const restartSnooper = (seen: Observation): string[] => [
  service(seen, 'restart', 'macipd-snoop'),
  logOf(seen, 'macipd-snoop'),
]
const KEPT = 'What is announced stays so for relay.staleTime (5 min unless configured); nothing new is learned.'

export const FINDINGS: Readonly<Record<FindingId, Told>> = {
  'relay-not-running': {
    ...{ group: 'relay', means: NOTHING },
    todo: (seen) => [
      service(seen, 'start', 'macipd-relay'),
      ...(seen.frr.path === 'link' ? [restartBgpd(seen)] : []),
      logOf(seen, 'macipd-relay'),
    ],
  },
  'keeper-gone': { group: 'relay', means: 'It serves what is connected, and nothing else.', todo: restartRelay },
  'keeper-hung': { group: 'relay', means: 'It serves what is connected, and nothing else.' },
  'keeper-not-found': { group: 'relay', means: 'Nothing more is known of the process that holds the connections.' },
  'worker-hung': { group: 'relay', means: 'bgpd and zebra wait for each other.' },
  'worker-gone': { group: 'relay', means: 'bgpd and zebra wait for each other.' },
  'worker-replaced': {
    ...{ group: 'relay', means: 'bgpd and zebra have not noticed, but it should not happen.' },
    todo: (seen) => [logOf(seen, 'macipd-relay')],
  },
  'plain-forwarding': {
    ...{ group: 'relay', means: NOTHING },
    todo: (seen) => [logOf(seen, 'macipd-relay')],
  },
  'relay-socket': { group: 'relay', means: 'Neither the snooper nor macipctl reaches it.' },
  'lock-lost': { group: 'relay', means: 'A restart of either may cost bgpd zebra.' },
  'run-directory-full': { by: 'room', group: 'relay', means: 'The end of its worker would stop all announcements.' },
  'journal-not-writable': { group: 'relay', means: 'The end of its worker would stop all announcements.' },
  'session-uncertain': { group: 'relay', means: NOTHING },
  'session-not-trusted': { group: 'relay', means: NOTHING, todo: (seen) => [restartBgpd(seen)] },
  'session-unknown': { group: 'relay', means: NOTHING, todo: (seen) => [restartBgpd(seen)] },
  'release-uncertain': { by: 'frr-release', group: 'frr', means: NOTHING },
  'bgpd-direct': { by: 'bgpd-relayed', group: 'frr', means: NOTHING, todo: (seen) => [restartBgpd(seen)] },
  'bgpd-not-connected': {
    ...{ by: 'bgpd-relayed', group: 'frr', means: NOTHING },
    todo: (seen) => [restartBgpd(seen)],
  },
  'no-vni': { by: 'vni', group: 'network', means: NOTHING, todo: (seen) => [vtysh(seen, 'show evpn vni')] },
  'snooper-not-running': {
    ...{ group: 'snooper', means: KEPT },
    todo: (seen) => [service(seen, 'start', 'macipd-snoop'), logOf(seen, 'macipd-snoop')],
  },
  'snooper-hung': { group: 'snooper', means: KEPT },
  'snooper-without-relay': { group: 'snooper', means: NOTHING, todo: restartSnooper },
  'versions-differ': { by: 'versions', group: 'relay', means: 'An upgrade has not been finished.' },
  'port-not-snooped': { group: 'snooper', means: 'Hosts behind it are not learned.', todo: restartSnooper },
  'port-not-first': { by: 'programs-before', group: 'snooper', means: 'Hosts behind it may not be learned.' },
  'port-silent': { group: 'snooper', means: 'Hosts behind it are not learned.' },
  filters: { group: 'snooper', means: 'A host may be announced whose frames the node does not forward.' },
  'no-port': {
    ...{ group: 'network', means: 'There is no VM to learn of.' },
    todo: () => ['bridge link', 'ip -d link show type vxlan'],
  },
  'observe-mode': { group: 'snooper', means: NOTHING },
  'learning-rate': { group: 'snooper', means: 'Hosts behind it may be learned late.' },
  'frames-lost': { group: 'snooper', means: 'Hosts may be learned late.' },
  'duplicate-ip': { group: 'snooper', means: 'It is announced by no node that macipd runs on.' },
  'held-down': { group: 'snooper', means: 'What they claim is not learned.' },
  'vni-not-live': {
    ...{ by: 'vni', group: 'network', means: 'They are not announced.' },
    todo: (seen) => [vtysh(seen, 'show evpn vni')],
  },
  'mac-not-local': {
    ...{ group: 'network', means: 'An IP is announced only with its MAC.' },
    todo: (seen) => ['bridge fdb show', vtysh(seen, 'show evpn mac vni all')],
  },
  'ip-conflict': {
    ...{ group: 'network', means: 'Which host has it is not clear.' },
    todo: (seen) => [macipctl(seen, 'bindings --state pending')],
  },
  'fpm-not-listening': { by: 'fpm', group: 'frr', means: CROSS_CHECK },
  'fpm-not-connected': { by: 'fpm', group: 'frr', means: CROSS_CHECK },
  'fpm-refused': { group: 'frr', means: 'The cross-check may be missing.' },
  'fpm-malformed': { group: 'frr', means: 'The cross-check may be incomplete.' },
  'fpm-forward': { group: 'frr', means: 'The other FPM server does not know all routes.' },
}

/** Who could not be asked, because this user may not. */
const DENIED: Partial<Record<FindingId, (seen: Observation) => string | undefined>> = {
  'relay-not-running': ({ status: { relay, keeper } }) => deniedOf(relay) ?? deniedOf(keeper),
  'relay-socket': ({ status: { relay } }) => deniedOf(relay),
  'keeper-not-found': ({ status: { keeper } }) => deniedOf(keeper),
  'snooper-not-running': ({ status: { snooper } }) => deniedOf(snooper),
}

const deniedOf = (answer: Observation['status']['relay' | 'keeper' | 'snooper']): string | undefined =>
  !answer.running && answer.cause === 'denied' ? `${answer.socket}: ${answer.error}` : undefined

/**
 * Results of the findings that no check has answered for; one that is fine stands for all if there is none.
 * @param known ids of the checks that could see what they look at
 */
export function findingResults(seen: Observation, known: ReadonlySet<string>): Result[] {
  const told = findings(seen.status, seen.now)
    .filter(({ id }) => !known.has(FINDINGS[id].by ?? ''))
    .map((finding) => resultOf(finding, seen))
  return told.length > 0 ? told : [{ id: 'status', group: 'relay', ...ok('macipctl status finds nothing else') }]
}

function resultOf({ id, severity, what, todo }: Finding, seen: Observation): Result {
  const told = FINDINGS[id]
  const denied = DENIED[id]?.(seen)
  if (denied !== undefined) return { id, group: told.group, ...unknown(denied) }
  return {
    ...{ id, group: told.group, what, means: told.means },
    status: severity === 'problem' ? 'fail' : 'warn',
    todo: told.todo?.(seen) ?? [`# ${todo}`],
  }
}
