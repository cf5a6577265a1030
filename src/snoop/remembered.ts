// Hosts that are not here at the moment, and are asked as soon as they may be: bindings of an earlier run that wait for
// their port (a machine that has just started has no VMs yet), and those that have lost their port or VNI.
import type { Binding, Entry } from '../bindings/model.js'
import { BoundedGroups } from '../base/bounded-groups.js'
import { fromEpoch, toEpoch } from '../base/clock.js'
import type { SavedBinding } from './state-file.js'

/** So long a host that has lost its place is remembered: a machine restarts, or is moved, in less. */
const REMEMBERED_MS = 600_000
/** Those that lost their place first are forgotten first. */
export const MAX_REMEMBERED = 131_072

type Remembered = { readonly binding: SavedBinding; readonly until: number }

export class RememberedHosts {
  private readonly hosts: BoundedGroups<Remembered>

  /** @param saved bindings of an earlier run */
  constructor(saved: readonly SavedBinding[] = []) {
    this.hosts = new BoundedGroups(Math.max(MAX_REMEMBERED, saved.length), ({ binding: { vni, mac, port } }) => [
      portName(port),
      macName(vni, mac),
    ])
    for (const binding of saved) this.hosts.add({ binding, until: Infinity })
  }

  get size(): number {
    return this.hosts.size
  }

  /** Remembers a host that has just lost its place; `now` is in milliseconds since the epoch. */
  add(binding: SavedBinding, now: number): void {
    this.hosts.add({ binding, until: now + REMEMBERED_MS })
    for (let it = this.hosts.oldest; it !== undefined && it.until <= now; it = this.hosts.oldest) this.hosts.delete(it)
  }

  /** Removes and returns the hosts whose port exists now and leads to their VNI. */
  takePort(port: string, vniOf: (vlan: number) => number | undefined, now: number): SavedBinding[] {
    return this.take(portName(port), now, ({ vni, vlan }) => vniOf(vlan) === vni)
  }

  /** Removes and returns what is remembered of a MAC in a VNI, wherever it was. */
  takeMac(vni: number, mac: string, now: number): SavedBinding[] {
    return this.take(macName(vni, mac), now)
  }

  /** Yields what was seen after `oldest`, milliseconds since the epoch. */
  *since(oldest: number): Generator<SavedBinding> {
    for (const { binding } of this.hosts) if (binding.lastSeen >= oldest) yield binding
  }

  private take(group: string, now: number, isReady: (binding: SavedBinding) => boolean = () => true): SavedBinding[] {
    const ready = [...this.hosts.of(group)].filter(({ binding }) => isReady(binding))
    for (const it of ready) this.hosts.delete(it)
    return ready.filter(({ until }) => until > now).map(({ binding }) => binding)
  }
}

const portName = (port: string): string => `port ${port}`
const macName = (vni: number, mac: string): string => `${vni} ${mac}`

export const savedOf = (binding: Binding): SavedBinding => savedAt(binding, binding.anchor)

export const savedOfEntry = (entry: Omit<Entry, 'minSeq' | 'observe'>): SavedBinding => savedAt(entry, entry)

/** Copies field by field, since a save does so for every binding. */
function savedAt(
  {
    vni,
    mac,
    ip,
    router,
    firstSeen,
    lastSeen,
  }: Pick<Entry, 'vni' | 'mac' | 'ip' | 'router' | 'firstSeen' | 'lastSeen'>,
  { port, vlan }: Pick<Entry, 'port' | 'vlan'>,
): SavedBinding {
  return { vni, mac, ip, router, port, vlan, firstSeen: toEpoch(firstSeen), lastSeen: toEpoch(lastSeen) }
}

export function entryOfSaved({ vni, mac, ip, router, port, vlan, firstSeen, lastSeen }: SavedBinding): Entry {
  const seen = { firstSeen: fromEpoch(firstSeen), lastSeen: fromEpoch(lastSeen) }
  return { vni, mac, ip, router, port, vlan, minSeq: 0, observe: false, ...seen }
}
