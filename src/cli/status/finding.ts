// What `macipctl status` finds. The names are an interface, as those of reports: scripts look for them.
import { dirname } from 'node:path'

export type FindingId =
  // the relay's processes
  | 'relay-not-running'
  | 'keeper-gone'
  | 'keeper-hung'
  | 'keeper-not-found'
  | 'worker-hung'
  | 'worker-gone'
  | 'worker-replaced'
  | 'plain-forwarding'
  | 'relay-socket'
  | 'no-descriptor'
  | 'lock-lost'
  | 'run-directory-full'
  | 'journal-not-writable'
  // its sessions
  | 'session-uncertain'
  | 'session-not-trusted'
  | 'session-unknown'
  | 'release-uncertain'
  | 'bgpd-direct'
  | 'bgpd-not-connected'
  | 'no-vni'
  // the snooper
  | 'snooper-not-running'
  | 'snooper-hung'
  | 'snooper-socket'
  | 'snooper-without-relay'
  | 'versions-differ'
  | 'port-not-snooped'
  | 'port-not-first'
  | 'port-silent'
  | 'filters'
  | 'no-port'
  | 'observe-mode'
  | 'learning-rate'
  | 'frames-lost'
  | 'duplicate-ip'
  | 'held-down'
  | 'vni-not-live'
  | 'mac-not-local'
  | 'ip-conflict'
  // zebra's FPM connection
  | 'fpm-not-listening'
  | 'fpm-not-connected'
  | 'fpm-not-ensured'
  | 'fpm-refused'
  | 'fpm-malformed'
  | 'fpm-forward'

/** In a `problem` something does not work; a `notice` is worth knowing, but nothing is broken. */
export type Severity = 'problem' | 'notice'
export type Finding = { id: FindingId; severity: Severity; what: string; todo: string }

export const problem = (id: FindingId, what: string, todo: string): Finding => ({ id, severity: 'problem', what, todo })
export const notice = (id: FindingId, what: string, todo: string): Finding => ({ id, severity: 'notice', what, todo })

/** A process puts its socket there again within a second, unless it cannot. */
export const socketRemoved = (id: 'relay-socket' | 'snooper-socket', who: string, socket: string): Finding =>
  problem(
    id,
    `${who} runs, but nobody can connect to it any more: its socket ${socket} was removed`,
    `it is there again within a second, if its user may write there: ls -ld ${dirname(socket)}; findmnt -T ${dirname(socket)}`,
  )

/** A process whose limit of descriptors is exhausted accepts no connection, and so cannot say anything of itself. */
export const noDescriptor = (who: string, pid: number | string, effect: string, left = 0): Finding =>
  problem(
    'no-descriptor',
    `${who} ${pid} may open ${left === 0 ? 'no more' : `only ${left} more`} descriptors: ${effect}`,
    `see what it has open: ls -l /proc/${pid}/fd; raise its limit: prlimit --pid ${pid} --nofile=4096:`,
  )
