// Hosts that may be here again: those of an earlier run or of the relay, and those that have lost their port, their VNI or
// their place at another node. Each is given to the table as restored, and asked; only an answer teaches.
import { monotonicMs } from '../base/clock.js'
import type { Input } from '../bindings/input.js'
import type { Entry, Key } from '../bindings/model.js'
import type { Table } from '../bindings/table.js'
import type { Evidence } from './bpf/evidence.js'
import { anchorAt } from './hearing.js'
import type { FdbChange, Port } from './ports/ports.js'
import { entryOfSaved, RememberedHosts, savedOfEntry } from './remembered.js'
import type { PortMap } from './sources.js'
import type { SavedBinding } from './state-file.js'

export class Comebacks {
  private remembered = new RememberedHosts()

  /** @param canAsk false if no probes are sent: then nothing is asked that has not been announced here before */
  constructor(
    private readonly ports: PortMap,
    private readonly table: Table,
    private readonly canAsk: boolean,
    private readonly step: (input: Input) => void,
  ) {}

  /** Bindings of an earlier run, which wait for their ports. */
  load(saved: readonly SavedBinding[]): void {
    this.remembered = new RememberedHosts(saved)
  }

  /** The host has lost its place, not its address. */
  remember(entry: Entry): void {
    this.remembered.add(savedOfEntry(entry), Date.now())
  }

  /** Yields those that were seen after `oldest`, milliseconds since the epoch. */
  since(oldest: number): Generator<SavedBinding> {
    return this.remembered.since(oldest)
  }

  /** A port is there, or up, or has another VNI. */
  onPort(port: Port): void {
    if (!port.up) return
    const vniOf = (vlan: number): number | undefined => this.ports.vniOf(port.ifindex, vlan)
    for (const saved of this.remembered.takePort(port.name, vniOf, Date.now())) {
      this.restore('file', entryOfSaved(saved), port)
    }
  }

  /** A host that has come to a port may have said nothing but its MAC: what is remembered of it is asked for. */
  onFdbChange({ vni, mac, ifindex, vlan }: FdbChange): void {
    const port = this.ports.ports.get(ifindex)
    if (port === undefined) return
    const anchor = anchorAt(port, vlan)
    if (this.table.ofMac(vni, mac) !== undefined) this.step({ type: 'fdb', vni, mac, anchor })
    if (!this.canAsk) return
    for (const saved of this.remembered.takeMac(vni, mac, Date.now())) {
      this.restore('file', { ...entryOfSaved(saved), vlan }, port)
    }
    for (const ip of this.table.ipsElsewhere({ vni, mac })) this.askFor({ vni, mac, ip }, port, vlan)
  }

  /** A host that another node has announced until now may be here, too, behind an Ethernet segment of both. */
  onRouteGone(key: Key): void {
    if (!this.canAsk) return
    const place = this.ports.placeOfMac(key.vni, key.mac)
    if (place === undefined) return
    const port = this.ports.ports.get(place.ifindex)
    if (port !== undefined) this.askFor(key, port, place.vlan)
  }

  private askFor(key: Key, port: Port, vlan: number): void {
    if (this.table.find(key.vni, key.ip) !== undefined) return
    const now = monotonicMs()
    const seen = { firstSeen: now, lastSeen: now, minSeq: 0, observe: false }
    this.restore('file', { ...key, router: false, port: port.name, vlan, ...seen }, port)
  }

  /**
   * It is known when the end of a port was read, not when the port went down, as this process may have been stopped in
   * between. A host that spoke before that was read may have spoken after the port was down, so it is asked.
   */
  onDoubt({ kind, vlan, mac, ip, router, at }: Evidence, port: Port): void {
    const vni = this.ports.vniOf(port.ifindex, vlan)
    const claims = kind !== 'arp-probe' && kind !== 'dad-ns'
    if (!claims || vni === undefined || !this.canAsk || this.table.find(vni, ip) !== undefined) return
    const seen = { firstSeen: at, lastSeen: at, minSeq: 0, observe: false }
    const entry = { vni, mac, ip, router, port: port.name, vlan, ...seen }
    if (port.up) this.restore('file', entry, port)
    else this.remember(entry)
  }

  /** @param port where the host was at last; by now the bridge may have it behind another one */
  restore(from: 'relay' | 'file', entry: Entry, port: Port | undefined): void {
    const { ifindex, vlan } = (port && this.ports.placeOf(port.ifindex, entry.vlan, entry.mac)) ?? {
      ifindex: port?.ifindex ?? 0,
      vlan: entry.vlan,
    }
    const at = this.ports.ports.get(ifindex)
    const anchor = at?.up === true ? anchorAt(at, vlan) : undefined
    const vni = at && this.ports.vniOf(ifindex, vlan)
    const selfMatch = at && this.ports.selfMatch(ifindex, vlan, entry.mac, entry.ip)
    this.step({ type: 'restored', from, entry, anchor, vni, selfMatch })
  }
}
