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

/** What only says again that something else fails: it cannot be told apart until that is cured. */
const FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  'bgpd-option': ['hook-disabled', 'frr-running'],
  'bgpd-relayed': ['relay-not-running', 'keeper-hung', 'keeper-gone', 'worker-hung', 'worker-gone', 'session-unknown'],
  'snooper-without-relay': ['relay-not-running', 'worker-hung', 'worker-gone', 'plain-forwarding', 'relay-socket'],
  watchfrr: ['frr-running'],
  'macip-in-bgpd': ['duplicate-macs'],
  vni: ['vxlan', 'bgpd-relayed', 'relay-not-running'],
  'no-port': ['vxlan'],
  'mac-not-local': ['vxlan', 'age', 'duplicate-macs'],
  'descriptor-store': ['keeper-hung'],
}

/** All results, group by group. */
export function examine(seen: Observation): Result[] {
  const results = [...CHECKS.map(({ id, group, look }) => ({ id, group, ...look(seen) })), ...findingResults(seen)]
  const failed = new Set(results.filter(({ status }) => status === 'fail' || status === 'warn').map(({ id }) => id))
  const judged = results.map((result) => {
    const cause = FOLLOWS[result.id]?.find((id) => failed.has(id))
    const isFine = result.status === 'ok' || result.status === 'unknown'
    return isFine || cause === undefined ? result : { ...result, ...unknown(`it follows from ${cause}`) }
  })
  return GROUPS.flatMap((group) => judged.filter((result) => result.group === group))
}

export type Counts = Readonly<Record<Status, number>>

export function countsOf(results: readonly Result[]): Counts {
  const counts = { ok: 0, warn: 0, fail: 0, unknown: 0 }
  for (const { status } of results) counts[status] += 1
  return counts
}
