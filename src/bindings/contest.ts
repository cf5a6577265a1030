// Two hosts, one IP: the former owner is asked first, every change of the owner is counted, and an IP that changes too
// often is a duplicate (RFC 9161 3.7). Another node's claim is seen as a remote route with another MAC.
import { type Binding, type Claim, type Key, newBinding } from './model.js'
import { makeRoom, shareTaken } from './quota.js'
import { confirmRate, refreshRate } from './probe-rate-limiter.js'
import { isRemote, scheduleRefresh } from './refresh.js'
import { refusalOfKey } from './refusal.js'
import type { PortLoss } from './step.js'
import type { Turn } from './step-context.js'

/** In the confirm time an owner is asked so many times. */
const CONFIRMS = 2

/** A host says that it has an IP that nobody had, or that `former` has had until now. */
export function learn(turn: Turn, vni: number, ip: string, claim: Claim, former?: Binding): void {
  const { table } = turn
  const { mac, place, evidence, router, at } = claim
  const key: Key = { vni, mac, ip }
  const full = makeRoom(turn, key, place.ifindex)
  if (full !== undefined) {
    turn.refuse(full, key, place.port)
    return
  }
  const rival = table.views.rival(key)
  const minSeq = rival === undefined ? 0 : rival.seq + 1
  const binding = newBinding({ vni, mac, ip, place, router, evidence, firstSeen: at, lastSeen: at }, { minSeq })
  table.add(binding)
  if (former === undefined) turn.note('learned', binding, place.port, evidence)
  else turn.note('taken-over', binding, place.port, `${former.mac} ${former.place.port}`)
  if (former !== undefined) binding.moves = former.moves
  if ((former !== undefined || rival !== undefined) && countMove(turn, binding)) return
  scheduleRefresh(turn, binding)
  turn.put(binding)
}

/** Another host claims the IP of `owner`. */
export function contest(turn: Turn, owner: Binding, claim: Claim): void {
  const { table, policy } = turn
  if (owner.phase === 'contested') {
    // one claim is decided at a time; the next frame of another is not a repetition
    if (owner.claim === undefined || owner.claim.mac === claim.mac) owner.claim = claim
    else turn.forget(claim.place, claim.mac, owner.ip)
    return
  }
  const key: Key = { vni: owner.vni, mac: claim.mac, ip: owner.ip }
  const full = shareTaken(turn, key, claim.place.ifindex, owner)
  if (full !== undefined) {
    turn.refuse(full, key, claim.place.port)
    return
  }
  // nobody to ask: it was not seen in this run, or is behind another VTEP
  if (policy.probes === 'off' || !owner.confirmed || isRemote(owner, table)) {
    takeOver(turn, owner, claim)
    return
  }
  if (askOwner(turn, owner, claim, `${claim.mac} ${claim.place.port}`)) return
  turn.refuse('confirm-busy', key, claim.place.port)
  turn.forget(claim.place, claim.mac, owner.ip)
}

/** zebra routes the IP of `owner` to another VTEP: its host is asked; what it answers decides. */
export function contestByRoute(turn: Turn, owner: Binding, vtep: string): void {
  const { table, policy, now } = turn
  const { phase, place, confirmed, isStatic } = owner
  if (!confirmed || isStatic || phase === 'contested' || phase === 'duplicate') return
  // one that may not be asked is not given up either: that would be guessing
  if (policy.probes === 'off' || owner.quietUntil > now || isRemote(owner, table)) return
  // refreshing asks it all the same, only later
  if (!askOwner(turn, owner, undefined, `route to ${vtep}`)) turn.refuse('confirm-busy', owner, place.port)
}

/** Begins a contest; false if too many others are asked at the moment. */
function askOwner(turn: Turn, owner: Binding, claim: Claim | undefined, detail: string): boolean {
  const { table, policy, now } = turn
  const rate = confirmRate(policy.probeRate)
  const { ifindex, port } = owner.place
  const latest = now + policy.duplicates.confirmMs / CONFIRMS
  const at = table.confirmPace.reserveBefore(ifindex, now, latest, rate)
  if (at === undefined) return false
  for (let more = 1; more < CONFIRMS; more++) table.confirmPace.reserve(ifindex, now, rate)
  owner.phase = 'contested'
  table.contested.add(owner)
  owner.claim = claim
  owner.tries = 0
  table.setTimer(owner, 'confirm', at)
  turn.note('contested', owner, port, detail)
  if (at <= now) onConfirmDue(turn, owner)
  return true
}

export function onConfirmDue(turn: Turn, owner: Binding): void {
  const { table, policy, now } = turn
  const cannotAnswer = isRemote(owner, table)
  // against a host that was not asked, a route proves nothing
  if (owner.claim === undefined && (cannotAnswer || owner.quietUntil > now)) dropClaim(turn, owner)
  else if (owner.tries < CONFIRMS && !cannotAnswer) {
    owner.tries += 1
    // who asks whether the address is free does not have it; if it takes it after all, it will say so
    if (owner.quietUntil <= now) turn.probe(owner)
    table.setTimer(owner, 'confirm', now + policy.duplicates.confirmMs / CONFIRMS)
  } else if (owner.claim !== undefined) takeOver(turn, owner, owner.claim)
  else turn.withdraw(owner, 'elsewhere')
}

/** DEL of the old MAC comes before ADD of the new one (bgpd has one local path per IP). */
function takeOver(turn: Turn, owner: Binding, claim: Claim): void {
  const { table, policy } = turn
  const key: Key = { vni: owner.vni, mac: claim.mac, ip: owner.ip }
  // much may have happened since the claim was made
  const refusal = refusalOfKey(key, undefined, table.views, policy) ?? shareTaken(turn, key, claim.place.ifindex, owner)
  if (refusal !== undefined) {
    turn.refuse(refusal, key, claim.place.port)
    dropClaim(turn, owner)
    return
  }
  owner.claim = undefined
  turn.withdraw(owner, 'other-mac')
  learn(turn, owner.vni, owner.ip, claim, owner)
}

/** The claim, or the route, has come to nothing: the address stays where it is. */
export function dropClaim(turn: Turn, owner: Binding): void {
  const { claim } = owner
  endContest(turn, owner)
  owner.claim = undefined
  if (claim !== undefined) turn.forget(claim.place, claim.mac, owner.ip)
  scheduleRefresh(turn, owner)
}

/** The owner's port is gone: nobody is left to object to a claim. */
export function loseOwner(turn: Turn, owner: Binding, why: PortLoss): void {
  const { table, policy } = turn
  const { vni, ip, claim } = owner
  turn.withdraw(owner, why)
  if (owner.phase !== 'contested' || claim === undefined) return
  if (refusalOfKey({ vni, mac: claim.mac, ip }, undefined, table.views, policy) === undefined)
    learn(turn, vni, ip, claim)
}

function endContest({ table }: Turn, owner: Binding): void {
  owner.phase = 'known'
  owner.tries = 0
  table.contested.delete(owner)
}

/** The former owner was seen while its address was contested. Returns whether the address is frozen now. */
export function defend(turn: Turn, owner: Binding): boolean {
  const { claim } = owner
  endContest(turn, owner)
  if (claim === undefined) {
    turn.note('defended', owner, owner.place.port)
    return false
  }
  turn.refuse('defended', { vni: owner.vni, mac: claim.mac, ip: owner.ip }, claim.place.port)
  turn.note('defended', owner, owner.place.port, `${claim.mac} ${claim.place.port}`)
  if (countMove(turn, owner)) return true
  owner.claim = undefined
  turn.forget(claim.place, claim.mac, owner.ip)
  return false
}

/**
 * The host was seen although bgpd prefers another one's route: it takes the IP back with a higher sequence number.
 * Returns whether it does.
 */
export function overtake({ table }: Turn, binding: Binding): boolean {
  if (binding.report?.status !== 'remote') return false
  const rival = table.views.rival(binding)
  if (rival === undefined || rival.seq < binding.minSeq) return false
  binding.minSeq = rival.seq + 1
  return true
}

/**
 * bgpd prefers another route. If it preferred ours until now, or the host has just said that it has the IP, the host is
 * asked whether it does.
 */
export function onRemote(turn: Turn, binding: Binding, before: 'told' | 'new' | 'neither'): void {
  const { table, policy, now } = turn
  const { place, mac, ip, claim } = binding
  // what either of them says from now on is news
  turn.forget(place, mac, ip)
  if (claim !== undefined) turn.forget(claim.place, claim.mac, ip)
  endContest(turn, binding)
  binding.claim = undefined
  scheduleRefresh(turn, binding)
  if (before === 'neither' || binding.isStatic || table.views.rival(binding) === undefined) return
  // frozen it is only if the host objects: one that has given the address up is forgotten instead
  if (before === 'told') addMove(turn, binding)
  if (policy.probes === 'send') {
    table.setTimer(binding, 'object', table.pace.reserve(place.ifindex, now, refreshRate(policy.probeRate)))
  }
}

/** Who does not object has given the address up: else it came back when the other one goes, with nobody behind it. */
export function onObjectDue(turn: Turn, binding: Binding): void {
  const { table, policy, now } = turn
  if (binding.tries < CONFIRMS) {
    binding.tries += 1
    if (binding.quietUntil <= now) turn.probe(binding)
    table.setTimer(binding, 'object', now + policy.duplicates.confirmMs / CONFIRMS)
  } else turn.withdraw(binding, 'other-mac')
}

function addMove({ policy, now }: Turn, binding: Binding): void {
  const { moves, windowMs } = policy.duplicates
  // more than count are not kept
  binding.moves = [...binding.moves.filter((at) => at > now - windowMs), now].slice(-moves)
}

/** The IP has another owner, or the same one elsewhere. Returns whether that was once too often: then it is frozen. */
export function countMove(turn: Turn, binding: Binding): boolean {
  const { policy, now, table } = turn
  const { moves, holdDownMs } = policy.duplicates
  addMove(turn, binding)
  if (binding.moves.length < moves || binding.isStatic) return false
  binding.phase = 'duplicate'
  table.duplicates.add(binding)
  table.setTimer(binding, 'hold-down', now + holdDownMs)
  turn.remove(binding)
  const also = binding.claim?.mac ?? table.views.rival(binding)?.mac ?? ''
  turn.note('duplicate', binding, binding.place.port, also)
  return true
}

/** `why`: the hold-down time is over, or an operator says so. */
export function release(turn: Turn, binding: Binding, why: 'hold-down' | 'cleared'): void {
  turn.note('released', binding, binding.place.port, why)
  turn.withdraw(binding, why)
}
