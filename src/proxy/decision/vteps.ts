// VTEPs that are found by their frames, and those that begin to speak EVPN themselves.
import { stateOfVtep } from './admission.js'
import type { FoundVtep, VtepKey } from './model.js'
import type { StepContext } from './step-context.js'

/** A frame of a VTEP that is announced for has come. */
export function find(context: StepContext, { vni, vtep }: VtepKey): void {
  const { table, policy, now } = context
  if (stateOfVtep(table, policy, vni, vtep) !== 'found') return
  const known = table.foundIn(vni).get(vtep)
  if (known !== undefined) known.lastHeard = now
  else {
    const found: FoundVtep = { type: 'vtep', vni, vtep, lastHeard: now }
    table.addFound(found)
    context.changes.vtep(found)
    table.timers.set(found, now + policy.ageMs)
  }
}

/** Frames to hosts that are not known are sent to a VTEP that was found until it has said nothing for long. */
export function onVtepDue({ table, policy, changes, now }: StepContext, vtep: FoundVtep): void {
  const hasHosts = table.hostsBehind(vtep).size > 0
  const expires = vtep.lastHeard + policy.ageMs
  if (expires > now || hasHosts) {
    table.timers.set(vtep, Math.max(expires, now + (hasHosts ? policy.ageMs : 0)))
    return
  }
  table.removeFound(vtep)
  changes.vtep(vtep)
}

/** A VTEP has begun, or ceased, to speak EVPN itself: what it announces is better than what its frames tell. */
export function onNative(context: StepContext, vtep: string, isNative: boolean): void {
  const { table, policy } = context
  for (const vni of new Set([...policy.vnis.keys(), ...table.vnis()])) {
    const found = table.foundIn(vni).get(vtep)
    const hosts = [...table.hostsBehind({ vni, vtep })]
    context.changes.vtep({ vni, vtep })
    if (found !== undefined || hosts.length > 0 || policy.vnis.get(vni)?.vteps.has(vtep) === true)
      context.emit(isNative ? 'vtep-native' : 'vtep-static', { vni, vtep, mac: '' })
    if (isNative && found !== undefined) table.removeFound(found)
    for (const host of hosts) {
      if (isNative && !host.isStatic) context.removeHost(host, 'vtep-native')
      else context.changes.host(host)
    }
  }
}
