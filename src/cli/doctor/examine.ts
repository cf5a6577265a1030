// Makes results of what was observed. Pure.
import { findingResults } from './checks/findings.js'
import { FRR_CHECKS } from './checks/frr.js'
import { KERNEL_CHECKS } from './checks/kernel.js'
import { NETWORK_CHECKS } from './checks/network.js'
import { RELAY_CHECKS } from './checks/relay.js'
import { SNOOPER_CHECKS } from './checks/snooper.js'
import { SYSTEM_CHECKS } from './checks/system.js'
import type { Observation } from './observation.js'
import { type Check, GROUPS, type Result, type Status, unknown } from './result.js'

export const CHECKS: readonly Check[] = [
  ...SYSTEM_CHECKS,
  ...KERNEL_CHECKS,
  ...FRR_CHECKS,
  ...RELAY_CHECKS,
  ...SNOOPER_CHECKS,
  ...NETWORK_CHECKS,
]

const NO_RELAY = ['relay-not-running', 'keeper-hung', 'keeper-gone', 'worker-hung', 'worker-gone', 'relay-socket']
const NO_BGPD = ['frr-running', 'hook-disabled', 'bgpd-option']
/** Without them nothing starts. */
const NO_START = ['configuration', 'node', 'units']

/** What only says again that something else fails: it cannot be told apart until that is cured. */
const FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  watchfrr: ['frr-running'],
  'bgpd-option': ['frr-running', 'hook', 'hook-disabled'],
  'bgpd-relayed': [...NO_RELAY, ...NO_BGPD, 'session-unknown'],
  'bgpd-direct': [...NO_BGPD, 'hook', 'bgpd-relayed'],
  'bgpd-not-connected': [...NO_BGPD, 'hook', 'bgpd-relayed'],
  'relay-not-running': NO_START,
  'snooper-not-running': [...NO_START, 'capabilities', 'libbpf', 'kernel-version', 'btf'],
  'release-uncertain': ['frr-running'],
  'snooper-without-relay': [...NO_RELAY, 'plain-forwarding'],
  vni: [...NO_RELAY, 'vxlan', 'bgpd-relayed'],
  'no-vni': ['frr-running', 'vxlan', 'advertise-all-vni', 'bgpd-relayed', 'vni'],
  'vni-not-live': ['frr-running', 'vxlan', 'advertise-all-vni', 'vni'],
  'no-port': ['vxlan'],
  'port-not-snooped': ['bpf-attach', 'capabilities'],
  'mac-not-local': ['vxlan', 'age', 'duplicate-macs'],
  'macip-in-bgpd': ['vni', 'vxlan', 'duplicate-macs'],
  'fpm-not-connected': ['frr-running'],
}

/** All results, group by group. */
export function examine(seen: Observation): Result[] {
  const checked = CHECKS.map(({ id, group, look }) => ({ id, group, ...look(seen) }))
  const known = new Set(checked.filter(({ status }) => status !== 'unknown').map(({ id }) => id))
  const found = findingResults(seen, known)
  const failed = new Set([...checked, ...found].filter(({ status }) => status === 'fail').map(({ id }) => id))
  const wrong = new Set([...checked, ...found].filter(isWrong).map(({ id }) => id))
  // a warning explains no failure
  const causeOf = ({ id, status }: Result): string | undefined =>
    FOLLOWS[id]?.find((cause) => (status === 'fail' && failed.has(cause)) || (status === 'warn' && wrong.has(cause)))
  const results = [
    ...checked.map((result) => {
      const cause = causeOf(result)
      return cause === undefined ? result : { ...result, ...unknown(`it follows from ${cause}`) }
    }),
    ...found.filter((result) => causeOf(result) === undefined),
  ]
  return GROUPS.flatMap((group) => results.filter((result) => result.group === group))
}

const isWrong = ({ status }: Result): boolean => status === 'fail' || status === 'warn'

export type Counts = Readonly<Record<Status, number>>

export function countsOf(results: readonly Result[]): Counts {
  const counts = { ok: 0, warn: 0, fail: 0, unknown: 0 }
  for (const { status } of results) counts[status] += 1
  return counts
}
