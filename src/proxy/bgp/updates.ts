// Puts announcements and withdrawals into UPDATEs: as few as the order allows.
import { encodeAnnouncements, encodeWithdrawals, type UpdateFormat } from '../../bgp/update-encode.js'
import type { OriginatedRoute } from '../../bgp/evpn/route.js'
import type { RouteAction } from '../decision/announce.js'
import type { Announcement } from '../decision/model.js'
import { attributesOf, routeOf } from './originate.js'
import type { RouteSettings } from './settings.js'

/** Announcements with the same next hop and attributes, of which `first` is one. */
type Batch = { readonly name: string; readonly first: Announcement; readonly routes: OriginatedRoute[] }

/**
 * Returns the UPDATEs for actions in their order: neighbours of the list with the same attributes share one. A route that
 * several actions are about is as the last one says, since each comes in its turn.
 */
export function updatesOf(actions: readonly RouteAction[], settings: RouteSettings, format: UpdateFormat): Buffer[] {
  const updates: Buffer[] = []
  let withdrawn: OriginatedRoute[] = []
  let batch: Batch | undefined
  const flush = (): void => {
    if (withdrawn.length > 0) updates.push(...encodeWithdrawals(withdrawn, format.maxMessage))
    if (batch !== undefined) {
      const attributes = attributesOf(batch.first, settings, format.internal)
      updates.push(...encodeAnnouncements(attributes, batch.first.vtep, batch.routes, format))
    }
    withdrawn = []
    batch = undefined
  }
  for (const { type, route: announcement } of actions) {
    if (type === 'withdraw') {
      if (batch !== undefined) flush()
      withdrawn.push(routeOf(announcement, settings))
      continue
    }
    const name = nameOf(announcement)
    if (batch?.name !== name) {
      flush()
      batch = { name, first: announcement, routes: [] }
    }
    batch.routes.push(routeOf(announcement, settings))
  }
  flush()
  return updates
}

/** Announcements with the same name have the same next hop and attributes. */
function nameOf(announcement: Announcement): string {
  const { type, vni, vtep } = announcement
  if (type === 'imet') return `imet ${vni} ${vtep}`
  const { seq, isSticky, isRouter } = announcement
  return `macip ${vni} ${vtep} ${seq} ${isSticky} ${isRouter}`
}
