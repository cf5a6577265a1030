// The only function that changes the table: it takes an input and returns actions for the relay, the eBPF program and
// the hosts, in the order in which they must be done. The relay's overlay should hold the bindings for which
// `isInOverlay` is true; the relay decides which of those are announced to bgpd at the moment.
import type { Input } from './input.js'
import { onRestored } from './restore.js'
import { onPortRenamed } from './rename.js'
import { learn } from './learn.js'
import {
  type Anchor,
  type Binding,
  type Claim,
  type Evidence,
  newBinding,
  NO_ANCHOR,
  type Status,
  formOf,
} from './model.js'
import {
  changePort,
  claimIfRemote,
  contest,
  defend,
  dropClaim,
  follow,
  isDefended,
  loseOwner,
  onConfirmDue,
  onRemote,
  onRemoteConfirmDue,
  onTunnelAnswer,
  overtake,
} from './contest.js'
import { onRivalDue } from './defended.js'
import { release } from './duplicate.js'
import { portFull } from './quota.js'
import type { Policy, StaticBinding } from './policy.js'
import {
  DAD_MS,
  giveUp,
  isRemote,
  onAgeDue,
  onProbeDue,
  onRefreshDue,
  refreshNow,
  reviewProxied,
  scheduleRefresh,
} from './refresh.js'
import { onClaimDue, settle } from './remote-claim.js'
import { type Refusal, refusalOfEvidence } from './refusal.js'
import type { Rival } from './rivals.js'
import { reasonOf } from './state.js'
import type { Table } from './table.js'
import { type Action, StepContext } from './step-context.js'
import type { ViewChange } from './views.js'
import { onFpmUpdate, reviewMac } from './fpm.js'

export type { Action }

/** One step handles at most this many deadlines, so that none takes long. */
const MAX_DUE = 1000

/**
 * Takes one input. `now` is the moment at which it is taken, not the one at which its frame came, in milliseconds of the
 * monotonic clock that all times in the table use. Time never goes back: a `now` before that of the last step counts as
 * that. The same inputs with the same times always have the same outcome.
 */
export function step(table: Table, input: Input, policy: Policy, now: number): Action[] {
  const context = new StepContext(table, policy, table.advance(now))
  dispatch(context, input)
  return context.actions
}

function dispatch(context: StepContext, input: Input): void {
  const { table } = context
  switch (input.type) {
    case 'evidence':
      onEvidence(context, input.evidence)
      return
    case 'fdb':
      onFdb(context, input)
      return
    case 'port-renamed':
      onPortRenamed(context, input)
      return
    case 'port-lost':
      onPortLost(context, input)
      return
    case 'restored':
      onRestored(context, input)
      return
    case 'static':
      for (const binding of input.bindings) onStatic(context, binding)
      return
    case 'relay':
      if (input.connected) table.connection += 1
      table.relayConnected = input.connected
      return
    case 'report':
      onReport(context, input)
      return
    case 'view':
      onView(context, input.change)
      return
    case 'views-reset':
      for (const { vni, mac } of table.views.clear()) reviewMac(context, vni, mac)
      return
    case 'fpm':
      onFpmUpdate(context, input.update)
      return
    case 'remote-answer':
      onTunnelAnswer(context, input.key)
      return
    case 'clear': {
      if (input.what === 'held-down') {
        table.challengers.release(input.key)
        context.hearClaims(input.key)
        context.emit('released', input.key, '', 'cleared')
        return
      }
      const binding = table.get(input.key)
      if (binding?.phase === 'duplicate') release(context, binding, 'cleared')
      else if (binding?.isStatic === false && input.what === 'binding') context.withdraw(binding, 'cleared')
      return
    }
    case 'tick':
      onTick(context)
  }
}

function onTick(context: StepContext): void {
  const { timers } = context.table
  const rivals: Rival[] = []
  for (const due of timers.due(context.now, MAX_DUE)) {
    if (due.timer === 'rival') rivals.push(due)
    else onDue(context, due)
  }
  // a claim that is decided now may be theirs
  for (const rival of rivals) onRivalDue(context, rival)
}

function onDue(context: StepContext, binding: Binding): void {
  switch (binding.timer) {
    case 'refresh':
      onRefreshDue(context, binding)
      return
    case 'probe':
      onProbeDue(context, binding)
      return
    case 'give-up':
      giveUp(context, binding)
      return
    case 'age':
      onAgeDue(context, binding)
      return
    case 'confirm':
      onConfirmDue(context, binding)
      return
    case 'claim':
      onClaimDue(context, binding)
      return
    case 'remote-confirm':
      onRemoteConfirmDue(context, binding)
      return
    case 'hold-down':
      release(context, binding, 'hold-down')
      return
    // another deadline of this step may have removed this timer
    case undefined:
  }
}

function onEvidence(context: StepContext, evidence: Evidence): void {
  const { table, policy } = context
  const { anchor, vni, mac, ip, kind } = evidence
  const current = vni === undefined ? undefined : table.find(vni, ip)
  if (kind === 'arp-probe' || kind === 'dad-ns') {
    // a host that asks whether it is free does not have it
    for (const rival of vni === undefined ? [] : table.rivals.ofIp(vni, ip))
      if (rival.anchor.ifindex === anchor?.ifindex) table.rivals.delete(rival)
    if (current !== undefined) onAsking(context, evidence, current)
    return
  }
  const refusal = refusalOfEvidence(evidence, current, table.views, policy)
  // a refusal always covers these two; the test is for the compiler
  if (refusal !== undefined || anchor === undefined || vni === undefined) {
    refuse(context, refusal ?? 'no-port', evidence, current)
    return
  }
  if (current?.mac === mac) {
    onSeen(context, current, evidence, anchor)
    return
  }
  const router = (kind === 'na' || kind === 'ra') && evidence.router
  const claim: Claim = { mac, anchor, evidence: kind, router, at: seenAt(context, evidence) }
  if (current === undefined) learn(context, vni, ip, claim)
  else contest(context, current, claim)
}

/** The time of the frame. A time in the future would make its binding age too late. */
const seenAt = ({ now }: StepContext, { at }: Evidence): number => Math.min(at, now)

/** The host runs duplicate detection: meanwhile a question about the address on its port would look like a conflict. */
function onAsking(context: StepContext, evidence: Evidence, current: Binding): void {
  if (evidence.anchor?.ifindex !== current.anchor.ifindex) return
  const at = seenAt(context, evidence)
  if (current.dadUntil <= at) current.dadSince = at
  current.dadUntil = Math.max(current.dadUntil, at + DAD_MS)
}

function refuse(context: StepContext, refusal: Refusal, evidence: Evidence, current: Binding | undefined): void {
  const { vni = 0, mac, ip, anchor } = evidence
  context.refuse(refusal, { vni, mac, ip }, anchor?.port ?? '')
  // the node may have been given the address after the binding was made
  const taken = refusal === 'own-ip' || refusal === 'network-ip' || (refusal === 'own-mac' && current?.mac === mac)
  if (taken && current?.isStatic === false) context.withdraw(current, refusal)
}

/** Updates a binding whose host was seen. */
function onSeen(context: StepContext, binding: Binding, evidence: Evidence, anchor: Anchor): void {
  const { table, policy } = context
  const { kind, router, mac } = evidence
  const { anchor: old, tries, confirmed, isProxied, isStatic } = binding
  const at = seenAt(context, evidence)
  if (isStatic) {
    binding.lastSeen = Math.max(binding.lastSeen, at)
    return
  }
  const isElsewhere = anchor.ifindex !== old.ifindex
  const full = isElsewhere ? portFull(context, binding.ip, anchor.ifindex) : undefined
  if (full !== undefined) {
    context.refuse(full, binding, anchor.port)
    return
  }
  const canBeAsked = confirmed && policy.probes === 'send' && binding.phase !== 'claiming' && !isRemote(binding, table)
  // a frame alone does not say that the host has moved: anybody can send one with its MAC
  if (isElsewhere && canBeAsked && evidence.fdbPort !== anchor.ifindex) {
    contest(context, binding, { mac, anchor, evidence: kind, router, at })
    return
  }
  binding.evidence = kind
  binding.confirmed = true
  binding.isProxied = false
  const moved = isElsewhere || anchor.vlan !== old.vlan
  const isAskedAgain = binding.phase === 'contested' && !moved && !isDefended(binding)
  if (binding.phase === 'contested' && !isAskedAgain) defend(context, binding)
  if (moved) changePort(context, binding, anchor)
  else table.touch(binding, anchor)
  binding.lastSeen = Math.max(binding.lastSeen, at)
  if (isProxied) context.put(binding)
  if (isAskedAgain) return
  // only advertisements carry the router flag
  const routerChanged = (kind === 'na' || kind === 'ra') && router !== binding.router
  if (routerChanged) {
    binding.router = router
    context.emit('router', binding, anchor.port, router ? 'router' : 'host')
  }
  if (binding.phase === 'claiming') return
  if (binding.phase === 'probing') {
    binding.phase = 'known'
    table.answered += 1
    if (tries > 1) context.emit('answered', binding, anchor.port)
  }
  binding.form = formOf({ form: binding.form, tries })
  binding.tries = 0
  const overtaking = confirmed ? overtake(context, binding) : claimIfRemote(context, binding)
  if (overtaking === 'asking') return
  if (overtaking === 'refused') {
    // its next frame, or its next answer, is a claim again
    binding.confirmed = false
    return
  }
  scheduleRefresh(context, binding)
  const isNews = overtaking === 'overtaken' || moved || routerChanged || !confirmed || anchor.port !== old.port
  if (isNews) context.put(binding)
}

/** The bridge sends what is for the host to another port now: that is where the host is, whatever frames claim. */
function onFdb(context: StepContext, { vni, mac, anchor }: Extract<Input, { type: 'fdb' }>): void {
  for (const binding of [...(context.table.ofMac(vni, mac)?.bindings ?? [])]) {
    const { isStatic, phase, ip, confirmed } = binding
    if (!confirmed && (phase === 'known' || phase === 'probing')) refreshNow(context, binding)
    if (isStatic || phase === 'duplicate' || binding.anchor.ifindex === anchor.ifindex) continue
    if (portFull(context, ip, anchor.ifindex) === undefined) follow(context, binding, anchor)
  }
}

function onPortLost(context: StepContext, { ifindex, vlan, reason }: Extract<Input, { type: 'port-lost' }>): void {
  const { table } = context
  const isLost = (anchor: Anchor | undefined): boolean =>
    anchor?.ifindex === ifindex && (vlan === undefined || anchor.vlan === vlan)
  for (const rival of table.rivals.onPort(ifindex)) if (isLost(rival.anchor)) table.rivals.delete(rival)
  for (const owner of [...table.contested]) if (isLost(owner.claim?.anchor)) dropClaim(context, owner)
  // frozen bindings stay: otherwise a port that goes down and up would end the freeze
  const lost = [...table.onPort(ifindex)].filter(({ anchor, phase }) => phase !== 'duplicate' && isLost(anchor))
  for (const binding of lost) loseOwner(context, binding, reason)
  if (reason === 'port-gone') {
    table.refreshLimiter.forget(ifindex)
    table.confirmLimiter.forget(ifindex)
  }
}

function onStatic(context: StepContext, { vni, mac, ip, router }: StaticBinding): void {
  const { table, now } = context
  const current = table.find(vni, ip)
  if (current !== undefined) context.withdraw(current, 'static')
  const seed = { vni, mac, ip, anchor: NO_ANCHOR, router, evidence: 'static', firstSeen: now, lastSeen: now } as const
  const binding = newBinding(seed, { isStatic: true })
  table.add(binding)
  context.emit('learned', binding, '', 'static')
  context.put(binding)
}

function onReport(context: StepContext, { key, status, seq }: Extract<Input, { type: 'report' }>): void {
  const { table } = context
  const binding = table.get(key)
  // such a binding is not in the overlay: this report is from before its removal
  if (binding === undefined || binding.suppressedByFpm || binding.isProxied || binding.phase === 'claiming') return
  const before = binding.report?.status
  binding.report = { status, seq, connection: table.connection }
  if (status === before || binding.phase === 'duplicate') return
  context.emit('state', binding, binding.anchor.port, reasonOf(binding, table))
  const wasAdvertised = isAdvertised(before)
  if (isAdvertised(status)) binding.wasAnnounced = true
  if (status === 'remote' && binding.confirmed) {
    onRemote(context, binding, wasAdvertised ? 'advertised' : before === undefined ? 'new' : 'neither')
  }
  // the host is local again after a time in which it was not probed, or before it answered a remote-confirm probe
  else if ((binding.timer === 'age' || binding.timer === 'remote-confirm') && !isRemote(binding, table)) {
    binding.tries = 0
    scheduleRefresh(context, binding)
  }
  // zebra lost the MAC: probing the host makes the bridge learn it again
  else if (status === 'mac-not-local' && wasAdvertised && binding.phase === 'known') refreshNow(context, binding)
}

const isAdvertised = (status: Status | undefined): boolean => status === 'announced' || status === 'shadowed'

function onView(context: StepContext, change: ViewChange): void {
  const { table } = context
  for (const { vni, mac } of table.views.apply(change)) reviewMac(context, vni, mac)
  if (change.type === 'vni' || change.ip === undefined) return
  const holder = table.find(change.vni, change.ip)
  if (holder !== undefined) reviewProxied(context, holder)
  if (change.gone) {
    if (change.by === 'bgpd') {
      table.departed.add(change, change.ip, context.now)
      context.hearClaims({ vni: change.vni, ip: change.ip })
    }
    if (holder?.phase === 'claiming' && table.views.competingRemote(holder) === undefined) settle(context, holder)
    return
  }
  const { vni, mac } = change
  const suspects = [...(table.ofMac(vni, mac)?.bindings ?? [])]
  if (holder !== undefined && holder.mac !== mac) suspects.push(holder)
  for (const it of suspects) if (!it.isStatic && table.views.isGateway(it)) context.withdraw(it, 'gateway')
}
