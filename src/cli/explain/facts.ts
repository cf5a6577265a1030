// Puts together what the snooper, zebra and bgpd each know about one address: one subject for each MAC-IP, with a verdict.
import { parseIp } from '../../base/address.js'
import { adviceFor, eventWords, keyFor, reasonWords, stateWords, whyWords } from './words.js'
import type { DetailReport, EventReport, ExplanationReport, PolicyReport, RefusalReport } from './report.js'
import { sessionFindings } from '../status/relay-health.js'
import type { Address } from '../options.js'
import { ago, clock } from '../text.js'
import type { Answer, BindingReport, RelayReport, SnooperReport } from '../report.js'
import { type LocalMac, type RemoteMac, type ViewsReport, isProxy } from '../show/report.js'

export type Inputs = {
  address: Address
  vni: number | undefined
  snooper: Answer<ExplanationReport>
  /** It is used only for what is wrong in general. */
  snooperStatus: Answer<SnooperReport>
  relay: Answer<RelayReport>
  views: Answer<ViewsReport>
  /** Milliseconds since the epoch. */
  now: number
  overlay: Answer<{ bindings: BindingReport[] }>
}

/** What zebra says about one MAC-IP. */
export type ZebraFacts = {
  vniLive: boolean
  vtep: string | null
  /** The MAC alone, which everything else depends on. */
  mac: LocalMac | null
  /** The MAC-IP, if zebra announces it itself. */
  macIp: LocalMac | null
  /** Other MACs that zebra announces with the IP. */
  otherMacs: string[]
}

/** `ip` is null for a MAC of which no IP is known. */
export type Subject = Verdict & {
  vni: number
  ip: string | null
  mac: string
  /** The process that announces it to bgpd as local; null if none does. */
  advertisedBy: 'macipd' | 'zebra' | null
  state: string | null
  reason: string | null
  /** Without a snooper, this is what the relay has kept. */
  binding: BindingReport | null
  detail: DetailReport | null
  /** It is null if the relay does not answer. */
  zebra: ZebraFacts | null
  remote: RemoteMac[]
  /** What another node of the MAC's Ethernet segment announces of it. */
  synced: RemoteMac[]
  events: EventReport[]
  refusals: RefusalReport[]
}

/** `todo` says what to do; it is null if there is nothing to do. */
export type Verdict = { verdict: string; todo: string | null }

export type Explained = {
  address: string
  vni: number | null
  subjects: Subject[]
  /** It is null if there are subjects. */
  unknown: Verdict | null
  /** Events that belong to none of the subjects. */
  events: EventReport[]
  refusals: RefusalReport[]
  policy: PolicyReport | null
  /** What is wrong here in general and may be the cause. */
  hints: string[]
}

type Place = { vni: number; ip: string | null; mac: string }

const placeText = ({ vni, ip, mac }: Place): string => `${vni} ${ip ?? '-'} ${mac}`

export function explained(inputs: Inputs): Explained {
  const { snooper, snooperStatus } = inputs
  const events = snooper.running ? snooper.events : []
  const refusals = snooper.running ? snooper.refusals : []
  const subjects = places(inputs).map((place) => subjectOf(place, inputs, events, refusals))
  const told = new Set<unknown>(subjects.flatMap((subject) => [...subject.events, ...subject.refusals]))
  return {
    address: 'ip' in inputs.address ? inputs.address.ip : inputs.address.mac,
    vni: inputs.vni ?? null,
    subjects,
    unknown: subjects.length > 0 ? null : judgedUnknown(inputs, events, refusals),
    events: events.filter((event) => !told.has(event)),
    refusals: refusals.filter((refusal) => !told.has(refusal)),
    policy: snooper.running ? (snooper.policy ?? null) : null,
    hints: [...missing(inputs), ...(snooperStatus.running && subjects.length === 0 ? whyUnknown(snooperStatus) : [])],
  }
}

/** Returns every MAC-IP that one of the processes knows, and the MACs without any; local ones come first. */
function places(inputs: Inputs): Place[] {
  const { address, vni, snooper, views, overlay } = inputs
  const about = (place: Place): boolean =>
    (vni === undefined || place.vni === vni) && ('ip' in address ? place.ip === address.ip : place.mac === address.mac)
  const found = new Map<string, Place>()
  const add = (all: readonly Place[]): void => {
    for (const { vni, ip, mac } of all.filter(about)) found.set(placeText({ vni, ip, mac }), { vni, ip, mac })
  }
  if (snooper.running) add(snooper.bindings.map(({ binding }) => binding))
  else if (overlay.running) add(overlay.bindings)
  if (views.running) {
    add(views.macs)
    add(views.remote)
  }
  const all = [...found.values()]
  const withIp = new Set(all.filter(({ ip }) => ip !== null).map(({ vni, mac }) => `${vni} ${mac}`))
  return all.filter(({ vni, ip, mac }) => ip !== null || !withIp.has(`${vni} ${mac}`)).sort(byPlace)
}

function byPlace(a: Place, b: Place): number {
  const [first, second] = [parseIp(a.ip ?? '') ?? Buffer.alloc(0), parseIp(b.ip ?? '') ?? Buffer.alloc(0)]
  return a.vni - b.vni || first.length - second.length || first.compare(second)
}

function subjectOf(
  place: Place,
  inputs: Inputs,
  events: readonly EventReport[],
  refusals: readonly RefusalReport[],
): Subject {
  const { vni, ip, mac } = place
  const { snooper, overlay, views } = inputs
  const known = snooper.running ? snooper.bindings.find(({ binding }) => isSame(binding, place)) : undefined
  const kept = overlay.running ? overlay.bindings.find((it) => isSame(it, place)) : undefined
  const binding = known?.binding ?? (snooper.running ? undefined : kept)
  const zebra = views.running ? zebraFacts(place, views) : null
  const isAbout = (it: Place): boolean =>
    it.vni === vni && (it.mac === mac ? it.ip === null || it.ip === ip : it.ip === ip && ip !== null)
  const remote = views.running ? views.remote.filter(isAbout) : []
  const synced = views.running ? views.synced.filter(isAbout) : []
  const isOurs = (it: { vni: number | null; ip: string; mac: string }): boolean =>
    (it.vni === null || it.vni === vni) && (ip === null ? it.mac === mac : it.ip === ip)
  const advertisedBy = advertiser(binding, kept, zebra)
  const subject = { vni, ip, mac, advertisedBy, zebra, remote, synced }
  return {
    ...subject,
    ...judged(subject, binding, kept),
    state: binding?.state ?? null,
    reason: binding?.reason ?? null,
    binding: binding ?? null,
    detail: known?.detail ?? null,
    events: events.filter(isOurs),
    refusals: refusals.filter((it) => isOurs(it) || (it.ip === '' && it.port === binding?.port)),
  }
}

const isSame = (a: Place, b: Place): boolean => a.vni === b.vni && a.ip === b.ip && a.mac === b.mac

function zebraFacts({ vni, ip, mac }: Place, { vnis, macs }: ViewsReport): ZebraFacts {
  const live = vnis.find((it) => it.vni === vni)
  const own = macs.filter((it) => it.vni === vni)
  return {
    vniLive: live !== undefined,
    vtep: live?.vtep ?? null,
    mac: own.find((it) => it.mac === mac && it.ip === null) ?? null,
    macIp: ip === null ? null : (own.find((it) => it.mac === mac && it.ip === ip) ?? null),
    otherMacs: ip === null ? [] : own.filter((it) => it.mac !== mac && it.ip === ip).map((it) => it.mac),
  }
}

/** Says what the relay says; without it, the snooper knows what the relay said last. */
function advertiser(
  binding: BindingReport | undefined,
  kept: BindingReport | undefined,
  zebra: ZebraFacts | null,
): Subject['advertisedBy'] {
  if (zebra !== null) {
    // instead of what zebra announces as a proxy, too
    if (kept?.reason === 'announced') return 'macipd'
    return zebra.macIp === null ? null : 'zebra'
  }
  if (binding?.state === 'shadowed') return 'zebra'
  return binding?.state === 'active' ? 'macipd' : null
}

function judged(
  {
    vni,
    ip,
    mac,
    advertisedBy,
    zebra,
    remote,
  }: Pick<Subject, 'vni' | 'ip' | 'mac' | 'advertisedBy' | 'zebra' | 'remote'>,
  binding: BindingReport | undefined,
  kept: BindingReport | undefined,
): Verdict {
  const name = `${ip ?? mac} (VNI ${vni})`
  const [behind] = remote
  const say = (verdict: string, todo: string | null = null): Verdict => ({ verdict: `${name} is ${verdict}`, todo })
  if (ip === null && zebra?.mac != null) {
    const todo = 'let the host speak ARP or ND, with ping for example, and look again'
    return say('advertised without an IP: no host has said an address with it here', todo)
  }
  if (advertisedBy === 'zebra') {
    const unlearned = binding === undefined ? '; macipd has not learned it' : ''
    if (zebra?.macIp != null && isProxy(zebra.macIp)) {
      const why = `another node of Ethernet segment ${zebra.macIp.esi ?? 'none'} has heard it`
      return say(`advertised: zebra announces it as a proxy, as ${mac}, because ${why}${unlearned}`)
    }
    return say(`advertised: zebra announces it itself, as ${mac}${unlearned}`)
  }
  if (binding === undefined) return say(`not advertised here: ${mac} is behind VTEP ${behind?.vtep ?? 'unknown'}`)
  const { state, seq } = binding
  // the relay's own answer is newer than what the snooper has last heard from it
  const reason = state === 'active' && kept !== undefined ? kept.reason : binding.reason
  if (advertisedBy === null) {
    if (reason === 'announced') return say('not advertised: the relay has no such entry', LOOK_AGAIN)
    return say(`not advertised: ${why(reason, behind)}`, adviceFor(reason, state) ?? null)
  }
  const segment = zebra?.mac?.esi == null ? '' : `, Ethernet segment ${zebra.mac.esi}`
  const announced = `advertised: macipd announces it to bgpd as ${mac}, sequence number ${seq}${segment}`
  if (state === 'active') return say(announced)
  return say(`${announced}; but it is ${state}: ${stateWords(state)}`, adviceFor(reason, state) ?? null)
}

function judgedUnknown(
  { address, vni, now }: Inputs,
  events: readonly EventReport[],
  refusals: readonly RefusalReport[],
): Verdict {
  const text = 'ip' in address ? address.ip : address.mac
  const name = `${text}${vni === undefined ? '' : ` (VNI ${vni})`}`
  const event = events.findLast((it) => it.event !== 'refused')
  const refusal = refusals.at(-1)
  const follow = `let the host speak, with ping for example, while this shows what comes of it: macipctl events ${text} --follow`
  if (refusal !== undefined && refusal.last >= (event?.time ?? 0)) {
    const { reason, port, last } = refusal
    const because = `${whyWords(reason)} (${reason}${port === '' ? '' : ` on ${port}`})`
    if (now - last <= OVER_MS) {
      return { verdict: `${name} is not learned: ${because}`, todo: adviceFor(reason, 'refused') ?? null }
    }
    const when = `${clock(last, now)}, ${ago(last, now)}`
    return {
      verdict: `${name} is not known here: when a host last said it, at ${when}, it was not learned, because ${because}`,
      todo: follow,
    }
  }
  if (event !== undefined) {
    const what = event.event === 'withdrawn' && event.detail !== '' ? whyWords(event.detail) : eventWords(event)
    const key = event.event === 'withdrawn' ? keyFor(event.detail) : undefined
    return { verdict: `${name} is not known here any more: ${what}`, todo: key ?? follow }
  }
  const otherVni = vni === undefined ? '' : '; it may be known in another VNI: leave out --vni'
  return {
    verdict: `${name} is not known here: no host on this node has said that it has it, and neither zebra nor bgpd announced it`,
    todo: `${follow}${otherVni}`,
  }
}

/** A refusal that was not repeated for so long is over: hosts that are there speak more often. */
const OVER_MS = 5 * 60_000

const LOOK_AGAIN = 'look again in a moment; if it stays so, see macipctl status'

const why = (reason: string, behind: RemoteMac | undefined): string =>
  behind === undefined ? reasonWords(reason) : `${reasonWords(reason)} (VTEP ${behind.vtep})`

/** Names the processes that do not answer, and what is wrong with those that do. */
function missing({ snooper, relay }: Inputs): string[] {
  const hints: string[] = []
  if (!snooper.running) {
    hints.push(
      `the snooper does not answer at ${snooper.socket}: ${snooper.error}; evidence, timers, history and refusals are not known`,
    )
  }
  if (!relay.running) {
    return [
      ...hints,
      `the relay does not answer at ${relay.socket}: ${relay.error}; what zebra and bgpd say is not known`,
    ]
  }
  return [...hints, ...sessionFindings(relay).map(({ what, todo }) => `${what}; ${todo}`)]
}

/** Counters that are no refusals: frames that were passed on or repeated, and multicast listener reports. */
const ORDINARY = new Set(['passed', 'repeated', 'ipv6-extension'])

function whyUnknown({ frames, ports }: SnooperReport): string[] {
  const hints: string[] = []
  const dropped = Object.entries(frames).filter(([name, value]) => value > 0 && !ORDINARY.has(name))
  if (dropped.length > 0) {
    hints.push(`frames that the eBPF program did not believe: ${dropped.map(([name, n]) => `${n} ${name}`).join(', ')}`)
  }
  if (ports.length === 0) hints.push('there is no port to snoop on: bridge link, ip -d link show type vxlan')
  for (const { name, error, up, attached, limited, state, ahead } of ports) {
    if (attached === '') hints.push(`port ${name} is not snooped: ${error}`)
    else if (!up) hints.push(`port ${name} is down`)
    else if (state !== '' && state !== 'forwarding') hints.push(`port ${name} is ${state} (spanning tree)`)
    if (ahead.length > 0) hints.push(`port ${name}: frames pass ${ahead.join(', ')} before they are seen`)
    if (limited > 0)
      hints.push(`port ${name} claimed addresses faster than it may: ${limited} claims were not looked at`)
  }
  return hints
}
