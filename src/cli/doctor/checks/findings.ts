// What `macipctl status` finds, as results of the doctor: each finding is said here once, or by the check that knows more.
import type { Finding, FindingId } from '../../status/finding.js'
import { findings } from '../../status/health.js'
import type { Answer, PortReport } from '../../report.js'
import { configure, logOf, macipctl, restartBgpd, service, vtysh } from '../commands.js'
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
/** So many ports and addresses are named. */
const NAMED = 3

const portsOf = ({ status: { snooper } }: Observation): readonly PortReport[] => (snooper.running ? snooper.ports : [])
const pidOf = (answer: Answer<unknown>): number | string => (answer.running ? 'PID' : (answer.pid ?? 'PID'))

function workerOf({ status: { keeper, relay } }: Observation): number | string {
  return (keeper.running ? keeper.worker.pid : null) ?? pidOf(relay)
}

const claimed = (seen: Observation, ip: string): string[] => [
  macipctl(seen, `explain ${ip}`),
  `${macipctl(seen, `clear duplicate ${ip}`)}   # when one host alone has it`,
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
  'keeper-hung': {
    ...{ group: 'relay', means: 'It serves what is connected, and nothing else.' },
    todo: (seen) => {
      const { keeper, relay } = seen.status
      const pid = pidOf(keeper)
      return [
        `kill -CONT ${pid}   # if it was stopped`,
        `kill -KILL ${pid} ${relay.running ? relay.workerPid : ''}   # if not; bgpd loses zebra for a moment`,
        service(seen, 'start', 'macipd-relay'),
      ]
    },
  },
  'keeper-not-found': { group: 'relay', means: 'Nothing more is known of the process that holds the connections.' },
  'worker-hung': {
    ...{ group: 'relay', means: 'bgpd and zebra wait for each other.' },
    todo: (seen) => [
      `${macipctl(seen, 'status')}   # the keeper replaces it within some seconds`,
      `kill -KILL ${workerOf(seen)}   # if it still hangs`,
    ],
  },
  'worker-gone': {
    ...{ group: 'relay', means: 'bgpd and zebra wait for each other.' },
    todo: (seen) => [
      `${macipctl(seen, 'status')}   # the keeper starts another one by itself`,
      logOf(seen, 'macipd-relay'),
    ],
  },
  'worker-replaced': {
    ...{ group: 'relay', means: 'bgpd and zebra have not noticed, but it should not happen.' },
    todo: (seen) => [logOf(seen, 'macipd-relay')],
  },
  'plain-forwarding': {
    ...{ group: 'relay', means: NOTHING },
    todo: (seen) => [logOf(seen, 'macipd-relay')],
  },
  'relay-socket': { group: 'relay', means: 'It goes on with what is connected; nobody else reaches it.' },
  'no-descriptor': {
    ...{ group: 'relay', means: 'It may open too few files: new connections are not accepted, or nobody is answered.' },
    todo: ({ status: { keeper, relay, snooper } }) => {
      const silent = [keeper, relay, snooper].find((answer) => !answer.running && answer.cause === 'no-descriptor')
      // a keeper that is short of them still answers
      const number = silent === undefined && keeper.running ? keeper.pid : pidOf(silent ?? keeper)
      return [`ls -l /proc/${number}/fd`, `prlimit --pid ${number} --nofile=4096:`]
    },
  },
  'lock-lost': {
    ...{ group: 'relay', means: 'A restart of either may cost bgpd zebra.' },
    todo: () => [
      'lslocks --output PID,COMMAND,PATH | grep relay.lock',
      '# end one of them, or give it a directory of its own: macipd relay --run-dir DIR',
    ],
  },
  'run-directory-full': { by: 'room', group: 'relay', means: 'The end of its worker would stop all announcements.' },
  'journal-not-writable': {
    ...{ group: 'relay', means: 'The end of its worker would stop all announcements.' },
    todo: ({ paths: { runDir } }) => [`ls -ld ${runDir} ${runDir}/journal`, `chown frr:frr ${runDir}   # FRR’s user`],
  },
  'session-uncertain': {
    ...{ group: 'relay', means: NOTHING },
    todo: (seen) => [
      `${macipctl(seen, 'status')}   # it begins half a minute after bgpd has connected, and takes some seconds`,
      `${restartBgpd(seen)}   # if it lasts`,
    ],
  },
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
  'snooper-hung': {
    ...{ group: 'snooper', means: KEPT },
    todo: (seen) => {
      const pid = pidOf(seen.status.snooper)
      return [
        `kill -CONT ${pid}   # if it was stopped`,
        `kill -KILL ${pid}   # if not`,
        service(seen, 'start', 'macipd-snoop'),
      ]
    },
  },
  'snooper-socket': { group: 'snooper', means: 'It goes on; macipctl does not reach it.' },
  'snooper-without-relay': { group: 'snooper', means: NOTHING, todo: restartSnooper },
  'versions-differ': { by: 'versions', group: 'relay', means: 'An upgrade has not been finished.' },
  'port-not-snooped': { group: 'snooper', means: 'Hosts behind it are not learned.', todo: restartSnooper },
  'port-not-first': { by: 'programs-before', group: 'snooper', means: 'Hosts behind it may not be learned.' },
  'port-silent': {
    ...{ group: 'snooper', means: 'Hosts behind it are not learned.' },
    todo: (seen) =>
      portsOf(seen)
        .filter(({ silentMs }) => silentMs > 0)
        .slice(0, NAMED)
        .map(({ name }) => `tcpdump -ni ${name} arp or icmp6   # hosts ask for others now and then`),
  },
  filters: {
    ...{ group: 'snooper', means: 'A host may be announced whose frames the node does not forward.' },
    todo: (seen) => [...configure(seen, 'snoop: {filters: heed}   # or say who may have what: snoop.pin, snoop.allow')],
  },
  'no-port': {
    ...{ group: 'network', means: 'There is no VM to learn of.' },
    todo: () => ['bridge link', 'ip -d link show type vxlan'],
  },
  'observe-mode': {
    ...{ group: 'snooper', means: NOTHING },
    todo: (seen) => configure(seen, 'snoop: {mode: announce}'),
  },
  'learning-rate': {
    ...{ group: 'snooper', means: 'Hosts behind it may be learned late.' },
    todo: (seen) =>
      portsOf(seen)
        .filter(({ limited }) => limited > 0)
        .slice(0, NAMED)
        .map(({ name }) => macipctl(seen, `bindings --port ${name}`)),
  },
  'frames-lost': {
    ...{ group: 'snooper', means: 'Hosts may be learned late; they repeat what they say.' },
    todo: (seen) => [`${macipctl(seen, 'status')}   # which ports are over their rate`],
  },
  'duplicate-ip': {
    ...{ group: 'snooper', means: 'It is announced by no node that macipd runs on.' },
    todo: (seen) => {
      const { snooper } = seen.status
      return snooper.running ? snooper.duplicateIps.slice(0, NAMED).flatMap(({ ip }) => claimed(seen, ip)) : []
    },
  },
  'held-down': {
    ...{ group: 'snooper', means: 'What they claim is not learned.' },
    todo: (seen) => {
      const { snooper } = seen.status
      return snooper.running ? snooper.heldDown.slice(0, NAMED).flatMap(({ ip }) => claimed(seen, ip)) : []
    },
  },
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
  'fpm-not-ensured': { by: 'fpm', group: 'frr', means: CROSS_CHECK },
  'fpm-not-connected': { by: 'fpm', group: 'frr', means: CROSS_CHECK },
  'fpm-refused': {
    ...{ group: 'frr', means: 'The cross-check may be missing.' },
    todo: (seen) => [logOf(seen, 'macipd-snoop')],
  },
  'fpm-malformed': {
    ...{ group: 'frr', means: 'The cross-check may be incomplete.' },
    todo: (seen) => [macipctl(seen, 'fpm dump --type other')],
  },
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
