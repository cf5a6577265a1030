// Renders `macipctl explain` for people: the verdict comes first, then everything it rests on.
import type { Explained, Subject, Verdict, ZebraFacts } from './facts.js'
import type { EventReport, PolicyReport, RefusalReport } from './report.js'
import { eventWords, evidenceWords, keyFor, reasonWords, stateWords, timerWords, whyWords } from './words.js'
import { type LocalMac, type RemoteMac, isProxy } from '../show/report.js'
import { ago, clock, count, duration, type Paint, printable } from '../text.js'

/** So many of the newest events and refusals are shown. */
const SHOWN = 20

type View = { now: number; policy: PolicyReport | null; paint: Paint }

export function renderExplained(explained: Explained, now: number, paint: Paint): string {
  const view = { now, policy: explained.policy, paint }
  const blocks = explained.subjects.map((subject) => renderSubject(subject, view))
  const { unknown, events, refusals } = explained
  if (unknown !== null) blocks.push(renderUnknown(explained, unknown, view))
  else blocks.push(section('Also', [...renderEvents(events, view, aboutWhat), ...renderRefusals(refusals, view)]))
  blocks.push(explained.hints.map((hint) => paint('yellow', `! ${printable(hint)}`)))
  const shown = blocks.filter((lines) => lines.length > 0)
  return `${shown.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function renderSubject(subject: Subject, view: View): string[] {
  const { advertisedBy, verdict, todo, zebra, remote, synced, events, refusals } = subject
  const { paint } = view
  const style = advertisedBy !== null ? 'green' : subject.state === null ? 'bold' : 'red'
  return [
    paint(style, printable(verdict)),
    ...(todo === null ? [] : [`  → ${printable(todo)}`]),
    ...section('Evidence', evidence(subject, view)),
    ...section('Zebra', zebra === null ? ['not known: the relay does not answer'] : renderZebra(zebra, subject)),
    ...section('Remote', zebra === null ? [] : remote.length === 0 ? ['none'] : remote.map(renderRemote)),
    ...section('Segment', synced.map(renderSynced)),
    ...section('Rule', rule(subject, view)),
    ...section('Next', next(subject, view)),
    ...section('History', renderEvents(events, view)),
    ...section('Refused', renderRefusals(refusals, view)),
  ]
}

function renderUnknown({ events, refusals }: Explained, { verdict, todo }: Verdict, view: View): string[] {
  return [
    view.paint('red', printable(verdict)),
    ...(todo === null ? [] : [`  → ${printable(todo)}`]),
    ...section('History', renderEvents(events, view, aboutWhat)),
    ...section('Refused', renderRefusals(refusals, view)),
  ]
}

function evidence({ binding, detail, zebra }: Subject, { now }: View): string[] {
  if (binding === null) return zebra === null ? [] : ['none: no host has said it here']
  const { port, vlan, mac, router, firstSeen, lastSeen } = binding
  const lines: string[] = []
  if (detail?.static === true) lines.push(`the configuration says ${mac}: never aged, probed or taken over`)
  else if (lastSeen === 0) lines.push(`none: ${mac} has not been seen with it`)
  else lines.push(`${heard(binding.evidence)} ${mac} on ${place(port, vlan)}, ${when(lastSeen, now)}`)
  if (firstSeen !== 0 && detail?.static !== true) lines.push(`known since ${when(firstSeen, now)}`)
  if (router) lines.push('a router')
  if (detail === null) return lines
  if (!detail.confirmed) lines.push('only remembered: not seen since')
  if (detail.tries > 0) lines.push(`${count(detail.tries, 'probe')} without an answer`)
  return lines
}

function heard(evidence: string): string {
  if (evidence === '') return 'the relay has kept'
  return evidence === 'restored' ? 'restored:' : `${evidenceWords(evidence)} from`
}

const place = (port: string, vlan: number): string => `${port}${vlan === 0 ? '' : `, VLAN ${vlan}`}`

function renderZebra({ vniLive, vtep, mac, macIp, otherMacs }: ZebraFacts, subject: Subject): string[] {
  const { vni, ip, mac: own } = subject
  return [
    vniLive ? `VNI ${vni} is live, local VTEP ${vtep ?? ''}` : `VNI ${vni} is not live: zebra has not announced it`,
    mac === null ? `${own} is not local` : `${own} is local${attributes(mac)}`,
    ...(ip === null ? [] : [macIp === null ? 'does not announce the IP itself' : ownAnnouncement(macIp, subject)]),
    ...otherMacs.map((other) => `announces the IP with ${other}`),
  ]
}

function ownAnnouncement(macIp: LocalMac, { advertisedBy }: Subject): string {
  if (!isProxy(macIp)) return `announces the IP itself${attributes(macIp)}`
  const instead = advertisedBy === 'macipd' ? '; bgpd has what was heard here instead' : ''
  return `announces the IP for another node of the segment${attributes(macIp)}${instead}`
}

const attributes = ({ seq, flags, esi }: LocalMac): string =>
  `, sequence number ${seq}${esi === null ? '' : `, Ethernet segment ${esi}`}${flags.map((flag) => `, ${flag}`).join('')}`

const renderRemote = ({ mac, ip, vtep, seq, flags }: RemoteMac): string =>
  `${mac}${ip === null ? '' : ` with ${ip}`} behind VTEP ${vtep}, sequence number ${seq}${flags.map((flag) => `, ${flag}`).join('')}`

function renderSynced(synced: RemoteMac): string {
  const { mac, ip, seq } = synced
  const how = isProxy(synced) ? ', as a proxy: it has not heard it either' : ''
  return `another node announces ${mac}${ip === null ? '' : ` with ${ip}`}, sequence number ${seq}${how}`
}

function rule({ binding, detail }: Subject, { now, policy }: View): string[] {
  if (binding === null) return []
  const { state, reason, seq } = binding
  // while a host is asked, the reason says only what bgpd is told meanwhile
  const isAsked = state === 'probing' || state === 'contested'
  const lines = isAsked
    ? [`${state}: ${stateWords(state)}`, `${reason}: ${reasonWords(reason)}`]
    : [`${state}${reason === state ? '' : `, ${reason}`}: ${reasonWords(reason)}`]
  if (detail !== null) {
    const { claim, moves, minSeq } = detail
    if (claim !== null) {
      const { mac, port, vlan, evidence, time } = claim
      lines.push(`claimed by ${mac} on ${place(port, vlan)}, ${evidenceWords(evidence)} ${when(time, now)}`)
    }
    if (moves.length > 0) {
      lines.push(`moved ${count(moves.length, 'time')}: ${moves.map((move) => ago(move, now)).join(', ')}`)
    }
    if (minSeq > seq) lines.push(`needs sequence number ${minSeq} to win, and has ${seq}`)
    const isMoving = claim !== null || moves.length > 0 || detail.frozenUntil !== null
    if (isMoving && policy !== null && policy.moves > 0) {
      const { moves, windowMs, holdDownMs } = policy
      lines.push(
        `${count(moves, 'move')} in ${duration(windowMs)} make a duplicate, frozen for ${duration(holdDownMs)}`,
      )
    }
  }
  if (policy?.observe === true && reason !== 'observed') lines.push('observe mode: nothing is announced')
  return lines
}

function next({ binding, detail }: Subject, { now, policy }: View): string[] {
  if (binding === null) return []
  const lines: string[] = []
  const timer = detail?.timer ?? null
  if (timer !== null && timer.time !== 0) lines.push(`${until(timer.time, now)} ${timerWords(timer.what)}`)
  const frozen = detail?.frozenUntil ?? null
  if (frozen !== null && timer?.time !== frozen) lines.push(`${until(frozen, now)} no longer frozen`)
  const isLast = timer?.what === 'give-up' || timer?.time === binding.expires
  if (binding.expires !== 0 && !isLast && detail?.static !== true) {
    lines.push(`${until(binding.expires, now)} withdrawn, if not seen before`)
  }
  if (policy?.probes === 'off') lines.push('hosts are not probed: silence alone decides')
  return lines
}

function renderEvents(
  events: readonly EventReport[],
  { now }: View,
  about: (event: EventReport) => string = () => '',
): string[] {
  const shown = events.slice(-SHOWN)
  const earlier = events.length - shown.length
  return [
    ...(earlier > 0 ? [`… and ${earlier} earlier: macipctl events`] : []),
    ...shown.map((event) => {
      const port = event.port === '' ? '' : ` on ${event.port}`
      return `${clock(event.time, now)}  ${ago(event.time, now)}  ${event.event}${about(event)}${port}: ${eventWords(event)}`
    }),
  ]
}

const aboutWhat = ({ vni, ip, mac }: EventReport): string =>
  `${ip === '' ? '' : ` ${ip}`} ${mac}${vni === null ? '' : ` in VNI ${vni}`}`

function renderRefusals(refusals: readonly RefusalReport[], { now, policy }: View): string[] {
  const shown = refusals.slice(-SHOWN)
  const earlier = refusals.length - shown.length
  const limits = Object.entries(policy?.limits ?? {}).filter(([, value]) => Number.isFinite(value))
  const isLimited = shown.some(({ reason }) => reason !== 'link-local' && /limit|full/.test(reason))
  return [
    ...(earlier > 0 ? [`… and ${earlier} earlier`] : []),
    ...shown.map(({ ip, mac, port, reason, count: times, first, last }) => {
      const who = `${ip === '' ? 'a frame' : ip} by ${mac === '' ? 'no MAC' : mac}${port === '' ? '' : ` on ${port}`}`
      const often = times === 1 ? ago(last, now) : `${times} times, ${ago(first, now)} to ${ago(last, now)}`
      return `${who}: ${reason}, ${whyWords(reason)}; ${often}`
    }),
    ...keysFor(shown),
    ...(isLimited ? [`limits: ${limits.map(([name, value]) => `${name} ${value}`).join(', ')}`] : []),
  ]
}

/** Says which keys of the configuration govern what was refused. */
const keysFor = (refusals: readonly RefusalReport[]): string[] =>
  [...new Set(refusals.map(({ reason }) => reason))].flatMap((reason) => {
    const key = keyFor(reason)
    return key === undefined ? [] : [`→ ${reason}: ${key}`]
  })

const when = (time: number, now: number): string => `${ago(time, now)} (${clock(time, now)})`

const until = (time: number, now: number): string =>
  `${time <= now ? 'now' : `in ${duration(time - now)}`} (${clock(time, now)}):`

/** Puts the title beside the first line only. */
const section = (title: string, lines: readonly string[]): string[] =>
  lines.map((line, index) => `  ${(index === 0 ? title : '').padEnd(10)}${printable(line)}`)
