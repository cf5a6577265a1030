// Two hosts claim one IP. The present owner is asked first (RFC 9161 3.7). Another node's claim shows as a remote route
// with another MAC, or as a route of zebra's to another VTEP.
import { CONFIRMS, confirmInterval, isDecisive, reserveConfirms } from './confirm.js'
import { charge, repel } from './defended.js'
import { addMove } from './duplicate.js'
import type { PortLoss } from './input.js'
import { learn } from './learn.js'
import { type Anchor, type Binding, type Claim, formOf, isInOverlay, type Key } from './model.js'
import { refreshRate } from './probe-rates.js'
import { portFull, shareTaken } from './quota.js'
import { isRemote, scheduleRefresh } from './refresh.js'
import { type Refusal, refusalOfKey } from './refusal.js'
import { reasonOf } from './state.js'
import { claimRemote, insists, onRemoteAnswer, reserveQuestions } from './remote-claim.js'
import type { StepContext } from './step-context.js'

/** Another host claims the IP of `owner`, or the owner was heard behind another port. */
export function contest(context: StepContext, owner: Binding, claim: Claim): void {
  const { table, policy, now } = context
  const key: Key = { vni: owner.vni, mac: claim.mac, ip: owner.ip }
  // the owner is on a segment of this node, and has answered here
  if (owner.phase === 'claiming' && table.views.isSyncedRoute(key) && isDecisive(owner)) {
    onRemoteAnswer(context, key)
    learn(context, owner.vni, owner.ip, claim)
    return
  }
  if (owner.phase === 'contested' || owner.phase === 'claiming') {
    // only one claim is decided at a time: forget the other one, so that its next frame counts as evidence again
    if (owner.phase === 'contested' && (owner.claim === undefined || owner.claim.mac === claim.mac)) owner.claim = claim
    else context.forget(claim.anchor, claim.mac, owner.ip)
    return
  }
  if (claim.mac !== owner.mac && table.challengers.isHeldDown(claim.anchor, claim.mac, now)) {
    context.holdDown(key, claim.anchor)
    return
  }
  const full = roomTaken(context, owner, claim)
  if (full !== undefined) {
    context.refuse(full, key, claim.anchor.port)
    return
  }
  // the owner cannot be asked: it was not seen in this run, or it is behind another VTEP
  if (policy.probes === 'off' || !owner.confirmed || isRemote(owner, table)) {
    takeOver(context, owner, claim)
    return
  }
  if (askOwner(context, owner, claim, `${claim.mac} ${claim.anchor.port}`)) return
  context.refuse('confirm-busy', key, claim.anchor.port)
  context.forget(claim.anchor, claim.mac, owner.ip)
}

/** zebra routes the IP of `owner` to another VTEP: the owner is probed and keeps the IP if it answers. */
export function contestByRoute(context: StepContext, owner: Binding, vtep: string): void {
  const { table, policy, now } = context
  const { phase, anchor, confirmed, isStatic } = owner
  if (!confirmed || isStatic || (phase !== 'known' && phase !== 'probing')) return
  // an owner that must not be probed keeps the IP: without an answer the withdrawal would be a guess
  if (policy.probes === 'off' || owner.dadUntil > now || isRemote(owner, table)) return
  // if the limiter has no room now, the refresh timer probes the owner later anyway
  if (!askOwner(context, owner, undefined, `route to ${vtep}`)) context.refuse('confirm-busy', owner, anchor.port)
}

/** Begins a contest; false if too many others are asked at the moment. */
function askOwner(context: StepContext, owner: Binding, claim: Claim | undefined, detail: string): boolean {
  const { table, now } = context
  const { ifindex, port } = owner.anchor
  const at = reserveConfirms(context, ifindex)
  if (at === undefined) return false
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
  const { table, now } = context
  const cannotAnswer = isRemote(owner, table)
  // a route does not take the IP from a host that could not be asked
  if (owner.claim === undefined && (cannotAnswer || owner.dadUntil > now)) dropClaim(context, owner)
  else if (owner.tries < CONFIRMS && !cannotAnswer) {
    owner.tries += 1
    // a host that runs duplicate detection does not own the address yet; it will announce it if it takes it
    if (owner.dadUntil <= now) askBothWays(context, owner)
    table.setTimer(owner, 'confirm', now + confirmInterval(context))
  } else if (owner.claim !== undefined) takeOver(context, owner, owner.claim)
  else context.withdraw(owner, 'elsewhere')
}

/**
 * Asks an owner on its port, and if another node has it behind the same Ethernet segment, also through the tunnel: its
 * answer to what came through the port may take its link to the other node. That answer says nothing about the port.
 */
function askBothWays(context: StepContext, owner: Binding): void {
  context.probe(owner)
  const isAboutPort = owner.claim?.mac === owner.mac
  if (!isAboutPort && context.table.views.isOnSegment(owner)) context.askRemote(owner, formOf(owner), false)
}

/** A host has answered through the tunnel: one behind another VTEP, or an owner on an Ethernet segment of this node. */
export function onTunnelAnswer(context: StepContext, key: Key): void {
  const owner = context.table.get(key)
  if (owner?.phase !== 'contested') {
    onRemoteAnswer(context, key)
    return
  }
  if (owner.claim?.mac === owner.mac || !isDefended(owner)) return
  defend(context, owner)
  scheduleRefresh(context, owner)
}

/** DEL of the old MAC comes before ADD of the new one (bgpd has one local path per IP). */
function takeOver(context: StepContext, owner: Binding, claim: Claim): void {
  const { table, policy } = context
  const key: Key = { vni: owner.vni, mac: claim.mac, ip: owner.ip }
  // views and quotas may have changed since the claim was made
  const refusal = refusalOfKey(key, undefined, table.views, policy) ?? roomTaken(context, owner, claim)
  if (refusal !== undefined) {
    context.refuse(refusal, key, claim.anchor.port)
    dropClaim(context, owner)
    return
  }
  if (claim.mac === owner.mac) {
    follow(context, owner, claim.anchor)
    return
  }
  owner.claim = undefined
  context.withdraw(owner, 'other-mac')
  learn(context, owner.vni, owner.ip, claim, owner)
}

/** A host that is behind another port takes no more room than before, except there. */
const roomTaken = (context: StepContext, owner: Binding, { mac, anchor }: Claim): Refusal | undefined =>
  mac === owner.mac
    ? portFull(context, owner.ip, anchor.ifindex)
    : shareTaken(context, { vni: owner.vni, mac, ip: owner.ip }, anchor.ifindex, owner)

/** The host is behind another port now. Its route stays as it is, so this is no change of owner, however often. */
export function changePort(context: StepContext, binding: Binding, anchor: Anchor): void {
  context.forget(binding.anchor, binding.mac, binding.ip)
  context.emit('moved', binding, anchor.port, binding.anchor.port)
  context.table.touch(binding, anchor)
}

/** The owner is behind another port now; if only that was contested, nothing is any more. */
export function follow(context: StepContext, owner: Binding, anchor: Anchor): void {
  if (owner.phase === 'contested' && owner.claim?.mac === owner.mac) {
    owner.lastSeen = Math.max(owner.lastSeen, owner.claim.at)
    endContest(context, owner)
    owner.claim = undefined
    scheduleRefresh(context, owner)
  }
  changePort(context, owner, anchor)
  context.put(owner)
}

/** Ends a contest in favour of the owner: the claim or the route was not confirmed. */
export function dropClaim(context: StepContext, owner: Binding): void {
  const { claim } = owner
  endContest(context, owner)
  owner.claim = undefined
  if (claim !== undefined) context.forget(claim.anchor, claim.mac, owner.ip)
  scheduleRefresh(context, owner)
}

/** Withdraws a binding whose port is lost; a claim that was being decided wins, since its owner cannot object now. */
export function loseOwner(context: StepContext, owner: Binding, why: PortLoss): void {
  const { table, policy } = context
  const { vni, ip, claim } = owner
  const isElsewhere = owner.phase === 'contested' && claim?.mac === owner.mac
  if (isElsewhere && portFull(context, ip, claim.anchor.ifindex) === undefined) {
    follow(context, owner, claim.anchor)
    return
  }
  context.withdraw(owner, why)
  if (owner.phase !== 'contested' || claim === undefined) return
  if (refusalOfKey({ vni, mac: claim.mac, ip }, undefined, table.views, policy) === undefined)
    learn(context, vni, ip, claim)
}

/** Whether the owner has defended its address by being seen now. */
export const isDefended = (owner: Binding): boolean =>
  owner.claim === undefined || owner.claim.mac === owner.mac || isDecisive(owner)

function endContest({ table }: StepContext, owner: Binding): void {
  owner.phase = 'known'
  owner.tries = 0
  table.contested.delete(owner)
}

/** Ends a contest because the owner was seen. */
export function defend(context: StepContext, owner: Binding): void {
  const { vni, ip, mac, anchor, claim } = owner
  endContest(context, owner)
  owner.claim = undefined
  if (claim === undefined) {
    context.emit('defended', owner, anchor.port)
    return
  }
  const claimed: Key = { vni, mac: claim.mac, ip }
  context.refuse('defended', claimed, claim.anchor.port)
  context.emit('defended', owner, anchor.port, `${claim.mac} ${claim.anchor.port}`)
  const cost = claim.mac === mac ? charge : repel
  cost(context, claimed, claim.anchor, `${mac} ${anchor.port}`)
  context.forget(claim.anchor, claim.mac, ip)
}

/** As `overtake`, for a host that is heard for the first time in this run, and not announced yet. */
export function claimIfRemote(context: StepContext, binding: Binding): 'no' | 'asking' | 'refused' {
  const remoteOwner = context.table.views.competingRemote(binding)
  if (remoteOwner === undefined || context.policy.probes === 'off') return 'no'
  const at = reserveQuestions(context, binding, binding.anchor)
  if (at === undefined) return 'refused'
  claimRemote(context, binding, remoteOwner.mac, at)
  return 'asking'
}

/**
 * The host was seen here although bgpd prefers a remote route to the IP: its own route overtakes that one, or the host
 * there is asked first. Returns whether it is asked.
 */
export function overtake(context: StepContext, binding: Binding): 'no' | 'overtaken' | 'asking' {
  const { table, policy } = context
  if (reasonOf(binding, table) !== 'remote') return 'no'
  const remoteOwner = table.views.competingRemote(binding)
  if (remoteOwner === undefined || remoteOwner.seq < binding.minSeq) return 'no'
  if (policy.probes === 'send' && !insists(context, binding)) {
    const at = reserveQuestions(context, binding, binding.anchor)
    if (at === undefined) return 'no'
    if (isInOverlay(binding)) context.remove(binding)
    claimRemote(context, binding, remoteOwner.mac, at)
    return 'asking'
  }
  binding.minSeq = remoteOwner.seq + 1
  addMove(context, binding)
  return 'overtaken'
}

/**
 * Handles the report that bgpd prefers another route. The host is probed if its own route was preferred until now, or
 * if it has only just said that it has the IP.
 */
export function onRemote(context: StepContext, binding: Binding, before: 'advertised' | 'new' | 'neither'): void {
  const { table, policy, now } = context
  const { anchor, mac, ip, claim } = binding
  // the next frame of either host counts as evidence
  context.forget(anchor, mac, ip)
  if (claim !== undefined) context.forget(claim.anchor, claim.mac, ip)
  endContest(context, binding)
  binding.claim = undefined
  scheduleRefresh(context, binding)
  if (before === 'neither' || binding.isStatic || table.views.competingRemote(binding) === undefined) return
  // the move is counted, but the IP is frozen only if the host objects: a host that moved away is simply withdrawn
  if (before === 'advertised') addMove(context, binding)
  if (policy.probes === 'send') {
    table.setTimer(
      binding,
      'remote-confirm',
      table.refreshLimiter.reserve(anchor.ifindex, now, refreshRate(policy.probeRate)),
    )
  }
}

/** Withdraws a host that does not answer. Otherwise its binding would return, without a host, when the other goes. */
export function onRemoteConfirmDue(context: StepContext, binding: Binding): void {
  const { table, now } = context
  if (binding.tries < CONFIRMS) {
    binding.tries += 1
    if (binding.dadUntil <= now) context.probe(binding)
    table.setTimer(binding, 'remote-confirm', now + confirmInterval(context))
  } else context.withdraw(binding, 'other-mac')
}
