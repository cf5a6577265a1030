// What zebra's FPM stream adds to ZAPI: which MACs zebra has programmed as remote, and which tenant routes lead to
// other VTEPs. Only what was received on the present connection counts; what is missing from it proves nothing.
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

/** Removes or restores the MAC's bindings in the overlay after zebra's view of the MAC changed. */
export function reviewMac(context: StepContext, vni: number, mac: string): void {
  const { table } = context
  const suppressedByFpm = table.views.isSuppressedByFpm(vni, mac)
  for (const binding of table.ofMac(vni, mac)?.bindings ?? []) {
    if (binding.suppressedByFpm === suppressedByFpm) continue
    const before = reasonOf(binding, table)
    if (suppressedByFpm && isInOverlay(binding)) context.remove(binding)
    binding.suppressedByFpm = suppressedByFpm
    // the relay reports the status anew when an entry is put again
    binding.report = undefined
    context.put(binding)
    // hosts behind another VTEP were not probed: start to probe this one again
    if (binding.timer === 'age' && !isRemote(binding, table)) scheduleRefresh(context, binding)
    const reason = reasonOf(binding, table)
    if (reason !== before) context.emit('state', binding, binding.anchor.port, reason)
  }
}
