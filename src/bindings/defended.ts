// What a defended claim costs the host that made it, and how that host is asked again. It is not given the address on its old
// claim, as it may have left as well: only an answer teaches, and its answer is a claim like any other, which the owner is
// asked about. So an owner that goes on answering keeps the address, and a host that lies gains nothing but questions.
import type { Anchor, Key } from './model.js'
import { confirmRate } from './probe-rates.js'
import type { Rival } from './rivals.js'
import type { StepContext } from './step-context.js'

/**
 * The host is asked so long after its claim was defended, then after so long again, in milliseconds: most routers and
 * clusters give an address up within a second of handing it over.
 */
const ASK_AFTER_MS = [500, 1000, 2000] as const
/** After so long it is tried again where a port has had no room for a question, or another one is being decided. */
const RETRY_MS = 1000

/** `claimed`: what the challenger at `anchor` said; `owner`: the owner's MAC, and its port if it is here. */
export function charge(context: StepContext, claimed: Key, anchor: Anchor, owner: string): void {
  const { table, policy, now } = context
  if (table.challengers.charge(claimed, anchor, now, policy.duplicates))
    context.emit('held-down', claimed, anchor.port, owner)
}

/** Charges another host for a claim that was defended, unless it was asked for it; it is asked again if it is believed. */
export function repel(context: StepContext, claimed: Key, anchor: Anchor, owner: string): void {
  const { table, policy, now } = context
  const known = table.rivals.find(claimed)
  // its answer, and the time in which that was decided
  const wasAsked = known !== undefined && known.askedAt > now - 2 * policy.duplicates.confirmMs
  if (wasAsked && known.anchor.ifindex === anchor.ifindex) {
    known.askedAt = -Infinity
    return
  }
  charge(context, claimed, anchor, owner)
  if (known !== undefined) table.rivals.delete(known)
  if (!table.challengers.isHeldDown(anchor, claimed.mac, now)) table.rivals.add(claimed, anchor, now + ASK_AFTER_MS[0])
}

export function onRivalDue(context: StepContext, rival: Rival): void {
  const { table, policy, now } = context
  const { vni, mac, ip, anchor, tries } = rival
  // this step may have removed it, or made it due again
  if (table.rivals.find(rival) !== rival) return
  table.timers.delete(rival)
  const holder = table.find(vni, ip)
  const isDeciding = holder?.phase === 'claiming' || holder?.phase === 'contested'
  const isSettled = holder?.isStatic === true || holder?.phase === 'duplicate' || (holder?.mac === mac && !isDeciding)
  if (isSettled || table.challengers.isHeldDown(anchor, mac, now)) {
    table.rivals.delete(rival)
    return
  }
  const hasRoom =
    !isDeciding && table.confirmLimiter.reserveBefore(anchor.ifindex, now, now, confirmRate(policy.probeRate))
  if (hasRoom === false || hasRoom === undefined) {
    table.timers.set(rival, now + RETRY_MS)
    return
  }
  rival.tries += 1
  rival.askedAt = now
  // whatever it has said lately, its answer is news
  context.probe({ ...rival, form: 'poll', lastSeen: now })
  const next = ASK_AFTER_MS[tries + 1]
  if (next !== undefined) table.timers.set(rival, now + next)
  // when the owner goes, it is due once more
  else if (holder === undefined && table.views.competingRemote(rival) === undefined) table.rivals.delete(rival)
}
