// Defines what the snooper knows about one address, and what happened to it. `--json` prints these names: times are
// milliseconds since the epoch, null is none.
import { formatIp, formatMac } from '../../base/address.js'
import { snoop as proto } from '../../gen/snoop.js'
import { type BindingReport, bindingReport, type Counters, counters } from '../report.js'

/** `ip` and `mac` are empty where the snooper knows none. */
export type EventReport = {
  sequence: number
  time: number
  event: string
  vni: number | null
  ip: string
  mac: string
  port: string
  detail: string
}

export type RefusalReport = {
  vni: number | null
  ip: string
  mac: string
  port: string
  reason: string
  count: number
  first: number
  last: number
}

export type ClaimReport = { mac: string; port: string; vlan: number; evidence: string; time: number }

/** What is known of a binding beyond its line in `macipctl bindings`. */
export type DetailReport = {
  /** What comes next if nothing happens before. */
  timer: { what: string; time: number } | null
  /** Probes sent without an answer. */
  tries: number
  /** The host that claims the address while its owner is being asked. */
  claim: ClaimReport | null
  /** Times at which the IP changed hands, as far as they still count. */
  moves: number[]
  frozenUntil: number | null
  /** Whether it was seen or probed since the snooper started. */
  confirmed: boolean
  static: boolean
  /** The MAC mobility sequence number that it needs to win. */
  minSeq: number
}

/** `ageMs` is null for the ageing time of the bridge; a limit that is null does not exist. */
export type PolicyReport = {
  ageMs: number | null
  observe: boolean
  probes: string
  moves: number
  windowMs: number
  holdDownMs: number
  confirmMs: number
  limits: Counters
}

export type ExplanationReport = {
  policy: PolicyReport | undefined
  bindings: { binding: BindingReport; detail: DetailReport }[]
  events: EventReport[]
  refusals: RefusalReport[]
}

export function eventReport(properties: proto.Event.$Properties): EventReport {
  const wire = proto.Event.create(properties)
  const { sequence, at, event, port, detail } = wire
  return { sequence, time: at, event, ...keyReport(wire), port, detail }
}

/** Adds one part of the snooper's answer. */
export function addPart(report: ExplanationReport, part: proto.Explanation.$Properties): void {
  if (part.policy != null) report.policy = policyReport(part.policy)
  for (const detail of part.bindings ?? []) {
    report.bindings.push({ binding: bindingReport(detail.binding ?? {}), detail: detailReport(detail) })
  }
  for (const event of part.events ?? []) report.events.push(eventReport(event))
  for (const refusal of part.refusals ?? []) report.refusals.push(refusalReport(refusal))
}

function detailReport(properties: proto.BindingDetail.$Properties): DetailReport {
  const wire = proto.BindingDetail.create(properties)
  const { timer, claim, frozenUntil } = wire
  return {
    timer: timer == null ? null : { what: timer.what ?? '', time: timer.at ?? 0 },
    tries: wire.tries,
    claim: claim == null ? null : claimReport(claim),
    moves: [...wire.moves],
    frozenUntil: frozenUntil === 0 ? null : frozenUntil,
    confirmed: wire.confirmed,
    static: wire.isStatic,
    minSeq: wire.minSeq,
  }
}

function claimReport(properties: proto.Claim.$Properties): ClaimReport {
  const { mac, port, vlan, evidence, at } = proto.Claim.create(properties)
  return { mac: macText(mac), port, vlan, evidence, time: at }
}

function refusalReport(properties: proto.Refusal.$Properties): RefusalReport {
  const wire = proto.Refusal.create(properties)
  const { port, reason, count, first, last } = wire
  return { ...keyReport(wire), port, reason, count, first, last }
}

function policyReport(properties: proto.Policy.$Properties): PolicyReport {
  const policy = proto.Policy.create(properties)
  const { ageMs, observe, probes, moves, windowMs, holdDownMs, confirmMs } = policy
  const limits = counters(policy.limits)
  return { ageMs: ageMs === 0 ? null : ageMs, observe, probes, moves, windowMs, holdDownMs, confirmMs, limits }
}

type Key = { vni: number; mac: Uint8Array; ip: Uint8Array }

const keyReport = ({ vni, mac, ip }: Key): { vni: number | null; ip: string; mac: string } => ({
  vni: vni === 0 ? null : vni,
  ip: ip.length === 0 ? '' : formatIp(ip),
  mac: macText(mac),
})

const macText = (mac: Uint8Array): string => (mac.length === 6 ? formatMac(mac) : '')
