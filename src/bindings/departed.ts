// IPs of MACs behind other VTEPs whose routes were withdrawn a while ago. A host that moves here may say nothing but its
// MAC, and its former node may have withdrawn its routes before.
import type { MacKey } from './views.js'

/** A migration takes less. */
export const DEPARTED_MS = 600_000
/** Those that were withdrawn first are forgotten first. */
export const MAX_DEPARTED = 16_384

export class DepartedRoutes {
  private readonly byMac = new Map<string, Map<string, number>>()
  private readonly order = new Map<string, { mac: string; ip: string }>()

  get size(): number {
    return this.order.size
  }

  add({ vni, mac }: MacKey, ip: string, now: number): void {
    const name = nameOf(vni, mac)
    this.forget(name, ip)
    const known = this.byMac.get(name)
    if (known === undefined) this.byMac.set(name, new Map([[ip, now]]))
    else known.set(ip, now)
    this.order.set(`${name} ${ip}`, { mac: name, ip })
    const [oldest] = this.order.size > MAX_DEPARTED ? this.order.values() : []
    if (oldest !== undefined) this.forget(oldest.mac, oldest.ip)
  }

  /** Returns the IPs of a MAC's routes that were withdrawn within DEPARTED_MS. */
  of({ vni, mac }: MacKey, now: number): string[] {
    const ips = this.byMac.get(nameOf(vni, mac)) ?? []
    return [...ips].filter(([, at]) => at > now - DEPARTED_MS).map(([ip]) => ip)
  }

  private forget(name: string, ip: string): void {
    const known = this.byMac.get(name)
    if (known?.delete(ip) !== true) return
    if (known.size === 0) this.byMac.delete(name)
    this.order.delete(`${name} ${ip}`)
  }
}

const nameOf = (vni: number, mac: string): string => `${vni} ${mac}`
