// The bindings and their indices: one per (VNI, IP), found by MAC and by port.
import type { Binding, Key } from './binding.js'
import { Deadlines } from './deadlines.js'
import { REFUSALS, type Refusal } from './refusal.js'
import { Views } from './views.js'

/** Why a binding was withdrawn, besides what would have refused it: reason → what it means. */
export const WITHDRAWALS = {
  aged: 'not seen for the configured age',
  'port-down': 'the port went down',
  'port-gone': 'the port left its bridge or was removed',
  'vni-changed': 'the port and VLAN now belong to another VNI, or to none',
  'other-mac': 'another MAC address took over the IP address',
} as const
export type Withdrawal = keyof typeof WITHDRAWALS | Refusal

type ByIp = Map<string, Binding>

const zeros = <Name extends string>(names: Record<Name, unknown>): Record<Name, number> =>
  Object.fromEntries(Object.keys(names).map((name) => [name, 0])) as Record<Name, number>

export class Table {
  readonly views = new Views()
  readonly expiry = new Deadlines<Binding>()
  /** Evidence that taught nothing. */
  readonly refused: Record<Refusal, number> = zeros(REFUSALS)
  readonly withdrawn: Record<Withdrawal, number> = zeros({ ...WITHDRAWALS, ...REFUSALS })
  /** Counts connections to the relay: what an earlier one reported no longer holds. */
  connection = 0
  relayConnected = false
  private readonly byIp = new Map<number, ByIp>()
  private readonly byMac = new Map<string, Set<Binding>>()
  private readonly byPort = new Map<number, Set<Binding>>()
  private count = 0

  get size(): number {
    return this.count
  }

  /** The binding of an IP. */
  find(vni: number, ip: string): Binding | undefined {
    return this.byIp.get(vni)?.get(ip)
  }

  /** The binding of exactly this MAC and IP. */
  get({ vni, mac, ip }: Key): Binding | undefined {
    const binding = this.find(vni, ip)
    return binding?.mac === mac ? binding : undefined
  }

  /** A caller may pause between two bindings: the table may change meanwhile. */
  *bindings(): Generator<Binding> {
    for (const byIp of this.byIp.values()) yield* byIp.values()
  }

  ofMac(vni: number, mac: string): ReadonlySet<Binding> {
    return this.byMac.get(macKey(vni, mac)) ?? NONE
  }

  onPort(ifindex: number): ReadonlySet<Binding> {
    return this.byPort.get(ifindex) ?? NONE
  }

  /** The IP must be free. */
  add(binding: Binding): void {
    const byIp = this.byIp.get(binding.vni)
    if (byIp === undefined) this.byIp.set(binding.vni, new Map([[binding.ip, binding]]))
    else byIp.set(binding.ip, binding)
    addTo(this.byMac, macKey(binding.vni, binding.mac), binding)
    addTo(this.byPort, binding.place.ifindex, binding)
    this.expiry.set(binding, binding.expires)
    this.count += 1
  }

  remove(binding: Binding): void {
    const byIp = this.byIp.get(binding.vni)
    byIp?.delete(binding.ip)
    if (byIp?.size === 0) this.byIp.delete(binding.vni)
    removeFrom(this.byMac, macKey(binding.vni, binding.mac), binding)
    removeFrom(this.byPort, binding.place.ifindex, binding)
    this.expiry.delete(binding)
    this.count -= 1
  }

  move(binding: Binding, place: Binding['place']): void {
    removeFrom(this.byPort, binding.place.ifindex, binding)
    binding.place = place
    addTo(this.byPort, place.ifindex, binding)
  }
}

const NONE: ReadonlySet<Binding> = new Set()

const macKey = (vni: number, mac: string): string => `${vni} ${mac}`

function addTo<K>(index: Map<K, Set<Binding>>, key: K, binding: Binding): void {
  const set = index.get(key)
  if (set === undefined) index.set(key, new Set([binding]))
  else set.add(binding)
}

function removeFrom<K>(index: Map<K, Set<Binding>>, key: K, binding: Binding): void {
  const set = index.get(key)
  set?.delete(binding)
  if (set?.size === 0) index.delete(key)
}
