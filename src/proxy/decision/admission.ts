// What is checked before a frame that a VTEP sent teaches anything.
import { isIPv6 } from 'node:net'
import type { Heard } from './input.js'
import type { Policy } from './policy.js'
import type { Refusal } from './refusal.js'
import type { Table } from './table.js'

/** How a VTEP stands in a VNI. */
export type VtepState = 'configured' | 'found' | Extract<Refusal, 'vni-unknown' | `vtep-${string}`>

/** Whether a VTEP may be announced for, or why not. */
export function stateOfVtep(table: Table, policy: Policy, vni: number, vtep: string): VtepState {
  const configured = policy.vnis.get(vni)
  if (configured === undefined) return 'vni-unknown'
  if (table.others.isNative(vtep)) return 'vtep-native'
  if (configured.vteps.has(vtep)) return 'configured'
  const { from, limit } = policy.discover
  if (from?.check(vtep, isIPv6(vtep) ? 'ipv6' : 'ipv4') !== true) return 'vtep-not-allowed'
  const found = table.foundIn(vni)
  return found.has(vtep) || found.size < limit ? 'found' : 'vtep-limit'
}

export const isServed = (state: VtepState): state is 'configured' | 'found' =>
  state === 'configured' || state === 'found'

export type Place = Pick<Heard, 'vni' | 'vtep' | 'mac'>

/** Why a frame of a host teaches nothing about its MAC; undefined if it does. */
export function refusalOf(table: Table, policy: Policy, { vni, vtep, mac }: Place): Refusal | undefined {
  if (table.synced.size === 0) return 'no-session'
  const state = stateOfVtep(table, policy, vni, vtep)
  if (!isServed(state)) return state
  const host = table.host({ vni, mac })
  if (host?.isStatic === true && host.vtep !== vtep) return 'static'
  if (host?.phase === 'duplicate') return 'duplicate'
  for (const { nextHop, macIp } of table.others.ofMac(vni, mac)) {
    if (nextHop === vtep) continue
    if (macIp.isSticky) return 'sticky'
    if (macIp.isGateway) return 'gateway'
  }
  if (host?.vtep === vtep) return undefined
  if (table.hostsBehind({ vni, vtep }).size >= policy.limits.macsPerVtep) return 'mac-limit'
  return host === undefined && table.countIn(vni) >= policy.limits.macsPerVni ? 'vni-limit' : undefined
}
