// Compares what bgpd has with what it should have, and makes the messages that are missing.
import { NeighState } from '../../zapi/messages/macip.js'
import type { Status } from '../../bindings/model.js'
import type { DroppedRoute } from './dropped-routes.js'
import { type Injection, type OverlayRecord, macIpAdd } from './entry.js'
import type { MinSequence } from './min-sequences.js'
import type { StaleRoute } from './stale-routes.js'
import type { OverlayState } from './state.js'
import { attributesOf, isDisplaced, reportOf, statusOf } from './status.js'
import { type Attributes, sameAsAdvertised } from './views.js'

/**
 * Messages to inject now, about `limit` at most, in the order they must be sent; they count as advertised from here on.
 * For one IP the withdrawal of a MAC comes before the announcement of another, because bgpd has one local path per IP. A
 * MAC comes before its MAC-IPs.
 */
export function reconcile(state: OverlayState, limit: number): Injection[] {
  const out: Injection[] = []
  if (state.gate !== 'open') {
    refreshStatuses(state)
    return out
  }
  for (const minSequence of state.minSequences.dirty) {
    if (out.length >= limit) return out
    reconcileMac(state, minSequence, out)
  }
  repeat(state, 'mac', limit, out)
  for (const record of state.dirty) {
    if (out.length >= limit) return out
    for (const sibling of state.records.ofIp(record.entry.vni, record.entry.ip)) {
      if (sibling !== record && state.dirty.has(sibling) && sibling.advertised !== undefined)
        reconcileMacIp(state, sibling, out)
    }
    reconcileMacIp(state, record, out)
  }
  repeat(state, 'ip', limit, out)
  withdrawStale(state, limit, out)
  return out
}

/** Recomputes statuses while nothing may be injected. What is left undone is dirty again when the gate opens. */
export function refreshStatuses(state: OverlayState): void {
  state.minSequences.dirty.clear()
  for (const record of state.dirty) {
    state.dirty.delete(record)
    conclude(state, record, record.removed ? undefined : statusOf(state, record))
  }
}

/** To be called when bgpd was told of these routes what it is to have. */
function repeat(state: OverlayState, what: 'mac' | 'ip', limit: number, out: Injection[]): void {
  if (state.droppedRoutes.size === 0) return
  for (const route of state.droppedRoutes.take(what)) {
    out.push(...repetitions(state, route))
    if (out.length >= limit) return
  }
}

/** What bgpd was told last of the route: harmless if it has that still. */
function repetitions(state: OverlayState, { vni, mac, ip }: DroppedRoute): Injection[] {
  const view = state.views.get(vni)
  const vrf = state.vrf(vni)
  if (ip === undefined) {
    const attributes = state.minSequences.find(vni, mac)?.advertised ?? view?.macs.get(mac)
    return attributes === undefined ? [] : [macIpAdd({ vni, mac, ip }, attributes, vrf)]
  }
  const repeated: Injection[] = []
  for (const { entry, advertised } of state.records.ofIp(vni, ip))
    if (advertised !== undefined) repeated.push(macIpAdd(entry, advertised.attributes, vrf))
  for (const [own, attributes] of view?.macIps.get(ip) ?? []) {
    const key = { vni, mac: own, ip }
    // zebra, which has lost the MAC, is about to withdraw the route itself
    if (view?.macs.has(own) === true && state.records.find(key) === undefined)
      repeated.push(macIpAdd(key, attributes, vrf))
  }
  return repeated
}

function reconcileMac(state: OverlayState, minSequence: MinSequence, out: Injection[]): void {
  const { minSequences, views } = state
  const { vni, mac } = minSequence
  const attributes = minSequences.reconcile(minSequence)
  if (attributes !== undefined) out.push(macIpAdd({ vni, mac, ip: undefined }, attributes, state.vrf(vni)))
  const seq = minSequences.seqOf(vni, mac)
  if (seq === minSequence.comparedSeq) return
  minSequence.comparedSeq = seq
  const least = minSequences.minSeqOf(vni, mac)
  for (const ip of (least > 0 && views.get(vni)?.ipsOf(mac)) || []) {
    const advertised = state.advertisedByZebra({ vni, mac, ip })
    if (advertised !== undefined && advertised.attributes.seq < least)
      state.findOrAddRecord({ vni, mac, ip }, advertised)
  }
  state.touchMac(vni, mac)
}

function reconcileMacIp(state: OverlayState, record: OverlayRecord, out: Injection[]): void {
  state.dirty.delete(record)
  const status = record.removed ? undefined : statusOf(state, record)
  const { vni, mac, ip } = record.entry
  const zebras = state.zebrasOwn(record.entry)
  if (status === 'announced') {
    for (const other of state.views.get(vni)?.macIps.get(ip)?.keys() ?? []) {
      const key = { vni, mac: other, ip }
      if (other !== mac) reconcileMacIp(state, state.findOrAddRecord(key, state.advertisedByZebra(key)), out)
    }
    advertise(state, record, attributesOf(state, record), out)
  } else if (zebras !== undefined && !isDisplaced(state, record.entry, zebras))
    reconcileZebras(state, record, zebras, out)
  else if (record.advertised !== undefined) {
    const body = { vni, mac, ip, state: NeighState.ACTIVE }
    out.push({ command: 'ZEBRA_MACIP_DEL', vrf: state.vrf(vni), body })
    record.advertised = undefined
    // when it is displaced no longer, bgpd gets it again
    record.suppressedPending = zebras !== undefined
    // another MAC may have waited for this one to go
    for (const sibling of state.records.ofIp(vni, ip)) if (sibling !== record) state.touch(sibling)
  }
  conclude(state, record, status)
}

/** bgpd should have zebra's own route as zebra announces it, but with no less than the minimum sequence of the MAC. */
function reconcileZebras(state: OverlayState, record: OverlayRecord, zebras: Attributes, out: Injection[]): void {
  if (record.advertised === undefined && !record.suppressedPending) return
  const { vni, mac } = record.entry
  // zebra, which has lost the MAC, is about to withdraw the route itself
  if (record.advertised !== undefined && state.views.get(vni)?.macs.has(mac) !== true) return
  const { flags, esi } = zebras
  const isLess = zebras.seq < state.minSequences.minSeqOf(vni, mac)
  const attributes = isLess ? { flags, seq: state.minSequences.seqOf(vni, mac), esi } : zebras
  if (!sameAsAdvertised(record.advertised?.attributes, attributes)) advertise(state, record, attributes, out)
}

function advertise(state: OverlayState, record: OverlayRecord, attributes: Attributes, out: Injection[]): void {
  if (!sameAsAdvertised(record.advertised?.attributes, attributes))
    out.push(macIpAdd(record.entry, attributes, state.vrf(record.entry.vni)))
  record.advertised = { by: 'us', attributes }
}

/** Marks a changed status for the next report; a record without an entry ends when bgpd has of it what zebra says. */
function conclude(state: OverlayState, record: OverlayRecord, status: Status | undefined): void {
  if (status !== undefined) {
    const report = reportOf(record, status)
    if (record.reported?.status === report.status && record.reported.seq === report.seq) return
    record.reported = report
    state.unreported.add(record)
    return
  }
  const zebras = state.zebrasOwn(record.entry)
  const isDone =
    zebras === undefined ? record.advertised === undefined : sameAsAdvertised(record.advertised?.attributes, zebras)
  if (isDone) state.forget(record)
}

function withdrawStale(state: OverlayState, limit: number, out: Injection[]): void {
  while (out.length < limit) {
    const route = state.staleRoutes.next()
    if (route === undefined) return
    if (!isStale(state, route)) continue
    const { vni, vrf, mac, ip } = route
    out.push({ command: 'ZEBRA_MACIP_DEL', vrf, body: { vni, mac, ip, state: NeighState.ACTIVE } })
  }
}

/**
 * Whether bgpd still has a route of an earlier session that is not announced in this one. bgpd has no local routes of a
 * VNI that is not live.
 */
function isStale({ views, records }: OverlayState, { vni, mac, ip }: StaleRoute): boolean {
  const view = views.get(vni)
  if (view?.announced === undefined) return false
  if (ip === undefined) return !view.macs.has(mac)
  // MACIP_DEL removes the only local path of an IP, whatever its MAC
  if (view.macIps.has(ip)) return false
  for (const record of records.ofIp(vni, ip)) if (record.advertised !== undefined) return false
  return true
}
