// Two hosts, one IP: the former owner is asked first (RFC 9161 3.7). Another node's claim is seen as a remote route with
// another MAC, or as a route of zebra's to another VTEP.
import { addMove, countMove } from './duplicate.js'
import type { PortLoss } from './input.js'
import { learn } from './learn.js'
import type { Binding, Claim, Key } from './model.js'
import { confirmRate, refreshRate } from './probe-rate-limiter.js'
import { shareTaken } from './quota.js'
import { isRemote, scheduleRefresh } from './refresh.js'
import { refusalOfKey } from './refusal.js'
import type { StepContext } from './step-context.js'

/** In the confirm time an owner is asked so many times. */
const CONFIRMS = 2

/** Another host claims the IP of `owner`. */
export function contest(context: StepContext, owner: Binding, claim: Claim): void {
  const { table, policy } = context
  if (owner.phase === 'contested') {
    // one claim is decided at a time; the next frame of another is not a repetition
    if (owner.claim === undefined || owner.claim.mac === claim.mac) owner.claim = claim
    else context.forget(claim.anchor, claim.mac, owner.ip)
    return
  }
  const key: Key = { vni: owner.vni, mac: claim.mac, ip: owner.ip }
  const full = shareTaken(context, key, claim.anchor.ifindex, owner)
  if (full !== undefined) {
    context.refuse(full, key, claim.anchor.port)
    return
  }
  // nobody to ask: it was not seen in this run, or is behind another VTEP
  if (policy.probes === 'off' || !owner.confirmed || isRemote(owner, table)) {
    takeOver(context, owner, claim)
    return
  }
  if (askOwner(context, owner, claim, `${claim.mac} ${claim.anchor.port}`)) return
  context.refuse('confirm-busy', key, claim.anchor.port)
  context.forget(claim.anchor, claim.mac, owner.ip)
}

/** zebra routes the IP of `owner` to another VTEP: its host is asked; what it answers decides. */
export function contestByRoute(context: StepContext, owner: Binding, vtep: string): void {
  const { table, policy, now } = context
  const { phase, anchor, confirmed, isStatic } = owner
  if (!confirmed || isStatic || phase === 'contested' || phase === 'duplicate') return
  // one that may not be asked is not given up either: that would be guessing
  if (policy.probes === 'off' || owner.dadUntil > now || isRemote(owner, table)) return
  // refreshing asks it all the same, only later
  if (!askOwner(context, owner, undefined, `route to ${vtep}`)) context.refuse('confirm-busy', owner, anchor.port)
}

/** Begins a contest; false if too many others are asked at the moment. */
function askOwner(context: StepContext, owner: Binding, claim: Claim | undefined, detail: string): boolean {
  const { table, policy, now } = context
  const rate = confirmRate(policy.probeRate)
  const { ifindex, port } = owner.anchor
  const latest = now + policy.duplicates.confirmMs / CONFIRMS
  const at = table.confirmLimiter.reserveBefore(ifindex, now, latest, rate)
  if (at === undefined) return false
  for (let more = 1; more < CONFIRMS; more++) table.confirmLimiter.reserve(ifindex, now, rate)
  owner.phase = 'contested'
  table.contested.add(owner)
  owner.claim = claim
  owner.tries = 0
  table.setTimer(owner, 'confirm', at)
  context.emit('contested', owner, port, detail)
  if (at <= now) onConfirmDue(context, owner)
  return true
}

export function onConfirmDue(context: StepContext, owner: Binding): void {
  const { table, policy, now } = context
  const cannotAnswer = isRemote(owner, table)
  // against a host that was not asked, a route proves nothing
  if (owner.claim === undefined && (cannotAnswer || owner.dadUntil > now)) dropClaim(context, owner)
  else if (owner.tries < CONFIRMS && !cannotAnswer) {
    owner.tries += 1
    // who asks whether the address is free does not have it; if it takes it after all, it will say so
    if (owner.dadUntil <= now) context.probe(owner)
    table.setTimer(owner, 'confirm', now + policy.duplicates.confirmMs / CONFIRMS)
  } else if (owner.claim !== undefined) takeOver(context, owner, owner.claim)
  else context.withdraw(owner, 'elsewhere')
}

/** DEL of the old MAC comes before ADD of the new one (bgpd has one local path per IP). */
function takeOver(context: StepContext, owner: Binding, claim: Claim): void {
  const { table, policy } = context
  const key: Key = { vni: owner.vni, mac: claim.mac, ip: owner.ip }
  // much may have happened since the claim was made
  const refusal =
    refusalOfKey(key, undefined, table.views, policy) ?? shareTaken(context, key, claim.anchor.ifindex, owner)
  if (refusal !== undefined) {
    context.refuse(refusal, key, claim.anchor.port)
    dropClaim(context, owner)
    return
  }
  owner.claim = undefined
  context.withdraw(owner, 'other-mac')
  learn(context, owner.vni, owner.ip, claim, owner)
}

/** The claim, or the route, has come to nothing: the address stays where it is. */
export function dropClaim(context: StepContext, owner: Binding): void {
  const { claim } = owner
  endContest(context, owner)
  owner.claim = undefined
  if (claim !== undefined) context.forget(claim.anchor, claim.mac, owner.ip)
  scheduleRefresh(context, owner)
}

/** The owner's port is gone: nobody is left to object to a claim. */
export function loseOwner(context: StepContext, owner: Binding, why: PortLoss): void {
  const { table, policy } = context
  const { vni, ip, claim } = owner
  context.withdraw(owner, why)
  if (owner.phase !== 'contested' || claim === undefined) return
  if (refusalOfKey({ vni, mac: claim.mac, ip }, undefined, table.views, policy) === undefined)
    learn(context, vni, ip, claim)
}

function endContest({ table }: StepContext, owner: Binding): void {
  owner.phase = 'known'
  owner.tries = 0
  table.contested.delete(owner)
}

/** The former owner was seen while its address was contested. Returns whether the address is frozen now. */
export function defend(context: StepContext, owner: Binding): boolean {
  const { claim } = owner
  endContest(context, owner)
  if (claim === undefined) {
    context.emit('defended', owner, owner.anchor.port)
    return false
  }
  context.refuse('defended', { vni: owner.vni, mac: claim.mac, ip: owner.ip }, claim.anchor.port)
  context.emit('defended', owner, owner.anchor.port, `${claim.mac} ${claim.anchor.port}`)
  if (countMove(context, owner)) return true
  owner.claim = undefined
  context.forget(claim.anchor, claim.mac, owner.ip)
  return false
}

/**
 * The host was seen although bgpd prefers another one's route: it takes the IP back with a higher sequence number.
 * Returns whether it does.
 */
export function bumpSequence({ table }: StepContext, binding: Binding): boolean {
  if (binding.report?.status !== 'remote') return false
  const competingRemote = table.views.competingRemote(binding)
  if (competingRemote === undefined || competingRemote.seq < binding.minSeq) return false
  binding.minSeq = competingRemote.seq + 1
  return true
}

/**
 * bgpd prefers another route. If it preferred ours until now, or the host has just said that it has the IP, the host is
 * asked whether it does.
 */
export function onRemote(context: StepContext, binding: Binding, before: 'told' | 'new' | 'neither'): void {
  const { table, policy, now } = context
  const { anchor, mac, ip, claim } = binding
  // what either of them says from now on is news
  context.forget(anchor, mac, ip)
  if (claim !== undefined) context.forget(claim.anchor, claim.mac, ip)
  endContest(context, binding)
  binding.claim = undefined
  scheduleRefresh(context, binding)
  if (before === 'neither' || binding.isStatic || table.views.competingRemote(binding) === undefined) return
  // frozen it is only if the host objects: one that has given the address up is forgotten instead
  if (before === 'told') addMove(context, binding)
  if (policy.probes === 'send') {
    table.setTimer(
      binding,
      'remote-confirm',
      table.refreshLimiter.reserve(anchor.ifindex, now, refreshRate(policy.probeRate)),
    )
  }
}

/** Who does not object has given the address up: else it came back when the other one goes, with nobody behind it. */
export function onRemoteConfirmDue(context: StepContext, binding: Binding): void {
  const { table, policy, now } = context
  if (binding.tries < CONFIRMS) {
    binding.tries += 1
    if (binding.dadUntil <= now) context.probe(binding)
    table.setTimer(binding, 'remote-confirm', now + policy.duplicates.confirmMs / CONFIRMS)
  } else context.withdraw(binding, 'other-mac')
}
