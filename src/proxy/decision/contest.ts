// Asks the owner of an IP, behind a static VTEP or elsewhere, before another host gets it (Confirm, RFC 9161 3.7).
import { withMove } from '../../base/duplicate-detection.js'
import { above } from './mobility.js'
import { type Address, type Contest, type Host, ipKey, newAddress } from './model.js'
import { afterLoss, scheduleRefresh } from './refresh.js'
import type { Heard } from './input.js'
import type { Refusal } from './refusal.js'
import type { StepContext } from './step-context.js'

/**
 * An owner is asked so many times within `confirmMs`. An answer to the first question alone does not decide: the owner may
 * be about to give the IP up.
 */
const CONFIRMS = 3
/** An owner that cannot be asked within this time is not asked, and the claim is refused. */
const MAX_WAIT_MS = 2000

/** Takes what a host says of an IP. Its MAC has been learned before. */
export function claim(
  context: StepContext,
  host: Host,
  ip: string,
  { isRouter: said, at }: Pick<Heard, 'isRouter' | 'at'>,
): void {
  const { table } = context
  const { vni, mac } = host
  const contest = table.contests.get(ipKey({ vni, ip }))
  if (contest !== undefined) {
    if (contest.claimant !== host) context.refuse('contested', host, ip)
    return
  }
  const address = table.address({ vni, ip })
  if (address?.host === host) {
    confirm(context, address, said, at)
    return
  }
  const refusal = refusalOfIp(context, host, address)
  if (refusal !== undefined) {
    context.refuse(refusal, host, ip)
    return
  }
  const isRouter = said ?? false
  const owner = ownerOf(context, address, mac, { vni, ip })
  if (owner === undefined) take(context, { vni, ip, claimant: host, isRouter, minSeq: 0 })
  else contend(context, { type: 'contest', vni, ip, claimant: host, isRouter, tries: 0, ...owner })
}

/** Why a host does not get an IP, whoever has it; undefined if it may. */
function refusalOfIp({ policy }: StepContext, host: Host, address: Address | undefined): Refusal | undefined {
  if (address?.isStatic === true) return 'static'
  if (address?.phase === 'duplicate') return 'duplicate'
  return host.addresses.size < policy.limits.ipsPerMac ? undefined : 'ip-limit'
}

/** The host has said again that it has the IP. */
function confirm(context: StepContext, address: Address, said: boolean | undefined, at: number): void {
  const { host, phase, isRouter: wasRouter } = address
  const isRouter = said ?? wasRouter
  if (phase === 'duplicate') return
  if (phase !== 'heard') {
    address.phase = 'heard'
    context.emit('learned', host, address.ip)
  }
  if (phase !== 'heard' || wasRouter !== isRouter) context.changes.host(host)
  address.isRouter = isRouter
  address.lastSeen = at
  scheduleRefresh(context, address)
}

/** Who has the IP now, here or at another speaker; undefined if it is not known that anybody has. */
function ownerOf(
  { table }: StepContext,
  address: Address | undefined,
  mac: string,
  { vni, ip }: { vni: number; ip: string },
): Pick<Contest, 'owner' | 'minSeq'> | undefined {
  if (address?.phase === 'heard' && address.host.phase === 'here')
    return { owner: { mac: address.host.mac, vtep: address.host.vtep }, minSeq: 0 }
  const routes = [...table.others.ofIp(vni, ip)].filter(({ macIp }) => macIp.mac !== mac)
  const [first] = routes.sort((one, other) => other.macIp.seq - one.macIp.seq)
  if (first === undefined) return undefined
  return { owner: { mac: first.macIp.mac, vtep: first.nextHop }, minSeq: above(first.macIp.seq) }
}

function contend(context: StepContext, contest: Contest): void {
  const { table, policy, now } = context
  const { claimant, ip, owner } = contest
  const at = table.probes.reserveBefore(owner.vtep, now, now + MAX_WAIT_MS, policy.probeRate)
  if (at === undefined) {
    context.refuse('contested', claimant, ip)
    return
  }
  table.contests.set(ipKey(contest), contest)
  context.emit('contested', claimant, ip, owner.mac)
  if (at > now) table.timers.set(contest, at)
  else onContestDue(context, contest)
}

export function onContestDue(context: StepContext, contest: Contest): void {
  const { table, policy, now } = context
  if (contest.tries === CONFIRMS) {
    endContest(context, contest)
    take(context, contest)
    return
  }
  const { owner, vni, ip } = contest
  if (contest.tries > 0) table.probes.reserve(owner.vtep, now, policy.probeRate)
  contest.tries += 1
  context.probe(vni, owner.vtep, owner.mac, ip)
  table.timers.set(contest, now + policy.duplicates.confirmMs / CONFIRMS)
}

/** Whoever sent the frame may be the owner that is asked, also one behind a VTEP that speaks EVPN. */
export function onAnswer(context: StepContext, { vni, vtep, mac, ip }: Heard): void {
  const contest = ip === undefined ? undefined : context.table.contests.get(ipKey({ vni, ip }))
  if (contest?.owner.mac !== mac || contest.owner.vtep !== vtep || contest.tries < 2) return
  endContest(context, contest)
  context.emit('defended', contest.claimant, contest.ip, mac)
  context.refuse('defended', contest.claimant, contest.ip)
}

/** A route of the IP is gone: if it was the owner's, and no other speaker has one, the claim is decided. */
export function onIpRouteGone(context: StepContext, vni: number, ip: string): void {
  const contest = context.table.contests.get(ipKey({ vni, ip }))
  if (contest === undefined) return
  const address = context.table.address({ vni, ip })
  if (ownerOf(context, address, contest.claimant.mac, contest) !== undefined) return
  endContest(context, contest)
  take(context, contest)
}

export function endContest({ table }: StepContext, contest: Contest): void {
  table.contests.delete(ipKey(contest))
  table.timers.delete(contest)
}

/** The claimant has the IP. */
function take(context: StepContext, won: Pick<Contest, 'vni' | 'ip' | 'claimant' | 'isRouter' | 'minSeq'>): void {
  const { table, policy, now } = context
  const { vni, ip, claimant, isRouter, minSeq } = won
  // it may be gone, or be elsewhere, by now
  if (table.host(claimant) !== claimant || claimant.phase !== 'here') return
  const address = table.address({ vni, ip })
  // much may have happened since it was claimed
  const refusal = refusalOfIp(context, claimant, address)
  if (refusal !== undefined) {
    context.refuse(refusal, claimant, ip)
    return
  }
  context.changes.host(claimant)
  claimant.seq = Math.max(claimant.seq, minSeq)
  if (address === undefined) {
    const added = newAddress(claimant, ip, { isRouter, lastSeen: now })
    table.addAddress(added)
    scheduleRefresh(context, added)
    context.emit('learned', claimant, ip)
    return
  }
  const former = address.host
  context.changes.host(former)
  table.moveAddress(address, claimant)
  afterLoss(context, former)
  Object.assign(address, {
    isRouter,
    lastSeen: now,
    phase: 'heard',
    moves: withMove(address.moves, now, policy.duplicates),
  })
  context.emit('taken-over', claimant, ip, former.mac)
  if (address.moves.length >= policy.duplicates.moves) freeze(context, address)
  else scheduleRefresh(context, address)
}

function freeze(context: StepContext, address: Address): void {
  const { table, policy, now } = context
  Object.assign(address, { phase: 'duplicate', timer: 'hold-down', moves: [] })
  table.timers.set(address, now + policy.duplicates.holdDownMs)
  context.emit('duplicate', address.host, address.ip)
}
