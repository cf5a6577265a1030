// What a successor of this process must know besides the entries and the views, and how it takes it up.
import type { ZebraMessage } from '../../zapi/evpn-codec.js'
import { type Injection, macIpAdd } from './entry.js'
import type { OverlayState } from './state.js'
import { sameAsAdvertised } from './views.js'

/** A local MAC of which bgpd has `seq` or more, and must not get less while it is local. */
export type HeldMinSequence = { vni: number; mac: string; seq: number }

export function* heldMinSequences({ minSequences }: OverlayState): Generator<HeldMinSequence> {
  for (const { vni, mac, heldMinSeq } of minSequences.all()) if (heldMinSeq > 0) yield { vni, mac, seq: heldMinSeq }
}

/** What bgpd has from us, as the messages that announced it. */
export function* injected(state: OverlayState): Generator<Injection> {
  for (const { vni, mac, advertised } of state.minSequences.all()) {
    const zebras = state.views.get(vni)?.macs.get(mac)
    if (advertised !== undefined && zebras !== undefined && !sameAsAdvertised(advertised, zebras))
      yield macIpAdd({ vni, mac, ip: undefined }, advertised, state.vrf(vni))
  }
  for (const { entry, advertised } of state.records.all())
    if (advertised?.by === 'us') yield macIpAdd(entry, advertised.attributes, state.vrf(entry.vni))
}

/** Whether bgpd has something else, or nothing, in place of the route that zebra announces with `message`. */
export function isDropped({ minSequences, records }: OverlayState, { command, body }: ZebraMessage): boolean {
  if (command !== 'ZEBRA_MACIP_ADD') return false
  const { vni, mac, ip } = body
  if (ip === undefined) {
    const minSequence = minSequences.find(vni, mac)
    return minSequence !== undefined && !sameAsAdvertised(minSequence.advertised, body)
  }
  const record = records.find({ vni, mac, ip })
  if (record === undefined) return false
  return record.advertised === undefined
    ? record.suppressedPending
    : !sameAsAdvertised(record.advertised.attributes, body)
}

export function restoreInjected(state: OverlayState, message: Injection): void {
  const { vni, mac, ip } = message.body
  state.droppedRoutes.delete(message.body)
  const attributes = message.command === 'ZEBRA_MACIP_ADD' ? message.body : undefined
  if (ip === undefined) {
    if (attributes !== undefined) state.minSequences.onAdvertised(state.minSequences.findOrAdd(vni, mac), attributes)
    return
  }
  const key = { vni, mac, ip }
  const isZebras = state.zebrasOwn(key) !== undefined
  const record = isZebras ? state.findOrAddRecord(key, undefined) : state.records.find(key)
  if (record === undefined) return
  record.advertised = attributes && { by: 'us', attributes }
  if (attributes === undefined) record.suppressedPending = isZebras
  state.touch(record)
}

export function restoreMinSequence({ minSequences }: OverlayState, { vni, mac, seq }: HeldMinSequence): void {
  const minSequence = minSequences.findOrAdd(vni, mac)
  minSequence.heldMinSeq = Math.max(minSequence.heldMinSeq, seq)
  minSequences.dirty.add(minSequence)
}
