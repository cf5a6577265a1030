// How `macipctl explain` looks to people: the verdict first, then everything it rests on.
import type { Explained, Subject, ZebraFacts } from './explain-facts.js'
import type { EventReport, PolicyReport, RefusalReport } from './explain-report.js'
import { eventWords, reasonWords, timerWords, whyWords } from './explain-words.js'
import type { LocalMac, RemoteMac } from './show-report.js'
import { ago, clock, count, duration, type Paint, printable } from './text.js'

/** The newest events and refusals that are shown. */
const SHOWN = 20

type View = { now: number; policy: PolicyReport | null; paint: Paint }

export function renderExplained(explained: Explained, now: number, paint: Paint): string {
  const view = { now, policy: explained.policy, paint }
  const blocks = explained.subjects.map((subject) => renderSubject(subject, view))
  if (explained.subjects.length === 0) blocks.push(renderUnknown(explained, view))
  else
    blocks.push(section('Also', [...renderEvents(explained.events, view), ...renderRefusals(explained.refusals, view)]))
  blocks.push(explained.hints.map((hint) => paint('yellow', `! ${printable(hint)}`)))
  const shown = blocks.filter((lines) => lines.length > 0)
  return `${shown.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function renderSubject(subject: Subject, view: View): string[] {
  const { advertisedBy, verdict, todo, zebra, remote, events, refusals } = subject
  const { paint } = view
  const style = advertisedBy !== null ? 'green' : subject.state === null ? 'bold' : 'red'
  return [
    paint(style, printable(verdict)),
    ...(todo === null ? [] : [`  → ${printable(todo)}`]),
    ...section('Evidence', evidence(subject, view)),
    ...section('Zebra', zebra === null ? ['not known: the relay does not answer'] : renderZebra(zebra, subject)),
    ...section('Remote', zebra === null ? [] : remote.length === 0 ? ['none'] : remote.map(renderRemote)),
    ...section('Rule', rule(subject, view)),
    ...section('Next', next(subject, view)),
    ...section('History', renderEvents(events, view)),
    ...section('Refused', renderRefusals(refusals, view)),
  ]
}

function renderUnknown({ address, vni, events, refusals }: Explained, view: View): string[] {
  const where = vni === null ? '' : ` (VNI ${vni})`
  const reason =
    refusals.length > 0
      ? 'what was said about it was not believed'
      : events.length > 0
        ? 'it is known no longer'
        : 'no host behind a port of this node has said that it has it, and neither zebra nor bgpd has announced it'
  const silent = `let the host speak, with ping for example, while macipctl events ${address} --follow shows what comes of it`
  return [
    view.paint('red', `${address}${where} is not known here: ${reason}`),
    ...(refusals.length > 0 ? [] : [`  → ${silent}`]),
    ...(vni === null || refusals.length + events.length > 0
      ? []
      : ['  → it may be known in another VNI: leave out --vni']),
    ...section('History', renderEvents(events, view)),
    ...section('Refused', renderRefusals(refusals, view)),
  ]
}

function evidence({ binding, detail, zebra }: Subject, { now }: View): string[] {
  if (binding === null) return zebra === null ? [] : ['none: no host has said it here']
  const { port, vlan, mac, router } = binding
  const by = binding.evidence === '' ? 'kept by the relay' : binding.evidence
  const lines = [
    `${by} of ${mac} on ${port === '' ? 'no port' : port}${vlan === 0 ? '' : `, VLAN ${vlan}`}, ${when(binding.lastSeen, now)}`,
    `known since ${when(binding.firstSeen, now)}`,
  ]
  if (router) lines.push('a router')
  if (detail === null) return lines
  if (detail.static) lines.push('static: configured by the operator; never aged, probed or taken over')
  else if (!detail.confirmed) lines.push('only remembered from an earlier run: not seen or probed since')
  if (detail.tries > 0) lines.push(`${count(detail.tries, 'probe')} without an answer`)
  return lines
}

function renderZebra({ vniLive, vtep, mac, macIp, otherMacs }: ZebraFacts, { vni, ip, mac: own }: Subject): string[] {
  return [
    vniLive ? `VNI ${vni} is live, local VTEP ${vtep ?? ''}` : `VNI ${vni} is not live: zebra has not announced it`,
    mac === null ? `${own} is not local` : `${own} is local${attributes(mac)}`,
    ...(ip === null
      ? []
      : [macIp === null ? 'does not announce the IP itself' : `announces the IP itself${attributes(macIp)}`]),
    ...otherMacs.map((other) => `announces the IP with ${other}`),
  ]
}

const attributes = ({ seq, flags, esi }: LocalMac): string =>
  `, sequence number ${seq}${esi === null ? '' : `, Ethernet segment ${esi}`}${flags.map((flag) => `, ${flag}`).join('')}`

const renderRemote = ({ mac, ip, vtep, seq, flags }: RemoteMac): string =>
  `${mac}${ip === null ? '' : ` with ${ip}`} behind VTEP ${vtep}, sequence number ${seq}${flags.map((flag) => `, ${flag}`).join('')}`

function rule({ binding, detail }: Subject, { now, policy }: View): string[] {
  if (binding === null) return []
  const { state, reason, seq } = binding
  const lines = [`${state}${reason === state ? '' : `, ${reason}`}: ${reasonWords(reason)}`]
  if (detail !== null) {
    const { claim, moves, minSeq } = detail
    if (claim !== null) {
      const place = `${claim.port}${claim.vlan === 0 ? '' : `, VLAN ${claim.vlan}`}`
      lines.push(`claimed by ${claim.mac} on ${place}, ${claim.evidence} ${when(claim.time, now)}`)
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
  if (policy?.observe === true) lines.push('observe mode: nothing is announced')
  return lines
}

function next({ binding, detail }: Subject, { now, policy }: View): string[] {
  if (binding === null) return []
  const lines: string[] = []
  const timer = detail?.timer ?? null
  if (timer !== null && timer.time !== 0) lines.push(`${until(timer.time, now)} ${timerWords(timer.what)}`)
  const frozen = detail?.frozenUntil ?? null
  if (frozen !== null && timer?.time !== frozen) lines.push(`${until(frozen, now)} no longer frozen`)
  if (binding.expires !== 0 && timer?.time !== binding.expires && detail?.static !== true) {
    lines.push(`${until(binding.expires, now)} withdrawn, if not seen before`)
  }
  if (policy?.probes === 'off') lines.push('hosts are not probed: silence alone decides')
  return lines
}

function renderEvents(events: readonly EventReport[], { now }: View): string[] {
  const shown = events.slice(-SHOWN)
  const earlier = events.length - shown.length
  return [
    ...(earlier > 0 ? [`… and ${earlier} earlier: macipctl events`] : []),
    ...shown.map((event) => {
      const port = event.port === '' ? '' : ` on ${event.port}`
      return `${clock(event.time, now)}  ${ago(event.time, now)}  ${event.event}${port}: ${eventWords(event)}`
    }),
  ]
}

function renderRefusals(refusals: readonly RefusalReport[], { now, policy }: View): string[] {
  const shown = refusals.slice(-SHOWN)
  const earlier = refusals.length - shown.length
  const limits = Object.entries(policy?.limits ?? {}).filter(([, value]) => Number.isFinite(value))
  const isLimited = shown.some(({ reason }) => reason !== 'link-local' && /limit|full/.test(reason))
  return [
    ...(earlier > 0 ? [`… and ${earlier} earlier`] : []),
    ...shown.map(({ ip, mac, port, reason, count: times, first, last }) => {
      const who = `${ip} by ${mac === '' ? 'no MAC' : mac}${port === '' ? '' : ` on ${port}`}`
      const often = times === 1 ? ago(last, now) : `${times} times, ${ago(first, now)} to ${ago(last, now)}`
      return `${who}: ${reason}, ${whyWords(reason)}; ${often}`
    }),
    ...(isLimited ? [`limits: ${limits.map(([name, value]) => `${name} ${value}`).join(', ')}`] : []),
  ]
}

const when = (time: number, now: number): string =>
  time === 0 ? 'at a time nobody knows' : `${ago(time, now)} (${clock(time, now)})`

const until = (time: number, now: number): string =>
  `${time <= now ? 'now' : `in ${duration(time - now)}`} (${clock(time, now)}):`

/** The title only beside the first line. */
const section = (title: string, lines: readonly string[]): string[] =>
  lines.map((line, index) => `  ${(index === 0 ? title : '').padEnd(10)}${printable(line)}`)
