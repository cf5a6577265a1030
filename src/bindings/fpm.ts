// What zebra's FPM stream says beside the ZAPI stream: which MACs zebra has programmed as remote, and which tenant routes
// lead to other VTEPs. Only what it said on the present connection counts; that it says nothing proves nothing.
import { isInOverlay } from './model.js'
import { contestByRoute } from './contest.js'
import { isRemote, scheduleRefresh } from './refresh.js'
import { reasonOf } from './state.js'
import type { Turn } from './step-context.js'

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

/** What zebra says of the MAC has changed: its bindings may no longer be announced, or may again. */
export function reviewMac(turn: Turn, vni: number, mac: string): void {
  const { table } = turn
  const withheld = table.views.isWithheld(vni, mac)
  for (const binding of table.ofMac(vni, mac)?.bindings ?? []) {
    if (binding.withheld === withheld) continue
    const before = reasonOf(binding, table)
    if (withheld && isInOverlay(binding)) turn.remove(binding)
    binding.withheld = withheld
    // the relay tells anew what becomes of an entry that is put again
    binding.report = undefined
    turn.put(binding)
    // behind another VTEP nobody was asked
    if (binding.timer === 'age' && !isRemote(binding, table)) scheduleRefresh(turn, binding)
    const reason = reasonOf(binding, table)
    if (reason !== before) turn.note('state', binding, binding.place.port, reason)
  }
}
