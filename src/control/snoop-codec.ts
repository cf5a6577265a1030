// The snooper's control protocol (snoop.proto): converts bindings, events and questions from and to protobuf; its FPM part
// is in fpm-codec.ts. Every field of a question is checked.
import { formatIp, formatMac, parseIp, parseMac } from '../base/address.js'
import { MAX_VNI } from '../base/vni.js'
import type { HeldDown } from '../bindings/challengers.js'
import type { Binding, Key } from '../bindings/model.js'
import { type EventName, EVENTS, type HistoryEvent, type HistoryFilter, type Refused } from '../bindings/event.js'
import type { Policy } from '../bindings/policy.js'
import { ageOf } from '../bindings/refresh.js'
import { reasonOf, stateOf } from '../bindings/state.js'
import type { Table } from '../bindings/table.js'
import type { snoop as proto } from '../gen/snoop.js'
import { toEpoch } from '../base/clock.js'

/** Details of a binding beyond its fields; times are milliseconds of the monotonic clock. */
export type BindingDetail = {
  /** The next action if nothing happens before, and its time. `what` is expiry, probe, retry, confirm or release. */
  readonly timer: { readonly what: string; readonly at: number } | undefined
  /** Number of probes sent without an answer. */
  readonly tries: number
  /** Another host's claim on the address, while the owner is being asked. */
  readonly claim: Claim | undefined
  /** Times at which the IP changed its owner, as far as they still count. */
  readonly moves: readonly number[]
  /** The time until which a duplicate stays withdrawn. */
  readonly frozenUntil: number | undefined
  /** True if it was seen in this run or kept by the relay all the time; see Binding.confirmed. */
  readonly confirmed: boolean
  readonly isStatic: boolean
  /** The MAC mobility sequence number that it needs in order to win. */
  readonly minSeq: number
}

export type Claim = {
  readonly mac: string
  readonly port: string
  readonly vlan: number
  readonly evidence: string
  readonly at: number
}

/** The parts of the policy that explain what happens to a binding. */
export type PolicyValues = Pick<Policy, 'ageMs' | 'observe' | 'probes' | 'duplicates' | 'limits'>

export type ClearRequest = {
  readonly what: 'duplicate' | 'binding'
  readonly vni: number | undefined
  readonly mac: string | undefined
  readonly ip: string | undefined
}

/** The subject of a question. */
export type Target = {
  readonly vni: number | undefined
  readonly mac: string | undefined
  readonly ip: string | undefined
}

/** A question that is not valid; the message says why. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError'
}

type WireTarget = { vni?: number | null; mac?: Uint8Array | null; ip?: Uint8Array | null }

/** Throws QuestionError, as do the other functions for questions. */
export function targetFromProto({ vni, mac, ip }: WireTarget): Target {
  if ((vni ?? 0) > MAX_VNI) throw new QuestionError(`a VNI is at most ${MAX_VNI}, not ${vni}`)
  const [macLength, ipLength] = [mac?.length ?? 0, ip?.length ?? 0]
  if (![0, 6].includes(macLength)) throw new QuestionError(`a MAC address has 6 bytes, not ${macLength}`)
  if (![0, 4, 16].includes(ipLength)) throw new QuestionError(`an IP address has 4 or 16 bytes, not ${ipLength}`)
  return {
    vni: vni == null || vni === 0 ? undefined : vni,
    mac: mac == null || macLength === 0 ? undefined : formatMac(mac),
    ip: ip == null || ipLength === 0 ? undefined : formatIp(ip),
  }
}

export function filterFromProto(filter: proto.Filter.$Properties | null | undefined): HistoryFilter {
  const { events } = filter ?? {}
  const names = new Set<EventName>()
  for (const name of events ?? []) {
    if (!isEventName(name))
      throw new QuestionError(`no event has this name; known are ${Object.keys(EVENTS).join(', ')}`)
    names.add(name)
  }
  return { ...targetFromProto(filter ?? {}), events: names.size === 0 ? undefined : names }
}

export const isEventName = (name: string): name is EventName => Object.hasOwn(EVENTS, name)

export function explainFromProto(question: proto.Explain.$Properties): Target {
  const target = targetFromProto(question)
  if ((target.mac === undefined) === (target.ip === undefined)) {
    throw new QuestionError('explain needs either a MAC or an IP address')
  }
  return target
}

export function clearFromProto({ what, ...wire }: proto.Clear.$Properties): ClearRequest {
  const target = targetFromProto(wire)
  if (what !== 'duplicate' && what !== 'binding')
    throw new QuestionError('only a duplicate or a binding can be cleared')
  if (target.mac !== undefined && target.ip !== undefined) {
    throw new QuestionError('clear takes a MAC or an IP address, not both')
  }
  if (what === 'binding' && target.mac === undefined && target.ip === undefined) {
    throw new QuestionError('clearing a binding needs its MAC or IP address')
  }
  return { what, ...target }
}

/** Returns when a silent host is withdrawn, or a frozen one is released; undefined means never, or that it is not known. */
function expiryOf(binding: Binding, table: Table, policy: Pick<Policy, 'ageMs'>): number | undefined {
  if (binding.isStatic || binding.isProxied) return undefined
  return binding.phase === 'duplicate' ? table.timers.at(binding) : binding.lastSeen + ageOf(binding, policy)
}

export function bindingToProto(
  binding: Binding,
  table: Table,
  policy: Pick<Policy, 'ageMs'>,
): proto.Binding.$Properties {
  const reason = reasonOf(binding, table)
  return {
    port: binding.anchor.port,
    vlan: binding.anchor.vlan,
    state: stateOf(binding, table, reason),
    reason,
    evidence: binding.evidence,
    router: binding.router,
    firstSeen: toEpoch(binding.firstSeen),
    lastSeen: toEpoch(binding.lastSeen),
    expires: epochOf(expiryOf(binding, table, policy) ?? Infinity),
    seq: binding.report?.seq ?? 0,
    ...keyToProto(binding),
  }
}

export function detailToProto(
  binding: proto.Binding.$Properties,
  { timer, claim, ...detail }: BindingDetail,
): proto.BindingDetail.$Properties {
  return {
    binding,
    timer: timer === undefined ? null : { what: timer.what, at: epochOf(timer.at) },
    tries: detail.tries,
    claim: claim === undefined ? null : { ...claim, mac: macBytes(claim.mac), at: toEpoch(claim.at) },
    moves: detail.moves.map(toEpoch),
    frozenUntil: detail.frozenUntil === undefined ? 0 : epochOf(detail.frozenUntil),
    confirmed: detail.confirmed,
    isStatic: detail.isStatic,
    minSeq: detail.minSeq,
  }
}

export function eventToProto({ sequence, at, event, key, port, detail }: HistoryEvent): proto.Event.$Properties {
  return { sequence, at: toEpoch(at), event, port, detail, ...keyToProto(key) }
}

export function refusalToProto({ key, reason, port, count, first, last }: Refused): proto.Refusal.$Properties {
  return { reason, port, count, first: toEpoch(first), last: toEpoch(last), ...keyToProto(key) }
}

export const counters = (values: Readonly<Record<string, number>>): proto.Counter.$Properties[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }))

/** Converts a time; 0 stands for a time that never comes. */
const epochOf = (monotonic: number): number => (Number.isFinite(monotonic) ? toEpoch(monotonic) : 0)

const keyToProto = ({ vni, mac, ip }: Key): { vni: number; mac: Uint8Array; ip: Uint8Array } => ({
  vni,
  mac: macBytes(mac),
  ip: parseIp(ip) ?? NOTHING,
})

export const heldDownToProto = ({ claimed: { vni, mac, ip }, port, until }: HeldDown): proto.HeldDown.$Properties => ({
  ...{ vni, mac: macBytes(mac), ip: parseIp(ip) ?? NOTHING, port, until: toEpoch(until) },
})

const macBytes = (mac: string): Uint8Array => parseMac(mac) ?? NOTHING

const NOTHING = new Uint8Array(0)
