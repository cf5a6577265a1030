// IPs of MACs behind other VTEPs whose routes were withdrawn a while ago. A host that moves here may say nothing but its
// MAC, and its former node may have withdrawn its routes before.
import { BoundedGroups } from '../base/bounded-groups.js'
import type { Key } from './model.js'
import type { MacKey } from './views.js'

/** A migration takes less. */
export const DEPARTED_MS = 600_000
/** Those that were withdrawn first are forgotten first. */
export const MAX_DEPARTED = 16_384

type Departed = Key & { readonly at: number }

export class DepartedRoutes {
  private readonly routes = new BoundedGroups<Departed>(MAX_DEPARTED, (it) => [nameOf(it)])

  get size(): number {
    return this.routes.size
  }

  add({ vni, mac }: MacKey, ip: string, now: number): void {
    const route = { vni, mac, ip, at: now }
    for (const it of this.routes.of(nameOf(route))) if (it.ip === ip) this.routes.delete(it)
    this.routes.add(route)
  }

  /** Returns the IPs of a MAC's routes that were withdrawn within DEPARTED_MS. */
  of(key: MacKey, now: number): string[] {
    return [...this.routes.of(nameOf(key))].filter(({ at }) => at > now - DEPARTED_MS).map(({ ip }) => ip)
  }
}

const nameOf = ({ vni, mac }: MacKey): string => `${vni} ${mac}`
