// The table's one way to change: an event comes in, actions for the relay, the eBPF program and the hosts come out, in
// the order in which they must be done. What should be in the relay's overlay is what `isInOverlay` says of the table's
// bindings; the relay decides what of it bgpd may know at the moment.
import {
  type Binding,
  type Claim,
  type Entry,
  type Evidence,
  type Key,
  newBinding,
  NOWHERE,
  type Own,
  type Place,
} from './model.js'
import type { Status } from '../relay/overlay/entry.js'
import {
  contest,
  countMove,
  defend,
  dropClaim,
  learn,
  loseOwner,
  onConfirmDue,
  onObjectDue,
  onRemote,
  overtake,
  release,
} from './contest.js'
import { makeRoom, portFull } from './quota.js'
import type { Policy, StaticBinding } from './policy.js'
import { isRemote, onAgeDue, onProbeDue, onRefreshDue, QUIET_MS, refreshNow, scheduleRefresh } from './refresh.js'
import { type Refusal, refusalOfEvidence, refusalOfKey } from './refusal.js'
import { reasonOf } from './state.js'
import type { Table, Withdrawal } from './table.js'
import { type Action, Turn } from './step-context.js'
import type { ViewChange } from './views.js'
import { onTestimony, reviewMac, type Testimony } from './fpm.js'

export type { Action }

export type Event =
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** A port, or one VLAN of it, no longer leads to its VNI. */
  | { readonly type: 'port-lost'; readonly ifindex: number; readonly vlan?: number; readonly reason: PortLoss }
  /**
   * An entry of an earlier run, that the relay still has in its overlay or a file has kept; `place` and `vni`: where it
   * leads now, if anywhere.
   */
  | {
      readonly type: 'restored'
      readonly from: 'relay' | 'file'
      readonly entry: Entry
      readonly place: Place | undefined
      readonly vni: number | undefined
      readonly own: Own | undefined
    }
  /** What the operator vouches for; comes once. */
  | { readonly type: 'static'; readonly bindings: readonly StaticBinding[] }
  /** The connection to the relay; every report and view counts for one connection only. */
  | { readonly type: 'relay'; readonly connected: boolean }
  | { readonly type: 'report'; readonly key: Key; readonly status: Status; readonly seq: number }
  | { readonly type: 'view'; readonly change: ViewChange }
  | { readonly type: 'views-reset' }
  /** What zebra's FPM stream says. */
  | { readonly type: 'fpm'; readonly testimony: Testimony }
  /** An operator's: the binding goes; with `duplicate` only if it is frozen. */
  | { readonly type: 'clear'; readonly what: 'binding' | 'duplicate'; readonly key: Key }
  | { readonly type: 'tick' }

export type PortLoss = 'port-down' | 'port-gone' | 'vni-changed'

/** What falls due in one step, so that none takes long. */
const MAX_DUE = 1000

/** `now`: milliseconds of the monotonic clock that all times in the table are of. */
export function step(table: Table, event: Event, policy: Policy, now: number): Action[] {
  const turn = new Turn(table, policy, now)
  take(turn, event)
  return turn.actions
}

function take(turn: Turn, event: Event): void {
  const { table, now } = turn
  switch (event.type) {
    case 'evidence':
      onEvidence(turn, event.evidence)
      return
    case 'port-lost':
      onPortLost(turn, event)
      return
    case 'restored':
      onRestored(turn, event)
      return
    case 'static':
      for (const binding of event.bindings) onStatic(turn, binding)
      return
    case 'relay':
      if (event.connected) table.connection += 1
      table.relayConnected = event.connected
      return
    case 'report':
      onReport(turn, event)
      return
    case 'view':
      onView(turn, event.change)
      return
    case 'views-reset':
      for (const { vni, mac } of table.views.clear()) reviewMac(turn, vni, mac)
      return
    case 'fpm':
      onTestimony(turn, event.testimony)
      return
    case 'clear': {
      const binding = table.get(event.key)
      if (binding?.phase === 'duplicate') release(turn, binding, 'cleared')
      else if (binding?.isStatic === false && event.what === 'binding') turn.withdraw(binding, 'cleared')
      return
    }
    case 'tick':
      for (const binding of table.timers.due(now, MAX_DUE)) onDue(turn, binding)
  }
}

function onDue(turn: Turn, binding: Binding): void {
  switch (binding.timer) {
    case 'refresh':
      onRefreshDue(turn, binding)
      return
    case 'probe':
      onProbeDue(turn, binding)
      return
    case 'give-up':
      turn.withdraw(binding, 'aged')
      return
    case 'age':
      onAgeDue(turn, binding)
      return
    case 'confirm':
      onConfirmDue(turn, binding)
      return
    case 'object':
      onObjectDue(turn, binding)
      return
    case 'hold-down':
      release(turn, binding, 'hold-down')
      return
    // what fell due before may have cost this one its place
    case undefined:
  }
}

function onEvidence(turn: Turn, evidence: Evidence): void {
  const { table, policy, now } = turn
  const { place, vni, mac, ip, kind } = evidence
  const current = vni === undefined ? undefined : table.find(vni, ip)
  if (kind === 'arp-probe' || kind === 'dad-ns') {
    if (current !== undefined) onAsking(turn, evidence, current)
    return
  }
  const refusal = refusalOfEvidence(evidence, current, table.views, policy)
  // of these two, a refusal always says so: the test only tells the compiler
  if (refusal !== undefined || place === undefined || vni === undefined) {
    refuse(turn, refusal ?? 'no-port', evidence, current)
    return
  }
  if (current?.mac === mac) {
    onSeen(turn, current, evidence, place)
    return
  }
  const router = (kind === 'na' || kind === 'ra') && evidence.router
  const claim: Claim = { mac, place, evidence: kind, router, at: now }
  if (current === undefined) learn(turn, vni, ip, claim)
  else contest(turn, current, claim)
}

/** A host asks whether the address is free: whoever asks about it on that port meanwhile would look like a conflict. */
function onAsking({ now }: Turn, { place }: Evidence, current: Binding): void {
  if (place?.ifindex !== current.place.ifindex) return
  if (current.quietUntil <= now) current.quietSince = now
  current.quietUntil = now + QUIET_MS
}

function refuse(turn: Turn, refusal: Refusal, evidence: Evidence, current: Binding | undefined): void {
  const { vni = 0, mac, ip, place } = evidence
  turn.refuse(refusal, { vni, mac, ip }, place?.port ?? '')
  // the node may have got the address after the binding was made
  const taken = refusal === 'own-ip' || (refusal === 'own-mac' && current?.mac === mac)
  if (taken && current?.isStatic === false) turn.withdraw(current, refusal)
}

/** The host of a binding was seen. */
function onSeen(turn: Turn, binding: Binding, { kind, router }: Evidence, place: Place): void {
  const { table, now } = turn
  const { place: old, phase, tries, confirmed, isStatic } = binding
  const full = isStatic || place.ifindex === old.ifindex ? undefined : portFull(turn, binding.ip, place.ifindex)
  if (full !== undefined) {
    turn.refuse(full, binding, place.port)
    return
  }
  binding.lastSeen = Math.max(binding.lastSeen, now)
  if (isStatic) return
  const moved = place.ifindex !== old.ifindex || place.vlan !== old.vlan
  if (moved) {
    turn.forget(old, binding.mac, binding.ip)
    turn.note('moved', binding, place.port, old.port)
  }
  table.touch(binding, place)
  binding.evidence = kind
  binding.confirmed = true
  // ARP and solicitations do not tell what the last advertisement said
  const turned = (kind === 'na' || kind === 'ra') && router !== binding.router
  if (turned) {
    binding.router = router
    turn.note('router', binding, place.port, router ? 'router' : 'host')
  }
  if (phase === 'contested' && defend(turn, binding)) return
  if (phase === 'probing') {
    binding.phase = 'known'
    table.answered += 1
    if (tries > 1) turn.note('answered', binding, place.port)
  }
  binding.tries = 0
  const overtakes = overtake(turn, binding)
  if ((moved || overtakes) && countMove(turn, binding)) return
  scheduleRefresh(turn, binding)
  if (moved || overtakes || turned || !confirmed || place.port !== old.port) turn.put(binding)
}

function onPortLost(turn: Turn, { ifindex, vlan, reason }: Extract<Event, { type: 'port-lost' }>): void {
  const { table } = turn
  const isLost = (place: Place | undefined): boolean =>
    place?.ifindex === ifindex && (vlan === undefined || place.vlan === vlan)
  for (const owner of [...table.contested]) if (isLost(owner.claim?.place)) dropClaim(turn, owner)
  // what is frozen stays so: else a port that goes down and up would thaw it
  const lost = [...table.onPort(ifindex)].filter(({ place, phase }) => phase !== 'duplicate' && isLost(place))
  for (const binding of lost) loseOwner(turn, binding, reason)
  if (reason === 'port-gone') {
    table.pace.forget(ifindex)
    table.confirmPace.forget(ifindex)
  }
}

type Restored = Extract<Event, { type: 'restored' }>

function onRestored(turn: Turn, { from, entry, place, vni, own }: Restored): void {
  const { table, policy, now } = turn
  const { mac, ip, router, minSeq } = entry
  const current = table.find(entry.vni, ip)
  const drop = (why: Withdrawal): void => {
    if (from === 'file') return
    table.withdrawn[why] += 1
    turn.remove(entry)
    turn.note('withdrawn', entry, entry.port, why)
  }
  if (current?.mac === mac) {
    if (current.phase === 'duplicate') {
      drop('duplicate')
      return
    }
    const isHigher = minSeq > current.minSeq
    current.firstSeen = Math.min(current.firstSeen, entry.firstSeen)
    current.minSeq = Math.max(current.minSeq, minSeq)
    // bgpd was told of it all the time
    if (from === 'relay') current.confirmed = true
    else if (isHigher) turn.put(current)
    if (from === 'relay' && current.withheld) turn.remove(current)
    return
  }
  if (place === undefined) {
    drop('no-port')
    return
  }
  if (vni !== entry.vni) {
    drop('vni-changed')
    return
  }
  const refusal = refusalOfKey(entry, own, table.views, policy)
  if (refusal !== undefined) {
    drop(refusal)
    return
  }
  // one that nobody has seen in this run gives way to one that the relay has announced all the time
  if (current !== undefined && current.confirmed) {
    drop('other-mac')
    return
  }
  if (current !== undefined) turn.withdraw(current, 'other-mac')
  const full = makeRoom(turn, entry, place.ifindex)
  if (full !== undefined) {
    drop(full)
    return
  }
  const lastSeen = Math.min(entry.lastSeen, now)
  const seed = { vni, mac, ip, place, router, evidence: 'restored', lastSeen } as const
  const firstSeen = Math.min(entry.firstSeen, lastSeen)
  const binding = newBinding({ firstSeen, ...seed }, { confirmed: from === 'relay', minSeq })
  table.add(binding)
  turn.note('restored', binding, place.port, from)
  if (from === 'relay' && binding.withheld) turn.remove(binding)
  if (policy.probes === 'off') {
    // nobody listened while the snooper was away: silence until then proves nothing
    binding.lastSeen = now
    scheduleRefresh(turn, binding)
  } else refreshNow(turn, binding)
}

function onStatic(turn: Turn, { vni, mac, ip, router }: StaticBinding): void {
  const { table, now } = turn
  const current = table.find(vni, ip)
  if (current !== undefined) turn.withdraw(current, 'static')
  const seed = { vni, mac, ip, place: NOWHERE, router, evidence: 'static', firstSeen: now, lastSeen: now } as const
  const binding = newBinding(seed, { isStatic: true })
  table.add(binding)
  turn.note('learned', binding, '', 'static')
  turn.put(binding)
}

function onReport(turn: Turn, { key, status, seq }: Extract<Event, { type: 'report' }>): void {
  const { table } = turn
  const binding = table.get(key)
  // what is withheld is not in the overlay: that report is of before
  if (binding === undefined || binding.withheld) return
  const before = binding.report?.status
  binding.report = { status, seq, connection: table.connection }
  if (status === before || binding.phase === 'duplicate') return
  turn.note('state', binding, binding.place.port, reasonOf(binding, table))
  const wasTold = before === 'announced' || before === 'shadowed'
  if (status === 'remote' && binding.confirmed) {
    onRemote(turn, binding, wasTold ? 'told' : before === undefined ? 'new' : 'neither')
  }
  // back from behind another VTEP, where nobody was asked; or before the host has answered
  else if ((binding.timer === 'age' || binding.timer === 'object') && !isRemote(binding, table)) {
    binding.tries = 0
    scheduleRefresh(turn, binding)
  }
  // a host that stays silent is only found again if it is asked
  else if (status === 'mac-not-local' && wasTold && binding.phase === 'known') refreshNow(turn, binding)
}

function onView(turn: Turn, change: ViewChange): void {
  const { table } = turn
  for (const { vni, mac } of table.views.apply(change)) reviewMac(turn, vni, mac)
  if (change.type === 'vni' || change.gone || change.ip === undefined) return
  const { vni, mac, ip } = change
  const suspects = [...(table.ofMac(vni, mac)?.bindings ?? [])]
  const holder = table.find(vni, ip)
  if (holder !== undefined && holder.mac !== mac) suspects.push(holder)
  for (const it of suspects) if (!it.isStatic && table.views.isGateway(it)) turn.withdraw(it, 'gateway')
}
