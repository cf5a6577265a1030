// Hosts that are not here at the moment, and are asked as soon as they may be: bindings of an earlier run that wait for
// their port (a machine that has just started has no VMs yet), and those that have lost their port or VNI.
import type { Binding, Entry } from '../bindings/model.js'
import { fromEpoch, toEpoch } from '../base/clock.js'
import type { SavedBinding } from './state-file.js'

/** So long a host that has lost its place is remembered: a machine restarts, or is moved, in less. */
const REMEMBERED_MS = 600_000
/** Those that lost their place first are forgotten first. */
export const MAX_REMEMBERED = 131_072

type Remembered = { readonly binding: SavedBinding; readonly until: number }

export class RememberedHosts {
  /** In the order in which they came. */
  private readonly all = new Set<Remembered>()
  private readonly byPort = new Map<string, Set<Remembered>>()
  private readonly byMac = new Map<string, Set<Remembered>>()

  /** @param saved bindings of an earlier run */
  constructor(saved: Iterable<SavedBinding> = []) {
    for (const binding of saved) this.insert({ binding, until: Infinity })
  }

  get size(): number {
    return this.all.size
  }

  /** Remembers a host that has just lost its place; `now` is in milliseconds since the epoch. */
  add(binding: SavedBinding, now: number): void {
    this.insert({ binding, until: now + REMEMBERED_MS })
    for (const oldest of this.all) {
      if (this.all.size <= MAX_REMEMBERED && oldest.until > now) return
      this.remove(oldest)
    }
  }

  /** Removes and returns the hosts whose port exists now and leads to their VNI. */
  takePort(port: string, vniOf: (vlan: number) => number | undefined, now: number): SavedBinding[] {
    return this.take(this.byPort.get(port), ({ vni, vlan }) => vniOf(vlan) === vni, now)
  }

  /** Removes and returns what is remembered of a MAC in a VNI, wherever it was. */
  takeMac(vni: number, mac: string, now: number): SavedBinding[] {
    return this.take(this.byMac.get(macKey(vni, mac)), () => true, now)
  }

  /** Yields what was seen after `oldest`, milliseconds since the epoch. */
  *since(oldest: number): Generator<SavedBinding> {
    for (const { binding } of this.all) if (binding.lastSeen >= oldest) yield binding
  }

  private take(
    from: Iterable<Remembered> = [],
    isReady: (binding: SavedBinding) => boolean,
    now: number,
  ): SavedBinding[] {
    const ready = [...from].filter(({ binding }) => isReady(binding))
    for (const it of ready) this.remove(it)
    return ready.filter(({ until }) => until > now).map(({ binding }) => binding)
  }

  private insert(it: Remembered): void {
    this.all.add(it)
    addTo(this.byPort, it.binding.port, it)
    addTo(this.byMac, macKey(it.binding.vni, it.binding.mac), it)
  }

  private remove(it: Remembered): void {
    this.all.delete(it)
    deleteFrom(this.byPort, it.binding.port, it)
    deleteFrom(this.byMac, macKey(it.binding.vni, it.binding.mac), it)
  }
}

const macKey = (vni: number, mac: string): string => `${vni} ${mac}`

function addTo(index: Map<string, Set<Remembered>>, key: string, it: Remembered): void {
  const known = index.get(key)
  if (known === undefined) index.set(key, new Set([it]))
  else known.add(it)
}

function deleteFrom(index: Map<string, Set<Remembered>>, key: string, it: Remembered): void {
  const known = index.get(key)
  known?.delete(it)
  if (known?.size === 0) index.delete(key)
}

export const savedOf = ({ anchor, ...binding }: Binding): SavedBinding =>
  savedOfEntry({ ...binding, port: anchor.port, vlan: anchor.vlan })

export function savedOfEntry({
  vni,
  mac,
  ip,
  router,
  port,
  vlan,
  firstSeen,
  lastSeen,
}: Omit<Entry, 'minSeq' | 'observe'>): SavedBinding {
  return { vni, mac, ip, router, port, vlan, firstSeen: toEpoch(firstSeen), lastSeen: toEpoch(lastSeen) }
}

export function entryOfSaved({ vni, mac, ip, router, port, vlan, firstSeen, lastSeen }: SavedBinding): Entry {
  const seen = { firstSeen: fromEpoch(firstSeen), lastSeen: fromEpoch(lastSeen) }
  return { vni, mac, ip, router, port, vlan, minSeq: 0, observe: false, ...seen }
}
