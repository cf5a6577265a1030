// Where a MAC is: what its sequence number must be, which route of it wins, and when it has moved too often (RFC 7432 7.7
// and 15).
import { parseIp } from '../../base/address.js'
import { withMove } from '../../base/duplicate-detection.js'
import type { Host } from './model.js'
import type { StepContext } from './step-context.js'

/** The sequence number has 32 bits (RFC 7432 7.7). */
const MAX_SEQ = 0xffffffff

/** The next sequence number; there is none above the largest. */
export const above = (seq: number): number => Math.min(seq + 1, MAX_SEQ)

/**
 * The sequence number with which a host is announced that was heard behind `vtep`: above those of routes with another
 * next hop, and that of another proxy that announces the same.
 */
export function sequenceAt(
  { table }: StepContext,
  { vni, mac }: Pick<Host, 'vni' | 'mac'>,
  vtep: string,
  least: number,
): number {
  let seq = least
  for (const { nextHop, macIp } of table.others.ofMac(vni, mac))
    seq = Math.max(seq, nextHop === vtep ? macIp.seq : above(macIp.seq))
  return seq
}

/** Whether another speaker's route of the MAC wins: the higher sequence number, then the lower next hop. */
export function isBeaten({ table }: StepContext, { vni, mac, vtep, seq }: Host): boolean {
  for (const { nextHop, macIp } of table.others.ofMac(vni, mac)) {
    if (nextHop === vtep) continue
    if (macIp.seq > seq || (macIp.seq === seq && isLower(nextHop, vtep))) return true
  }
  return false
}

function isLower(ip: string, other: string): boolean {
  const [one, two] = [parseIp(ip), parseIp(other)]
  if (one === undefined || two === undefined) return ip < other
  return one.length === two.length ? one.compare(two) < 0 : one.length < two.length
}

/** Counts a move; returns whether the host has moved too often, and is frozen. */
export function countMove(context: StepContext, host: Host): boolean {
  const { table, policy, now } = context
  host.moves = withMove(host.moves, now, policy.duplicates)
  if (host.moves.length < policy.duplicates.moves) return false
  host.phase = 'duplicate'
  table.timers.set(host, now + policy.duplicates.holdDownMs)
  context.emit('duplicate', host)
  return true
}
