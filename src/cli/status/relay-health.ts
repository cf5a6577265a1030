// Finds out what is wrong with the relay, from what its keeper and its worker say, or do not say.
import { dirname } from 'node:path'
import { NO_ROOM } from '../../base/exit.js'
import type { KeeperReport } from '../../control/keeper-report.js'
import { restartBgpdCommand } from '../hook/advice.js'
import type { Answer, NotRunning, RelayReport, Running } from '../report.js'
import { count, duration } from '../text.js'
import { type Finding, noDescriptor, notice, problem, socketRemoved } from './finding.js'

export type Relay = { keeper: Answer<KeeperReport>; relay: Answer<RelayReport> }

/** Returns what is wrong with the relay's processes: at most one thing that explains why one does not answer comes first. */
export function processFindings({ keeper, relay }: Relay, now: number): Finding[] {
  const found = keeper.running ? workerFinding(keeper, relay, now) : keeperFinding(keeper, relay)
  const ofKeeper = keeper.running
    ? [...lockFinding(keeper), ...descriptorFinding(keeper), ...(relay.running ? [] : roomFinding(keeper))]
    : []
  return [...(found === undefined ? [] : [found]), ...ofKeeper]
}

/** The keeper answers. */
function workerFinding(keeper: Running<KeeperReport>, relay: Answer<RelayReport>, now: number): Finding | undefined {
  const { worker, plain } = keeper
  const { state, pid, lastEnd } = worker
  const before = lastEnd === null ? '' : `; the last one ended ${duration(now - lastEnd.time)} ago (${lastEnd.why})`
  if (plain !== null)
    return problem(
      'plain-forwarding',
      `the keeper forwards the bytes of bgpd and zebra itself, unseen, so nothing is announced or withdrawn: ${plain}${before}`,
      'it tries new workers until one serves; the reason is in the relay’s log: the worker ended, the worker cannot work',
    )
  if (relay.running) return undefined
  switch (state) {
    case 'hung':
      return hung(pid)
    case 'gone':
    case 'starting':
      return problem(
        'worker-gone',
        `no worker of the relay serves, so the bytes of bgpd and zebra wait${before}`,
        'the keeper starts another one by itself, and forwards the bytes after some seconds without; look again in a moment: macipctl status',
      )
    case 'recovered':
    case 'serving':
      if (relay.cause === 'silent') return hung(relay.pid ?? pid)
      if (relay.cause === 'no-descriptor')
        return noDescriptor(
          'the relay’s worker',
          relay.pid ?? pid ?? 'PID',
          'its sessions go on, but it answers nobody',
        )
      if (relay.cause === 'unnamed') return socketRemoved('relay-socket', 'the relay’s worker', relay.socket)
      return problem(
        'relay-socket',
        `the relay’s worker ${pid ?? ''} serves, but does not answer at ${relay.socket}: ${relay.error}`,
        'name its control socket with --relay; if this is the one, the relay’s log says why it cannot listen there',
      )
  }
}

const hung = (pid: number | null): Finding =>
  problem(
    'worker-hung',
    `the relay’s worker ${pid ?? ''} hangs, so the bytes of bgpd and zebra wait`,
    `the keeper replaces it within some seconds; look again: macipctl status; if it still hangs: kill -KILL ${pid ?? 'PID'}`,
  )

/** The keeper does not answer. */
function keeperFinding(keeper: NotRunning, relay: Answer<RelayReport>): Finding | undefined {
  if (relay.running && relay.keeperLost) {
    const { keeperPid, workerPid, sessions } = relay
    return problem(
      'keeper-gone',
      `the relay’s keeper ${keeperPid} has ended; its worker ${workerPid} still serves ${count(sessions.length, 'connection')} of bgpd, but nothing accepts a new one, and nothing replaces the worker`,
      `bgpd loses zebra for a moment when the relay is started anew: kill -TERM ${workerPid}; macipd relay`,
    )
  }
  if (keeper.cause === 'no-descriptor')
    return noDescriptor(
      'the relay’s keeper',
      keeper.pid ?? 'PID',
      `nothing accepts a new connection of bgpd; ${NO_WORKER}`,
    )
  if (keeper.cause === 'silent') {
    const pid = keeper.pid ?? (relay.running ? relay.keeperPid : 'PID')
    const workerPid = relay.running ? relay.workerPid : relay.pid
    const worker = workerPid === null ? '' : ` ${workerPid}`
    return problem(
      'keeper-hung',
      `the relay’s keeper ${pid} hangs: nothing accepts a new connection of bgpd, and nothing replaces a worker that ends`,
      `if it was stopped: kill -CONT ${pid}; if not, bgpd loses zebra for a moment: kill -KILL ${pid}${worker}; macipd relay`,
    )
  }
  if (keeper.cause === 'unnamed') return socketRemoved('relay-socket', 'the relay’s keeper', keeper.socket)
  if (relay.running)
    return notice(
      'keeper-not-found',
      `the relay’s keeper ${relay.keeperPid} does not answer at ${keeper.socket}: ${keeper.error}`,
      'name the relay’s run directory with --run-dir',
    )
  return relay.cause === 'unnamed'
    ? socketRemoved('relay-socket', 'the relay’s worker', relay.socket)
    : relayMissing(relay)
}

const relayMissing = ({ socket, error }: NotRunning): Finding =>
  problem(
    'relay-not-running',
    `the relay does not answer at ${socket}: ${error}`,
    'start it with: macipd relay — bgpd reaches zebra only through it; or name its socket with --relay',
  )

const NO_WORKER = 'if the worker ends, the bytes pass, but nothing is announced or withdrawn'

/** A bgpd that comes has three connections, which take six descriptors each, and a worker that starts takes a few. */
const DESCRIPTORS_NEEDED = 24

const descriptorFinding = ({ pid, descriptorsLeft: left }: KeeperReport): Finding[] =>
  left === null || left >= DESCRIPTORS_NEEDED
    ? []
    : [noDescriptor('the relay’s keeper', pid, `they do not suffice for bgpd when it comes anew; ${NO_WORKER}`, left)]

const lockFinding = ({ isAlone, pid, runDir }: KeeperReport): Finding[] =>
  isAlone
    ? []
    : [
        problem(
          'lock-lost',
          `another relay has taken the run directory ${runDir} of the keeper ${pid}: each destroys the other’s journal and sockets`,
          `find both: lslocks --output PID,COMMAND,PATH | grep relay.lock; give one its own directory: macipd relay --run-dir DIR`,
        ),
      ]

/** A worker that answers knows more of it. */
const roomFinding = ({ runDirFull, runDir }: KeeperReport): Finding[] =>
  runDirFull
    ? [
        problem(
          'run-directory-full',
          `the run directory ${runDir} is full, so the next worker cannot keep a journal; ${EFFECT}`,
          makeRoom(runDir),
        ),
      ]
    : []

/** Returns what is wrong in what the worker reports. */
export const workerFindings = (relay: RelayReport, now: number): Finding[] => [
  ...sessionFindings(relay),
  ...journalFindings(relay, now),
  ...replaced(relay),
]

/** Returns why nothing can be announced at all: at most one finding, because what follows from it is not said. */
export function sessionFindings(relay: RelayReport): Finding[] {
  const main = relay.sessions.find(({ kind }) => kind === 'main')
  if (main === undefined) return [withoutMain(relay)]
  if (main.untrusted !== '')
    return [problem('session-not-trusted', `nothing is announced: ${main.untrusted}`, beginAnew(relay))]
  if (main.uncertain !== '') return [sessionUncertain(main.uncertain, relay)]
  if (!relay.injecting) return [releaseUncertain(relay.releaseReason || 'the FRR release is not certain')]
  if (relay.vnis > 0) return []
  return [
    problem(
      'no-vni',
      'zebra has announced no VNI',
      'check advertise-all-vni in the BGP configuration, and: vtysh -c "show evpn vni"',
    ),
  ]
}

function sessionUncertain(why: string, { relearningFailure, zebra }: RelayReport): Finding {
  const what = `nothing is announced or withdrawn: ${why}`
  if (relearningFailure === '')
    return problem(
      'session-uncertain',
      `${what}; what bgpd has is being read from FRR`,
      'it takes some seconds, and begins half a minute after bgpd has connected; look again: macipctl status',
    )
  const vty = `${dirname(zebra)}/{zebra,bgpd}.vty`
  return problem(
    'session-uncertain',
    `${what}; what bgpd has could not be read from FRR, which is tried again: ${relearningFailure}`,
    `the relay’s user must be able to use both sockets: ls -l ${vty}; ${beginAnew({ zebra })}`,
  )
}

const releaseUncertain = (why: string): Finding =>
  problem(
    'release-uncertain',
    `nothing is announced: ${why}`,
    'find out the release: vtysh -c "show version"; then start the relay with it: macipd relay --frr-release X.Y',
  )

const beginAnew = ({ zebra }: Pick<RelayReport, 'zebra'>): string =>
  `bgpd and zebra begin anew when bgpd is restarted: ${restartBgpdCommand(zebra)}`

function withoutMain({ sessions, listen, zebra, bgpdDirect }: RelayReport): Finding {
  const lost = sessions.find(({ untrusted }) => untrusted !== '')
  if (lost !== undefined)
    return problem('session-unknown', `nothing is announced: ${lost.untrusted}`, beginAnew({ zebra }))
  // its HELLO is that of no known release, so that it is not known which connection it is
  const odd = sessions.find(({ kind, client, note }) => kind === 'other' && client === '' && note !== '')
  if (odd !== undefined) return releaseUncertain(odd.note)
  const start = `FRR must start bgpd with -z ${listen}: ${restartBgpdCommand(zebra)}`
  if (bgpdDirect)
    return problem(
      'bgpd-direct',
      'bgpd is connected to zebra, but not through this relay, so nothing is announced',
      start,
    )
  return problem('bgpd-not-connected', 'bgpd is not connected to the relay', start)
}

const EFFECT = 'if the worker ends then, its successor does not know what bgpd has been told, and announces nothing'

const makeRoom = (directory: string): string =>
  `make room, or raise the quota or the limit of a file’s size: df -h ${directory}; df -i ${directory}; ` +
  `du -sh ${directory}/*; the relay goes on by itself within a second`

function journalFindings({ journalFailure }: RelayReport, now: number): Finding[] {
  if (journalFailure === null) return []
  const { path, since, code, why, isWritten } = journalFailure
  const directory = dirname(path)
  const effect = `if the worker ends now, its successor does not know what bgpd has been told, and announces nothing`
  const what = (cause: string): string => `${cause} for ${duration(now - since)}; ${effect}`
  if (isWritten)
    return [
      problem(
        'run-directory-full',
        `the run directory ${directory} is full: ${path} is still written, but ${why}; ${EFFECT}`,
        makeRoom(directory),
      ),
    ]
  return [
    NO_ROOM.has(code)
      ? problem(
          'run-directory-full',
          what(`the run directory ${directory} is full, so ${path} cannot be written`),
          makeRoom(directory),
        )
      : problem(
          'journal-not-writable',
          what(`the journal ${path} cannot be written (${why})`),
          `see who may write there: ls -ld ${directory} ${path}; the relay goes on by itself within a second`,
        ),
  ]
}

function replaced({ workerStarts }: RelayReport): Finding[] {
  if (workerStarts <= 1) return []
  const restarts = count(workerStarts - 1, 'time')
  return [
    notice(
      'worker-replaced',
      `the relay’s worker was replaced ${restarts}`,
      "look for 'the worker ended' in the relay's log",
    ),
  ]
}
