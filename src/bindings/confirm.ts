// How the owner of a claimed IP is asked, here or behind another VTEP (Confirm, RFC 9161 3.7).
import { confirmRate } from './probe-rates.js'
import type { Binding } from './model.js'
import type { StepContext } from './step-context.js'

/** An owner is asked so many times within `confirmMs`. */
export const CONFIRMS = 3

/**
 * Whether the owner keeps the address if it has answered by now. An answer to the first question alone does not decide:
 * the owner may be about to give the address up to the host that claims it.
 */
export const isDecisive = ({ tries }: Pick<Binding, 'tries'>): boolean => tries > 1

/** The time from one question to the next, and from the last one to the decision, in milliseconds. */
export const confirmInterval = ({ policy }: StepContext): number => policy.duplicates.confirmMs / CONFIRMS

/**
 * A claim waits so long until its owner can be asked; those that would wait longer are refused. By default that is enough
 * for all addresses of one family that a host may have.
 */
const MAX_WAIT_MS = 12_000

/** Reserves all questions to one owner; returns when to begin, undefined if too many others are asked at the moment. */
export function reserveConfirms(context: StepContext, ifindex: number): number | undefined {
  const { table, policy, now } = context
  const rate = confirmRate(policy.probeRate)
  const at = table.confirmLimiter.reserveBefore(ifindex, now, now + MAX_WAIT_MS, rate)
  if (at === undefined) return undefined
  for (let more = 1; more < CONFIRMS; more++) table.confirmLimiter.reserve(ifindex, now, rate)
  return at
}
