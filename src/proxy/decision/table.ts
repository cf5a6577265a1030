// The hosts behind static VTEPs with their indices, and what is announced of them at the moment.
import { Deadlines } from '../../base/deadlines.js'
import { MultiMap } from '../../base/multimap.js'
import { ProbeRateLimiter } from '../../base/probe-rate-limiter.js'
import { zeros } from '../../base/zeros.js'
import {
  type Address,
  type Announcement,
  announcementKey,
  type Contest,
  type Deafness,
  type Due,
  type FoundVtep,
  type Host,
  type IpKey,
  ipKey,
  type MacKey,
  macKey,
  type VtepKey,
  vtepKey,
} from './model.js'
import { OtherRoutes } from './other-routes.js'
import { REFUSALS, type Refusal } from './refusal.js'

/** Unused time that may be used at once. */
const PROBE_BURST_MS = 100

export class Table {
  readonly others = new OtherRoutes()
  readonly timers = new Deadlines<Due>()
  readonly probes = new ProbeRateLimiter<string>(PROBE_BURST_MS)
  /** The BGP sessions whose other ends have sent all their routes. */
  readonly synced = new Set<string>()
  readonly contests = new Map<string, Contest>()
  /** While no frames are heard. */
  deafness: Deafness | undefined
  readonly refused: Record<Refusal, number> = zeros(REFUSALS)
  private now = -Infinity
  private readonly hosts = new Map<string, Host>()
  private readonly addresses = new Map<string, Address>()
  /** Hosts by VTEP; a VTEP without any has no set. */
  private readonly byVtep = new Map<string, Set<Host>>()
  /** By VNI and VTEP. */
  private readonly found = new Map<number, Map<string, FoundVtep>>()
  private readonly hostsInVni = new Map<number, number>()
  private readonly routes = new Map<string, Announcement>()
  private readonly routesOfMac = new MultiMap<string, Announcement>()

  get size(): number {
    return this.hosts.size
  }

  /** Moves the table's time on to `now`, never back; returns it. */
  advance(now: number): number {
    this.now = Math.max(this.now, now)
    return this.now
  }

  host(key: MacKey): Host | undefined {
    return this.hosts.get(macKey(key))
  }

  address(key: IpKey): Address | undefined {
    return this.addresses.get(ipKey(key))
  }

  allHosts(): Iterable<Host> {
    return this.hosts.values()
  }

  hostsBehind(key: VtepKey): ReadonlySet<Host> {
    return this.byVtep.get(vtepKey(key)) ?? NO_HOSTS
  }

  foundIn(vni: number): ReadonlyMap<string, FoundVtep> {
    return this.found.get(vni) ?? NO_VTEPS
  }

  /** The VNIs in which VTEPs were found. */
  foundVnis(): number[] {
    return [...this.found.keys()]
  }

  addFound(vtep: FoundVtep): void {
    const known = this.found.get(vtep.vni)
    if (known === undefined) this.found.set(vtep.vni, new Map([[vtep.vtep, vtep]]))
    else known.set(vtep.vtep, vtep)
  }

  removeFound(vtep: FoundVtep): void {
    const known = this.found.get(vtep.vni)
    known?.delete(vtep.vtep)
    if (known?.size === 0) this.found.delete(vtep.vni)
    this.timers.delete(vtep)
    this.deafness?.waiting.delete(vtep)
    this.probes.forget(vtep.vtep)
  }

  /** The VNIs with hosts. */
  vnis(): Iterable<number> {
    return this.hostsInVni.keys()
  }

  countIn(vni: number): number {
    return this.hostsInVni.get(vni) ?? 0
  }

  addHost(host: Host): void {
    this.hosts.set(macKey(host), host)
    this.hostsInVni.set(host.vni, this.countIn(host.vni) + 1)
    this.place(host)
  }

  moveHost(host: Host, vtep: string): void {
    this.displace(host)
    host.vtep = vtep
    this.place(host)
  }

  removeHost(host: Host): void {
    for (const address of [...host.addresses]) this.removeAddress(address)
    this.hosts.delete(macKey(host))
    this.timers.delete(host)
    this.deafness?.waiting.delete(host)
    this.displace(host)
    const left = this.countIn(host.vni) - 1
    if (left > 0) this.hostsInVni.set(host.vni, left)
    else this.hostsInVni.delete(host.vni)
  }

  addAddress(address: Address): void {
    this.addresses.set(ipKey(address), address)
    address.host.addresses.add(address)
  }

  moveAddress(address: Address, host: Host): void {
    address.host.addresses.delete(address)
    address.host = host
    host.addresses.add(address)
  }

  removeAddress(address: Address): void {
    this.addresses.delete(ipKey(address))
    this.timers.delete(address)
    this.deafness?.waiting.delete(address)
    address.host.addresses.delete(address)
  }

  /** What is announced at the moment, by `announcementKey`. */
  get announced(): ReadonlyMap<string, Announcement> {
    return this.routes
  }

  announcedOf(key: MacKey): Iterable<Announcement> {
    return this.routesOfMac.get(macKey(key))
  }

  announce(route: Announcement): void {
    const key = announcementKey(route)
    const before = this.routes.get(key)
    if (before !== undefined) this.unannounce(before)
    this.routes.set(key, route)
    if (route.type === 'macip') this.routesOfMac.add(macKey(route), route)
  }

  unannounce(route: Announcement): void {
    this.routes.delete(announcementKey(route))
    if (route.type === 'macip') this.routesOfMac.delete(macKey(route), route)
  }

  private place(host: Host): void {
    const key = vtepKey(host)
    const hosts = this.byVtep.get(key)
    if (hosts === undefined) this.byVtep.set(key, new Set([host]))
    else hosts.add(host)
  }

  private displace(host: Host): void {
    const key = vtepKey(host)
    const hosts = this.byVtep.get(key)
    hosts?.delete(host)
    if (hosts?.size === 0) this.byVtep.delete(key)
  }
}

const NO_HOSTS: ReadonlySet<Host> = new Set()
const NO_VTEPS: ReadonlyMap<string, FoundVtep> = new Map()
