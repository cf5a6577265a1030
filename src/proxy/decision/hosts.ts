// What a frame, another speaker's route or a former run tells of a MAC.
import { refusalOf } from './admission.js'
import { claim, onAnswer, onIpRouteGone } from './contest.js'
import type { Heard, SavedHost } from './input.js'
import { above, countMove, isBeaten, sequenceAt } from './mobility.js'
import { type Host, newAddress, newHost, type OtherRoute } from './model.js'
import { ask, askFor, scheduleAge, scheduleRefresh } from './refresh.js'
import type { StepContext } from './step-context.js'
import { find } from './vteps.js'

export function onHeard(context: StepContext, heard: Heard): void {
  const { table, policy } = context
  onAnswer(context, heard)
  const refusal = heard.etherSource === heard.mac ? refusalOf(table, policy, heard) : 'mac-differs'
  if (refusal !== undefined) {
    context.refuse(refusal, heard, heard.ip)
    return
  }
  find(context, heard)
  const host = learn(context, heard)
  if (host.phase === 'duplicate') return
  if (heard.ip !== undefined) claim(context, host, heard.ip, heard)
  if (host.addresses.size === 0) scheduleAge(context, host)
}

/** The MAC is behind the VTEP that sent the frame. */
function learn(context: StepContext, { vni, mac, vtep, at }: Heard): Host {
  const host = context.table.host({ vni, mac })
  if (host === undefined) {
    const seq = sequenceAt(context, { vni, mac }, vtep, 0)
    const added = newHost({ vni, mac, vtep, lastSeen: at, seq }, 'here')
    context.table.addHost(added)
    context.changes.host(added)
    context.emit('learned', added)
    return added
  }
  host.lastSeen = Math.max(host.lastSeen, at)
  if (host.vtep === vtep && host.phase === 'here') return host
  const isMove = host.vtep !== vtep || host.phase === 'elsewhere'
  // both VTEPs may have to be announced, or not any more
  context.changes.host(host)
  const seq = sequenceAt(context, host, vtep, isMove ? above(host.seq) : host.seq)
  const former = host.vtep
  if (former !== vtep) context.table.moveHost(host, vtep)
  context.changes.host(host)
  host.seq = seq
  host.phase = 'here'
  if (!isMove) {
    context.emit('learned', host)
    return host
  }
  context.emit('moved', host, '', former)
  // its IPs come along; those that it does not say itself it is asked for in time
  if (!countMove(context, host)) for (const address of host.addresses) scheduleRefresh(context, address)
  return host
}

/** A route of another speaker has come, changed or gone. */
export function onRoute(context: StepContext, now: OtherRoute | undefined, before: OtherRoute | undefined): void {
  for (const route of [before, now]) if (route?.macIp !== undefined) review(context, route.vni, route.macIp.mac)
  if (now !== undefined) askForMarked(context, now)
  if (before?.macIp?.ip !== undefined) onIpRouteGone(context, before.vni, before.macIp.ip)
}

/** Decides anew whether the host is announced, after other routes of its MAC have changed. */
export function review(context: StepContext, vni: number, mac: string): void {
  const host = context.table.host({ vni, mac })
  if (host === undefined || host.phase === 'duplicate') return
  for (const { nextHop, macIp } of context.table.others.ofMac(vni, mac)) {
    if (nextHop !== host.vtep || macIp.seq <= host.seq) continue
    host.seq = macIp.seq
    context.changes.host(host)
  }
  const isElsewhere = isBeaten(context, host)
  if (isElsewhere === (host.phase === 'elsewhere')) return
  context.changes.host(host)
  if (!isElsewhere) {
    if (host.isStatic) host.phase = 'here'
    else ask(context, host)
    return
  }
  const wasHere = host.phase === 'here'
  host.phase = 'elsewhere'
  context.emit('elsewhere', host)
  if (!(wasHere && countMove(context, host)) && host.addresses.size === 0) scheduleAge(context, host)
}

/**
 * Another proxy announces a host: it is asked here, too, so that its routes stay when that proxy ends. Its answer comes to
 * who has asked.
 */
function askForMarked(context: StepContext, { vni, nextHop, isMarked, macIp }: OtherRoute): void {
  const { table, policy, now } = context
  if (!isMarked || macIp?.ip === undefined || table.address({ vni, ip: macIp.ip }) !== undefined) return
  const { mac, ip, seq } = macIp
  const known = table.host({ vni, mac })
  if (
    known !== undefined
      ? known.vtep !== nextHop || known.phase !== 'here'
      : refusalOf(table, policy, { vni, mac, vtep: nextHop }) !== undefined
  )
    return
  const host = known ?? newHost({ vni, mac, vtep: nextHop, lastSeen: now, seq }, 'asked')
  if (host.addresses.size >= policy.limits.ipsPerMac) return
  if (known === undefined) table.addHost(host)
  const address = newAddress(host, ip, { lastSeen: now })
  table.addAddress(address)
  askFor(context, address)
  context.changes.host(host)
}

/** Hosts of an earlier run are announced as they were, and asked; others' routes of now are known already. */
export function onRestored(context: StepContext, hosts: readonly SavedHost[]): void {
  const { table, policy, now } = context
  for (const { vni, mac, vtep, seq, lastSeen, addresses } of hosts) {
    if (table.host({ vni, mac }) !== undefined) continue
    if (refusalOf(table, policy, { vni, mac, vtep }) !== undefined) continue
    find(context, { vni, vtep })
    const host = newHost({ vni, mac, vtep, seq, lastSeen }, 'here')
    table.addHost(host)
    context.changes.host(host)
    context.emit('restored', host)
    for (const { ip, isRouter, lastSeen: heard } of addresses.slice(0, policy.limits.ipsPerMac)) {
      if (table.address({ vni, ip }) !== undefined) continue
      const address = newAddress(host, ip, { isRouter, lastSeen: heard })
      table.addAddress(address)
      table.timers.set(address, now)
    }
    if (host.addresses.size === 0) scheduleAge(context, host)
    review(context, vni, mac)
  }
}
