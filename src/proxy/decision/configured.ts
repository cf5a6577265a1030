// Brings the table to a policy: VTEPs and hosts of the configuration, and those that may not be known any more.
import { isServed, stateOfVtep } from './admission.js'
import { review } from './hosts.js'
import { above } from './mobility.js'
import { type Host, newAddress, newHost } from './model.js'
import type { StaticHost } from './policy.js'
import { afterLoss } from './refresh.js'
import type { StepContext } from './step-context.js'

export function onPolicy(context: StepContext): void {
  const { table, policy } = context
  const configured = new Set<Host>()
  for (const [vni, { vteps }] of policy.vnis) {
    for (const [vtep, hosts] of vteps) {
      context.changes.vtep({ vni, vtep })
      for (const host of hosts) configured.add(configure(context, vni, vtep, host))
    }
  }
  for (const host of [...table.allHosts()]) {
    context.changes.host(host)
    const isNamed = configured.has(host)
    if (host.isStatic ? !isNamed : !isServed(stateOfVtep(table, policy, host.vni, host.vtep)))
      context.removeHost(host, 'not-configured')
  }
  for (const route of table.announced.values()) context.changes.vtep(route)
  for (const vni of table.foundVnis())
    for (const vtep of [...table.foundIn(vni).values()])
      if (stateOfVtep(table, policy, vni, vtep.vtep) !== 'found') table.removeFound(vtep)
  for (const { vni, mac } of configured) review(context, vni, mac)
}

function configure(context: StepContext, vni: number, vtep: string, { mac, ips, isSticky }: StaticHost): Host {
  const { table, now } = context
  const former = table.host({ vni, mac })
  const host = former ?? newHost({ vni, mac, vtep, lastSeen: now, seq: 0 }, 'here')
  if (former === undefined) table.addHost(host)
  context.changes.host(host)
  if (host.vtep !== vtep) {
    table.moveHost(host, vtep)
    host.seq = above(host.seq)
  }
  Object.assign(host, { isStatic: true, isSticky, phase: 'here' })
  table.timers.delete(host)
  const wanted = new Set(ips)
  for (const address of [...host.addresses])
    if (address.isStatic && !wanted.has(address.ip)) context.removeAddress(address, 'not-configured')
  for (const ip of ips) {
    const known = table.address({ vni, ip })
    if (known !== undefined && known.host !== host) {
      const owner = known.host
      context.changes.host(owner)
      table.moveAddress(known, host)
      afterLoss(context, owner)
    }
    const address = known ?? newAddress(host, ip, {})
    if (known === undefined) table.addAddress(address)
    Object.assign(address, { isStatic: true, phase: 'heard' })
    table.timers.delete(address)
  }
  return host
}
