// How the owner of a claimed IP is asked, here or behind another VTEP (Confirm, RFC 9161 3.7).
import { confirmRate } from './probe-rate-limiter.js'
import type { StepContext } from './step-context.js'

/** An owner is asked so many times within `confirmMs`. */
export const CONFIRMS = 2

/** The time from one question to the next, and from the last one to the decision, in milliseconds. */
export const confirmInterval = ({ policy }: StepContext): number => policy.duplicates.confirmMs / CONFIRMS

/** Reserves all questions to one owner; returns when to begin, undefined if too many others are asked at the moment. */
export function reserveConfirms(context: StepContext, ifindex: number): number | undefined {
  const { table, policy, now } = context
  const rate = confirmRate(policy.probeRate)
  const at = table.confirmLimiter.reserveBefore(ifindex, now, now + confirmInterval(context), rate)
  if (at === undefined) return undefined
  for (let more = 1; more < CONFIRMS; more++) table.confirmLimiter.reserve(ifindex, now, rate)
  return at
}
