// Which of zebra's messages reach bgpd. A message passes as it is, is dropped because bgpd has the same or better from us,
// or is deferred until something of ours has been withdrawn.
import type { ZebraMessage } from '../../zapi/evpn-codec.js'
import { NeighState } from '../../zapi/messages/macip.js'
import { remoteWins } from './precedence.js'
import type { Key } from '../../bindings/model.js'
import type { OverlayState } from './state.js'
import { isDisplaced, statusOf } from './status.js'
import { type Attributes, isProxy, isSynced, sameAsAdvertised } from './views.js'

/**
 * Updates the views and the state with a message of zebra to bgpd, and decides whether it goes on. The answer is the same
 * when it is asked again about the same message, because it was deferred or the process died before passing it on.
 */
export function filter(state: OverlayState, message: ZebraMessage): 'pass' | 'drop' | 'defer' {
  apply(state, message)
  const verdict = judge(state, message)
  if (verdict === 'pass') onPassed(state, message)
  else if (verdict === 'drop') onDropped(state, message)
  return verdict
}

/** Updates the views and the state with a message about which a predecessor has decided. */
export function applyRecorded(state: OverlayState, message: ZebraMessage, dropped: boolean): void {
  apply(state, message)
  if (dropped) onDropped(state, message)
  else onPassed(state, message)
}

function apply(state: OverlayState, message: ZebraMessage): void {
  const { command, body } = message
  if (command === 'ZEBRA_VNI_ADD') state.minSequences.onVniAdd(body.vni)
  if (command === 'ZEBRA_MACIP_ADD' && isProxy(body) && body.ip !== undefined)
    noteBefore(state, { ...body, ip: body.ip })
  state.views.applyZebra(message)
}

/** What bgpd has of a MAC-IP that may be displaced from now on. */
function noteBefore(state: OverlayState, key: Key): void {
  const before = state.advertisedByZebra(key)
  if (before === undefined) return
  for (const { entry, removed } of state.records.ofIp(key.vni, key.ip))
    if (entry.mac !== key.mac && !removed) state.findOrAddRecord(key, before)
}

function judge(state: OverlayState, { command, body }: ZebraMessage): 'pass' | 'drop' | 'defer' {
  if (command === 'ZEBRA_MACIP_ADD') {
    const { vni, mac, ip } = body
    return ip === undefined ? judgeMacAdd(state, vni, mac, body) : judgeMacIpAdd(state, { vni, mac, ip }, body)
  }
  if (command === 'ZEBRA_MACIP_DEL') {
    const { vni, mac, ip, state: neighState } = body
    if (ip !== undefined) return judgeMacIpDel(state, { vni, mac, ip }, neighState)
  }
  return 'pass'
}

function judgeMacAdd(state: OverlayState, vni: number, mac: string, { seq }: Attributes): 'pass' | 'drop' {
  if (state.gate !== 'open' || seq >= state.minSequences.minSeqOf(vni, mac)) return 'pass'
  const minSequence = state.minSequences.findOrAdd(vni, mac)
  const remote = state.views.get(vni)?.remoteMacs.get(mac)
  // bgpd has dropped our route; announced again, it makes bgpd repeat to zebra the route that has won
  const isRemote = remote !== undefined && !isSynced(remote)
  if (isRemote && minSequence.advertised !== undefined && remote.seq >= minSequence.advertised.seq)
    minSequence.advertised = undefined
  return 'drop'
}

function judgeMacIpAdd(state: OverlayState, key: Key, attributes: Attributes): 'pass' | 'drop' | 'defer' {
  const isOpen = state.gate === 'open'
  if (isOpen && isDisplaced(state, key, attributes)) return 'drop'
  let mustWait = false
  for (const sibling of state.records.ofIp(key.vni, key.ip)) {
    if (sibling.entry.mac === key.mac) continue
    state.touch(sibling)
    // only a route that reconciling is going to withdraw is worth waiting for
    if (isOpen && sibling.advertised !== undefined && state.zebrasOwn(sibling.entry) === undefined) mustWait = true
  }
  if (mustWait) return 'defer'
  const record = state.records.find(key)
  if (isOpen && attributes.seq < state.minSequences.minSeqOf(key.vni, key.mac)) {
    const view = state.views.get(key.vni)
    if (record?.advertised !== undefined && view !== undefined) {
      if (remoteWins(view, key, record.advertised.attributes.seq, true)) record.advertised = undefined
    }
    return 'drop'
  }
  if (isOpen && isProxy(attributes) && record?.removed === false && statusOf(state, record) === 'announced')
    return 'drop'
  return record?.advertised?.by === 'us' && sameAsAdvertised(record.advertised.attributes, attributes) ? 'drop' : 'pass'
}

function judgeMacIpDel(state: OverlayState, key: Key, neighState: number): 'pass' | 'drop' {
  if (neighState !== NeighState.ACTIVE) return 'pass'
  const record = state.records.find(key)
  if (record === undefined) return 'pass'
  if (record.advertised === undefined) return record.suppressedPending && hasOther(state, key) ? 'drop' : 'pass'
  return !record.removed && statusOf(state, record) === 'announced' ? 'drop' : 'pass'
}

/** bgpd has the IP with another MAC from us instead: it would take the withdrawal for that route's. */
function hasOther({ records }: OverlayState, { vni, mac, ip }: Key): boolean {
  for (const { entry, advertised } of records.ofIp(vni, ip))
    if (entry.mac !== mac && advertised?.by === 'us') return true
  return false
}

/** bgpd gets the message as zebra sent it. */
function onPassed(state: OverlayState, { command, body }: ZebraMessage): void {
  switch (command) {
    case 'ZEBRA_VNI_ADD':
      state.touchVni(body.vni)
      return
    case 'ZEBRA_VNI_DEL':
      state.forgetAdvertised(body.vni)
      return
    case 'ZEBRA_MACIP_ADD':
    case 'ZEBRA_MACIP_DEL': {
      state.touchConcerned(body)
      state.droppedRoutes.delete(body)
      const { vni, mac, ip } = body
      const attributes = command === 'ZEBRA_MACIP_ADD' ? body : undefined
      const isGone = command === 'ZEBRA_MACIP_DEL' && body.state === NeighState.ACTIVE
      if (ip === undefined) {
        const minSequence = state.minSequences.find(vni, mac)
        if (minSequence === undefined) return
        if (attributes !== undefined) minSequence.advertised = attributes
        else if (isGone) {
          minSequence.advertised = undefined
          minSequence.heldMinSeq = 0
        }
        return
      }
      const record = state.records.find({ vni, mac, ip })
      if (record === undefined) return
      record.suppressedPending = false
      if (attributes !== undefined) record.advertised = { by: 'zebra', attributes }
      else if (isGone || record.removed) record.advertised = undefined
    }
  }
}

/** bgpd has the route from us, or is about to have it, with the minimum sequence of the MAC. */
function onDropped(state: OverlayState, { command, body }: ZebraMessage): void {
  if (command !== 'ZEBRA_MACIP_ADD' && command !== 'ZEBRA_MACIP_DEL') return
  state.touchConcerned(body)
  if (command === 'ZEBRA_MACIP_DEL') return
  const { vni, mac, ip } = body
  const minSequence = state.minSequences.find(vni, mac)
  if (ip === undefined) {
    if (minSequence?.advertised !== undefined) state.minSequences.onAdvertised(minSequence, minSequence.advertised)
    return
  }
  const record = state.findOrAddRecord({ vni, mac, ip }, undefined)
  record.suppressedPending = true
  state.touch(record)
}
