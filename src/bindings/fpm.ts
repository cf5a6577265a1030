// What zebra's FPM stream says beside the ZAPI stream: which MACs zebra has programmed as remote, and which tenant routes
// lead to other VTEPs. Only what it said on the present connection counts; that it says nothing proves nothing.
import type { FpmUpdate } from './input.js'
import { isInOverlay } from './model.js'
import { contestByRoute } from './contest.js'
import { isRemote, scheduleRefresh } from './refresh.js'
import { reasonOf } from './state.js'
import type { StepContext } from './step-context.js'

export function onFpmUpdate(context: StepContext, update: FpmUpdate): void {
  const { table } = context
  switch (update.kind) {
    case 'mac': {
      const { vni, mac, remote } = update
      table.views.setProgrammed(vni, mac, remote)
      reviewMac(context, vni, mac)
      return
    }
    case 'host-route': {
      const owner = table.find(update.vni, update.ip)
      if (owner !== undefined) contestByRoute(context, owner, update.vtep)
      return
    }
    case 'none':
      for (const { vni, mac } of table.views.forgetProgrammed()) reviewMac(context, vni, mac)
  }
}

/** What zebra says of the MAC has changed: its bindings may no longer be announced, or may again. */
export function reviewMac(context: StepContext, vni: number, mac: string): void {
  const { table } = context
  const suppressedByFpm = table.views.isSuppressedByFpm(vni, mac)
  for (const binding of table.ofMac(vni, mac)?.bindings ?? []) {
    if (binding.suppressedByFpm === suppressedByFpm) continue
    const before = reasonOf(binding, table)
    if (suppressedByFpm && isInOverlay(binding)) context.remove(binding)
    binding.suppressedByFpm = suppressedByFpm
    // the relay tells anew what becomes of an entry that is put again
    binding.report = undefined
    context.put(binding)
    // behind another VTEP nobody was asked
    if (binding.timer === 'age' && !isRemote(binding, table)) scheduleRefresh(context, binding)
    const reason = reasonOf(binding, table)
    if (reason !== before) context.emit('state', binding, binding.anchor.port, reason)
  }
}
