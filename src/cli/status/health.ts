// Finds out from the two reports what is wrong, and what to do about it.
import { filterFindings } from './filter-findings.js'
import { HOW_TO_CONNECT } from '../fpm/tables.js'
import type { FpmStatusReport } from '../fpm/report.js'
import type { Answer, NotRunning, RelayReport, SnooperReport } from '../report.js'
import { count, duration } from '../text.js'
import { type Finding, noDescriptor, notice, problem, socketRemoved } from './finding.js'
import { processFindings, type Relay, workerFindings } from './relay-health.js'

export type Status = Relay & { snooper: Answer<SnooperReport> }

/** Returns the findings, most important first; none if all is well. */
export function findings(status: Status, now: number): Finding[] {
  const { relay, snooper } = status
  return [
    ...processFindings(status, now),
    ...(relay.running ? workerFindings(relay, now) : []),
    ...(snooper.running ? snooperFindings(snooper, relay) : [snooperMissing(snooper, relay, now)]),
  ]
}

function snooperMissing({ socket, error, cause, pid }: NotRunning, relay: Answer<RelayReport>, now: number): Finding {
  const what = `the snooper does not answer at ${socket}: ${error}`
  const start = 'start it with: macipd snoop; or name its socket with --snoop'
  if (cause === 'no-descriptor')
    return noDescriptor('the snooper', pid ?? 'PID', 'it snoops no new port, and answers nobody')
  if (cause === 'unnamed') return socketRemoved('snooper-socket', 'the snooper', socket)
  if (cause !== 'silent') return problem('snooper-not-running', what, start + staleTime(relay, now))
  const known = pid ?? (relay.running && relay.snooperPid !== 0 ? relay.snooperPid : 'PID')
  const since = relay.running && relay.snooperSilent ? ` for ${duration(now - relay.snooperSince)}` : ''
  return problem(
    'snooper-hung',
    `the snooper does not answer at ${socket}: its process ${known} hangs${since}`,
    `if it was stopped: kill -CONT ${known}; if not: kill -KILL ${known}, and start it again: macipd snoop${staleTime(relay, now)}`,
  )
}

/** What the relay does meanwhile with what it has. */
function staleTime(relay: Answer<RelayReport>, now: number): string {
  if (!relay.running || relay.snooperConnected || relay.overlayEntries === 0) return ''
  const left = relay.snooperSince + relay.staleMs - now
  return ` — the relay withdraws ${count(relay.overlayEntries, 'MAC-IP')} in ${duration(left)}`
}

function snooperFindings(snooper: SnooperReport, relay: Answer<RelayReport>): Finding[] {
  const found: Finding[] = []
  if (!snooper.relayConnected) {
    found.push(
      problem(
        'snooper-without-relay',
        `the snooper has no relay at ${snooper.relay}`,
        'start the relay, or give both the same --control and --relay',
      ),
    )
  }
  for (const { name, error } of snooper.ports.filter(({ error }) => error !== '')) {
    found.push(
      problem(
        'port-not-snooped',
        `port ${name} is not snooped: ${error}`,
        'set it down and up again, or restart the snooper',
      ),
    )
  }
  if (snooper.ports.length === 0) {
    found.push(
      problem(
        'no-port',
        'there is no port to snoop on',
        'a port counts if its bridge has a VXLAN device: bridge link, ip -d link show type vxlan',
      ),
    )
  }
  found.push(...duplicates(snooper), ...heldDown(snooper), ...waiting(snooper, relay), ...filterFindings(snooper))
  if (snooper.mode === 'observe') {
    found.push(
      notice(
        'observe-mode',
        'observe mode: nothing is announced',
        'end it in the configuration of the snooper to announce anything',
      ),
    )
  }
  const limited = snooper.ports.filter((port) => port.limited > 0)
  for (const { name, limited: claims } of limited.slice(0, NAMED)) {
    found.push(
      notice(
        'learning-rate',
        `port ${name} claimed addresses faster than it may: ${count(claims, 'claim')} not looked at`,
        `look for a flood or a scan behind it: macipctl bindings --port ${name}`,
      ),
    )
  }
  if (limited.length > NAMED) {
    found.push(
      notice(
        'learning-rate',
        `so did ${count(limited.length - NAMED, 'other port')}`,
        'the table of ports below names them',
      ),
    )
  }
  const lost = snooper.frames['ring-full'] ?? 0
  if (lost > 0)
    found.push(
      notice(
        'frames-lost',
        `${count(lost, 'frame')} came faster than the snooper read`,
        'hosts repeat theirs; look for a flood',
      ),
    )
  found.push(...fpmFindings(snooper.fpm))
  if (relay.running && relay.version !== snooper.version) {
    found.push(
      notice(
        'versions-differ',
        `relay ${relay.version} and snooper ${snooper.version} differ`,
        'restart the older one',
      ),
    )
  }
  return found
}

/** What to do, by EnsureState, where zebra's configuration is not as it is to be. */
const ENSURE_ADVICE: Readonly<Record<string, string>> = {
  'other-server':
    'let zebra send to macipd, and macipd hand on to the other server (fpm.forward): vtysh, no fpm address; or fpm.ensure: false',
  'old-module': 'start zebra with -M dplane_fpm_nl instead of -M fpm; or fpm.ensure: false',
  'no-module': 'macipctl hook install --fpm, and restart FRR: systemctl restart frr; or fpm.ensure: false',
  'may-crash': 'upgrade FRR (docs/fpm.md tells the versions); or fpm.ensure: false',
  unreachable: 'zebra must run, and the snooper’s user must be able to use its vty socket, which is tried again',
}

/** Returns notices only: without zebra's FPM connection everything works but the cross-check. */
function fpmFindings({ off, error, phase, listening, forward, counters, ensure }: FpmStatusReport): Finding[] {
  if (off) return []
  if (error !== '') {
    const todo =
      'let macipd have the port and hand on (fpm.listen, fpm.forward), or say that it is not wanted: --fpm none'
    return [notice('fpm-not-listening', `no cross-check with FPM: ${error}`, todo)]
  }
  const found: Finding[] = []
  const todo = ensure === null ? undefined : ENSURE_ADVICE[ensure.state]
  if (ensure !== null && todo !== undefined) {
    found.push(notice('fpm-not-ensured', `zebra’s FPM configuration is not kept: ${ensure.why}`, todo))
  } else if (phase === 'disconnected') {
    found.push(
      notice(
        'fpm-not-connected',
        'no cross-check with FPM: zebra has not connected',
        `${HOW_TO_CONNECT} (macipd listens on ${listening.join(' and ')}); or --fpm none`,
      ),
    )
  }
  const refused = counters['refused'] ?? 0
  if (refused > 0) {
    found.push(
      notice(
        'fpm-refused',
        `${count(refused, 'FPM connection')} of others than root and FRR refused`,
        "who it was is in the snooper's log; zebra must run as the user that owns its socket, or the relay's",
      ),
    )
  }
  const malformed = (counters['malformed'] ?? 0) + (counters['garbage'] ?? 0)
  if (malformed > 0) {
    found.push(
      notice(
        'fpm-malformed',
        `${count(malformed, 'FPM message')} could not be understood`,
        'look at them: macipctl fpm dump --type other',
      ),
    )
  }
  if (forward !== null && (forward.state === 'missed' || forward.state === 'fresh')) {
    found.push(
      notice(
        'fpm-forward',
        `the FPM server at ${forward.to} has not got everything`,
        'is it running? It is tried again all the time',
      ),
    )
  }
  return found
}

/** So many are named one by one. */
const NAMED = 5

function duplicates({ duplicates: number, duplicateIps }: SnooperReport): Finding[] {
  const [first] = duplicateIps
  if (number === 0 || first === undefined) return []
  const named = duplicateIps.slice(0, NAMED).map(({ vni, ip }) => `${ip} (VNI ${vni})`)
  const more = number > named.length ? `, and ${number - named.length} more` : ''
  return [
    problem(
      'duplicate-ip',
      `${count(number, 'duplicate IP')}: ${named.join(', ')}${more}`,
      `withdrawn and frozen, as more than one host has it; see macipctl explain ${first.ip}`,
    ),
  ]
}

function heldDown({ heldDowns, heldDown }: SnooperReport): Finding[] {
  const [first] = heldDown
  if (first === undefined) return []
  const named = heldDown.slice(0, NAMED).map(({ mac, port, ip }) => `${mac} on ${port} (${ip})`)
  const more = heldDowns > named.length ? `, and ${heldDowns - named.length} more` : ''
  return [
    notice(
      'held-down',
      `${count(heldDowns, 'host')} not believed: ${named.join(', ')}${more}`,
      `claimed addresses whose owners answered; see macipctl explain ${first.ip}, and when that is over: macipctl clear duplicate`,
    ),
  ]
}

/** Finds bindings that should be announced and are not, though the relay and bgpd are there. */
function waiting({ reasons }: SnooperReport, relay: Answer<RelayReport>): Finding[] {
  if (!relay.running || !relay.injecting) return []
  const found: Finding[] = []
  const noVni = reasons['vni-not-live'] ?? 0
  if (noVni > 0 && relay.vnis > 0) {
    found.push(
      problem(
        'vni-not-live',
        `${count(noVni, 'binding')} in VNIs that zebra has not announced`,
        'check: vtysh -c "show evpn vni"',
      ),
    )
  }
  const notLocal = reasons['mac-not-local'] ?? 0
  if (notLocal > 0) {
    found.push(
      notice(
        'mac-not-local',
        `${count(notLocal, 'binding')} whose MAC zebra does not announce as local`,
        'normal for a moment; else check: bridge fdb show, vtysh -c "show evpn mac vni all"',
      ),
    )
  }
  const conflicts = reasons['ip-conflict'] ?? 0
  if (conflicts > 0) {
    found.push(
      problem(
        'ip-conflict',
        `${count(conflicts, 'binding')} of an IP announced with another MAC`,
        'two hosts have one address? macipctl bindings',
      ),
    )
  }
  return found
}
