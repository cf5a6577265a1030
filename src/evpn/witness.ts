// What zebra's FPM stream says beside the ZAPI stream: which MACs zebra has programmed as remote, and which tenant routes
// lead to other VTEPs. Only what it said on the present connection counts; that it says nothing proves nothing.
import type { Binding } from './binding.js'
import { CONFIRMS } from './contest.js'
import { confirmRate } from './pace.js'
import { isRemote, scheduleRefresh } from './refresh.js'
import { reasonOf } from './state.js'
import type { Turn } from './turn.js'

export type Testimony =
  /** zebra programmed the MAC as remote, or no longer. */
  | { readonly kind: 'mac'; readonly vni: number; readonly mac: string; readonly remote: boolean }
  /** zebra programmed a host route of the VNI's tenant to another VTEP. */
  | { readonly kind: 'host-route'; readonly vni: number; readonly ip: string; readonly vtep: string }
  /** The connection is lost. */
  | { readonly kind: 'none' }

export function onTestimony(turn: Turn, testimony: Testimony): void {
  const { table } = turn
  switch (testimony.kind) {
    case 'mac': {
      const { vni, mac, remote } = testimony
      table.views.setProgrammed(vni, mac, remote)
      reviewMac(turn, vni, mac)
      return
    }
    case 'host-route': {
      const owner = table.find(testimony.vni, testimony.ip)
      if (owner !== undefined) contestByRoute(turn, owner, testimony.vtep)
      return
    }
    case 'none':
      for (const { vni, mac } of table.views.forgetProgrammed()) reviewMac(turn, vni, mac)
  }
}

/** Announcements of the MAC have changed: its bindings may no longer be announced, or may again. */
export function reviewMac(turn: Turn, vni: number, mac: string): void {
  const { table } = turn
  const withheld = table.views.isWithheld(vni, mac)
  for (const binding of table.ofMac(vni, mac)?.bindings ?? []) {
    if (binding.withheld === withheld) continue
    const { confirmed, phase } = binding
    const wanted = confirmed && phase !== 'duplicate'
    binding.withheld = withheld
    if (wanted && withheld) turn.remove(binding)
    else turn.put(binding)
    // nobody is asked behind another VTEP
    if (!withheld && binding.timer === 'age') scheduleRefresh(turn, binding)
    turn.note('state', binding, binding.place.port, reasonOf(binding, table))
  }
}

/** The host is asked, as if another one had claimed its address; what it answers decides. */
function contestByRoute(turn: Turn, owner: Binding, vtep: string): void {
  const { table, policy, now } = turn
  const { place, phase } = owner
  const isOurs = owner.confirmed && !owner.isStatic && (phase === 'known' || phase === 'probing')
  // one that nobody may ask is not given up either: that would be guessing
  if (!isOurs || isRemote(owner, table) || policy.probes === 'off') return
  const rate = confirmRate(policy.probeRate)
  owner.phase = 'contested'
  owner.claim = undefined
  owner.tries = 0
  table.contested.add(owner)
  for (let more = 1; more < CONFIRMS; more++) table.confirmPace.reserve(place.ifindex, now, rate)
  table.setTimer(owner, 'confirm', table.confirmPace.reserve(place.ifindex, now, rate))
  turn.note('contested', owner, place.port, `route to ${vtep}`)
}
