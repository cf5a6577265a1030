// A host here claims an IP that is announced behind another VTEP with another MAC. An address that is alive elsewhere is
// not taken on bare evidence: its owner there is asked through the tunnel, and keeps it if it answers.
import { CONFIRMS, confirmInterval, isDecisive, reserveConfirms } from './confirm.js'
import { repel } from './defended.js'
import { countMove } from './duplicate.js'
import { type Anchor, type Binding, formOf, type Key } from './model.js'
import { scheduleRefresh } from './refresh.js'
import type { StepContext } from './step-context.js'

/**
 * Whether a host that was seen here defends its address against a remote route without asking that route's host: it was
 * announced first. One that took the address a while ago, or has lost it too often since, asks.
 */
export function insists({ policy, now }: StepContext, { wasAnnounced, tookAt, moves }: Binding): boolean {
  const { windowMs, moves: most } = policy.duplicates
  return wasAnnounced && tookAt <= now - windowMs && moves.filter((at) => at > now - windowMs).length < most
}

/**
 * Returns when the owner behind another VTEP can be asked about the IP that a host claims; undefined if the host is not
 * believed, or too many others are asked at the moment.
 */
export function reserveQuestions(context: StepContext, claimed: Key, anchor: Anchor): number | undefined {
  const { table, now } = context
  const { ifindex, port } = anchor
  if (table.challengers.isHeldDown(anchor, claimed.mac, now)) {
    context.holdDown(claimed, anchor)
    return undefined
  }
  const at = reserveConfirms(context, ifindex)
  if (at !== undefined) return at
  context.refuse('confirm-busy', claimed, port)
  context.forget(anchor, claimed.mac, claimed.ip)
  return undefined
}

/** Asks the owner behind another VTEP before the binding's host gets the IP; the binding is in no overlay meanwhile. */
export function claimRemote(context: StepContext, binding: Binding, ownerMac: string, at: number): void {
  const { table, now } = context
  binding.phase = 'claiming'
  binding.report = undefined
  binding.tries = 0
  context.emit('claiming', binding, binding.anchor.port, ownerMac)
  table.setTimer(binding, 'claim', at)
  if (at <= now) onClaimDue(context, binding)
}

export function onClaimDue(context: StepContext, binding: Binding): void {
  const { table, now } = context
  const owner = table.views.competingRemote(binding)
  if (owner === undefined || binding.tries >= CONFIRMS) {
    settle(context, binding)
    return
  }
  binding.tries += 1
  // the host there may answer only one of the forms
  context.askRemote({ ...binding, mac: owner.mac }, formOf({ form: 'poll', tries: binding.tries }), true)
  table.setTimer(binding, 'claim', now + confirmInterval(context))
}

/** The binding's route must win against one that has this sequence number. */
export function take(context: StepContext, binding: Binding, seq: number): void {
  binding.minSeq = Math.max(binding.minSeq, seq + 1)
  binding.tookAt = context.now
  endClaim(context, binding)
}

/** Gives the IP to the binding that claims it: its owner behind another VTEP was silent, or is gone. */
export function settle(context: StepContext, binding: Binding): void {
  const { table, now } = context
  const owner = table.views.competingRemote(binding)
  if (owner !== undefined) {
    binding.minSeq = Math.max(binding.minSeq, owner.seq + 1)
    binding.tookAt = now
    context.emit('taken-over', binding, binding.anchor.port, owner.mac)
    if (countMove(context, binding)) return
  }
  endClaim(context, binding)
}

/** The questions end: the relay decides about the binding as about any other one. */
export function endClaim(context: StepContext, binding: Binding): void {
  const { rivals } = context.table
  const rival = rivals.find(binding)
  if (rival !== undefined) rivals.delete(rival)
  binding.phase = 'known'
  binding.tries = 0
  scheduleRefresh(context, binding)
  context.put(binding)
}

/** The owner behind another VTEP has answered: the host here does not get the IP. */
export function onRemoteAnswer(context: StepContext, { vni, mac, ip }: Key): void {
  const { table } = context
  const claiming = table.find(vni, ip)
  if (claiming?.phase !== 'claiming' || !table.views.isRemoteRoute({ vni, mac, ip }) || mac === claiming.mac) return
  if (!isDecisive(claiming)) return
  const { anchor } = claiming
  context.emit('defended', { vni, mac, ip }, '', `${claiming.mac} ${anchor.port}`)
  context.withdraw(claiming, 'defended')
  repel(context, { vni, mac: claiming.mac, ip }, anchor, mac)
}
