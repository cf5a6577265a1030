// Which routes should be announced, as far as an input has changed it, and in which order.
import { isServed, stateOfVtep } from './admission.js'
import { type Announcement, announcementKey, type Host, macKey, type MacKey, type VtepKey, vtepKey } from './model.js'
import type { Policy } from './policy.js'
import type { Table } from './table.js'

export type RouteAction = { readonly type: 'announce' | 'withdraw'; readonly route: Announcement }

/** The hosts and VTEPs whose routes an input may have changed. */
export class Changes {
  readonly macs = new Map<string, MacKey>()
  readonly vteps = new Map<string, VtepKey>()

  host({ vni, mac, vtep }: Pick<Host, 'vni' | 'mac' | 'vtep'>): void {
    this.macs.set(macKey({ vni, mac }), { vni, mac })
    this.vteps.set(vtepKey({ vni, vtep }), { vni, vtep })
  }

  vtep({ vni, vtep }: VtepKey): void {
    this.vteps.set(vtepKey({ vni, vtep }), { vni, vtep })
  }
}

/**
 * Brings what is announced to what should be; returns what to do for it, in this order: hosts are withdrawn before others
 * are announced, since an IP may have gone from one MAC to another, and a VTEP is announced before its hosts.
 */
export function settle(table: Table, policy: Policy, changes: Changes): RouteAction[] {
  const wanted = [...changes.macs.values()].flatMap((key) => routesOf(table, policy, key))
  const keys = new Set(wanted.map(announcementKey))
  const actions: RouteAction[] = []
  for (const { vni, mac } of changes.macs.values())
    for (const route of [...table.announcedOf({ vni, mac })])
      if (!keys.has(announcementKey(route))) actions.push(withdraw(table, route))
  const vteps = [...changes.vteps.values()]
  for (const key of vteps)
    if (isAnnounced(table, policy, key)) actions.push(...announce(table, { type: 'imet', ...key }))
  for (const route of wanted) actions.push(...announce(table, route))
  for (const key of vteps) {
    const route = table.announced.get(vtepKey(key))
    if (route !== undefined && !isAnnounced(table, policy, key)) actions.push(withdraw(table, route))
  }
  return actions
}

function routesOf(table: Table, policy: Policy, key: MacKey): Announcement[] {
  const host = table.host(key)
  if (host?.phase !== 'here' || !isAnnounced(table, policy, host)) return []
  const { vni, mac, vtep, seq, isSticky } = host
  const route = { type: 'macip', vni, mac, vtep, seq, isSticky } as const
  const addresses = [...host.addresses].filter(
    ({ isStatic, phase }) => phase === 'heard' && (isStatic || policy.learnIp),
  )
  return [
    { ip: undefined, isRouter: false, ...route },
    ...addresses.map(({ ip, isRouter }): Announcement => ({ ip, isRouter, ...route })),
  ]
}

function isAnnounced(table: Table, policy: Policy, { vni, vtep }: VtepKey): boolean {
  const state = stateOfVtep(table, policy, vni, vtep)
  if (policy.isDraining || !isServed(state)) return false
  return state === 'configured' || table.foundIn(vni).has(vtep)
}

function withdraw(table: Table, route: Announcement): RouteAction {
  table.unannounce(route)
  return { type: 'withdraw', route }
}

function announce(table: Table, route: Announcement): RouteAction[] {
  const before = table.announced.get(announcementKey(route))
  if (before !== undefined && isSame(before, route)) return []
  table.announce(route)
  return [{ type: 'announce', route }]
}

const isSame = (one: Announcement, other: Announcement): boolean =>
  one.vtep === other.vtep &&
  (one.type === 'imet' ||
    (other.type === 'macip' &&
      one.seq === other.seq &&
      one.isSticky === other.isSticky &&
      one.isRouter === other.isRouter))
