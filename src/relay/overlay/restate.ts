// Brings views and overlay in line with what FRR's daemons show, where the messages that led there are not known.
import { MacIpFlag } from '../../base/macip-flags.js'
import { type BgpMessage, type ZebraMessage, isFromBgpd } from '../../zapi/evpn-codec.js'
import { NeighState, ZERO_ESI } from '../../zapi/messages/macip.js'
import type { VniAdd } from '../../zapi/messages/vni.js'
import type { Key } from '../../bindings/model.js'
import type { Advertised } from './entry.js'
import type { LiveChanges } from './live-changes.js'
import type { OverlayState } from './state.js'
import {
  type Attributes,
  type ByIp,
  type Remote,
  VniView,
  eachByIp,
  isProxy,
  isSynced,
  sameAsAdvertised,
} from './views.js'

/** How zebra announces a local MAC or neighbour. */
export type ZebraAnnouncement = { readonly seq: number; readonly isProxy: boolean }

/** What zebra and bgpd show of a VNI that is live in bgpd. */
export type VniReading = {
  vrf: number
  body: VniAdd
  /** bgpd's own routes, by MAC, and by IP and MAC. */
  routes: Map<string, Attributes>
  macIpRoutes: ByIp<Attributes>
  /** The local MACs and neighbours that zebra has and announces. */
  macs: Map<string, ZebraAnnouncement>
  neighbors: ByIp<ZebraAnnouncement>
  remoteMacs: Map<string, Remote>
  remoteMacIps: ByIp<Remote>
  vteps: Set<string>
}

/** A MAC-IP that bgpd has, that zebra does not have, and that no entry wants. */
export type Orphan = Key & { router: boolean }

/** Gets what was not as FRR shows it. */
export type RestateListener = {
  onOrphan(orphan: Orphan): void
  /** The views were not what FRR shows: the message that would have made them so has been applied. */
  onCorrection(message: ZebraMessage | BgpMessage): void
}

/** The flags that both daemons show; others of a message are left as they are. */
const SHOWN_FLAGS = MacIpFlag.STICKY | MacIpFlag.GW | MacIpFlag.ROUTER | MacIpFlag.PROXY_ADVERT

/** Those that zebra shows of another node's route. */
const PEER_FLAGS = MacIpFlag.SYNC_PATH | MacIpFlag.PROXY_ADVERT

/** Keys between two yields. */
const SLICE = 64

/**
 * Yields between small parts of the work, so that messages can pass; what they are about (`live`) is newer than the
 * reading. Returns how many things were not as the reading says.
 */
export function* restate(
  state: OverlayState,
  readings: ReadonlyMap<number, VniReading>,
  live: LiveChanges,
  listener: RestateListener,
): Generator<void, number> {
  let corrections = 0
  const { views, records, minSequences } = state
  const known = [...views.entries()].map(([vni]) => vni)
  for (const vni of new Set([...known, ...records.vnis(), ...minSequences.vnis(), ...readings.keys()])) {
    if (live.hasForgotten(vni)) continue
    const reading = readings.get(vni)
    if (reading !== undefined) corrections += yield* new Restatement(state, vni, reading, live, listener).run()
    else if (views.get(vni)?.announced !== undefined) {
      // one that has begun after the reading is in the next one
      corrections++
      const message = { command: 'ZEBRA_VNI_DEL', vrf: 0, body: { vni } } as const
      views.applyZebra(message)
      listener.onCorrection(message)
      state.forgetAdvertised(vni)
    }
    yield
  }
  return corrections
}

/** zebra's own announcement: what it does not show of it is as bgpd has it. */
function zebrasOf(route: Attributes | undefined, shown: ZebraAnnouncement | undefined): Attributes | undefined {
  if (route === undefined || shown === undefined) return undefined
  const flags = (route.flags & ~MacIpFlag.PROXY_ADVERT) | (shown.isProxy ? MacIpFlag.PROXY_ADVERT : 0)
  return { ...route, flags, seq: shown.seq }
}

type Keys = { keys(): Iterable<string>; has(key: string): boolean }

class Restatement {
  private corrections = 0
  private steps = 0

  constructor(
    private readonly state: OverlayState,
    private readonly vni: number,
    private readonly reading: VniReading,
    private readonly live: LiveChanges,
    private readonly listener: RestateListener,
  ) {}

  *run(): Generator<void, number> {
    for (const step of this.parts()) {
      yield step
      // the VNI may have gone, and with it everything that the reading says
      if (this.live.hasForgotten(this.vni)) break
    }
    return this.corrections
  }

  private *parts(): Generator<void> {
    const { state, vni, reading } = this
    const { announced } = this.view
    if (announced?.body.vtep !== reading.body.vtep || announced.vrf !== reading.vrf) {
      this.corrections++
      this.correct({ command: 'ZEBRA_VNI_ADD', vrf: reading.vrf, body: reading.body })
      state.touchVni(vni)
    }
    for (const mac of union(reading.routes, this.view.macs)) {
      if (!this.live.hasLocal(vni, mac, undefined)) this.restateMac(mac)
      if (this.isTimeToYield()) yield
    }
    for (const { mac, ip } of state.droppedRoutes.ofVni(vni)) {
      const isNew = ip === undefined && !this.view.macs.has(mac) && !this.live.hasLocal(vni, mac, undefined)
      if (isNew) this.restateMac(mac)
      if (this.isTimeToYield()) yield
    }
    for (const { mac, ip, value } of eachByIp(reading.macIpRoutes)) {
      if (!this.live.hasLocal(vni, mac, ip)) this.restateMacIp({ vni, mac, ip }, value)
      if (this.isTimeToYield()) yield
    }
    for (const { mac, ip, value } of eachByIp(reading.neighbors)) {
      if (this.isDisplaced(mac, ip)) this.restateDisplaced({ vni, mac, ip }, value.seq)
      if (this.isTimeToYield()) yield
    }
    for (const { mac, ip } of eachByIp(this.view.macIps)) {
      if (!this.isIn(reading.macIpRoutes, mac, ip)) this.withoutRoute({ vni, mac, ip })
      if (this.isTimeToYield()) yield
    }
    for (const { entry } of state.records.ofVni(vni)) {
      if (!this.isIn(reading.macIpRoutes, entry.mac, entry.ip)) this.withoutRoute(entry)
      if (this.isTimeToYield()) yield
    }
    yield* this.restateRemotes()
    this.restateVteps()
  }

  private correct(message: ZebraMessage | BgpMessage): void {
    const { views } = this.state
    if (isFromBgpd(message)) {
      const implied = views.applyBgpd(message)
      if (implied !== undefined) this.listener.onCorrection(implied)
    } else views.applyZebra(message)
    this.listener.onCorrection(message)
  }

  /** zebra announces it so, or not at all. */
  private correctLocal(mac: string, ip: string | undefined, attributes: Attributes | undefined): void {
    const {
      vni,
      reading: { vrf },
    } = this
    if (attributes === undefined) {
      this.correct({ command: 'ZEBRA_MACIP_DEL', vrf, body: { vni, mac, ip, state: NeighState.ACTIVE } })
    } else this.correct({ command: 'ZEBRA_MACIP_ADD', vrf, body: { vni, mac, ip, ...attributes } })
  }

  /** bgpd announces it so, or not at all. */
  private correctRemote(
    mac: string,
    ip: string | undefined,
    known: Remote | undefined,
    shown: Remote | undefined,
  ): void {
    const {
      vni,
      reading: { vrf },
    } = this
    if (shown !== undefined) {
      this.correct({ command: 'ZEBRA_REMOTE_MACIP_ADD', vrf, body: { vni, mac, ip, ...shown, esi: ZERO_ESI } })
    } else if (known !== undefined)
      this.correct({ command: 'ZEBRA_REMOTE_MACIP_DEL', vrf, body: { vni, mac, ip, vtep: known.vtep } })
  }

  private get view(): VniView {
    return this.state.views.get(this.vni) ?? new VniView()
  }

  /**
   * zebra's own MAC, although bgpd has no route for it: that was dropped, and bgpd gets it again when the gate opens. One
   * that has lost against another node's has no flags, and is behind no Ethernet segment.
   */
  private droppedMac(mac: string): Attributes | undefined {
    const { state, vni, reading } = this
    const shown = reading.macs.get(mac)
    if (shown === undefined || reading.routes.has(mac)) return undefined
    if (!state.droppedRoutes.has({ vni, mac, ip: undefined })) return undefined
    return { ...(this.view.macs.get(mac) ?? { flags: 0, esi: ZERO_ESI }), seq: shown.seq }
  }

  private restateMac(mac: string): void {
    const { state, vni, reading } = this
    const route = reading.routes.get(mac)
    const zebras = this.droppedMac(mac) ?? zebrasOf(route, reading.macs.get(mac))
    if (!this.isSame(this.view.macs.get(mac), zebras)) {
      this.correctLocal(mac, undefined, zebras)
      state.touchConcerned({ vni, mac, ip: undefined })
    }
    if (route !== undefined && zebras === undefined)
      state.staleRoutes.remember({ vni, vrf: reading.vrf, mac, ip: undefined })
    const isRaised = route !== undefined && zebras !== undefined && route.seq > zebras.seq
    const minSequence = isRaised ? state.minSequences.findOrAdd(vni, mac) : state.minSequences.find(vni, mac)
    if (minSequence === undefined || this.isSame(minSequence.advertised, route)) return
    if (route === undefined) minSequence.advertised = undefined
    else state.minSequences.onAdvertised(minSequence, route)
    state.minSequences.dirty.add(minSequence)
  }

  private restateMacIp(key: Key, route: Attributes): void {
    const { state, reading } = this
    const { mac, ip } = key
    const zebras = zebrasOf(route, reading.macs.has(mac) ? reading.neighbors.get(ip)?.get(mac) : undefined)
    if (!this.isSame(state.zebrasOwn(key), zebras)) {
      this.correctLocal(mac, ip, zebras)
      state.touchConcerned(key)
    }
    const isZebras = sameAsAdvertised(zebras, route)
    const advertised: Advertised = { by: isZebras ? 'zebra' : 'us', attributes: route }
    const known = state.records.find(key)
    if (known === undefined && isZebras) return
    const record = known ?? state.findOrAddRecord(key, undefined)
    record.suppressedPending = false
    if (!this.isSame(record.advertised?.attributes, route) || record.advertised?.by !== advertised.by)
      record.advertised = advertised
    state.touch(record)
    if (record.removed && zebras === undefined)
      this.listener.onOrphan({ ...key, router: (route.flags & MacIpFlag.ROUTER) !== 0 })
  }

  /** bgpd has the IP with another MAC, and zebra is only a proxy of this one's: see `isDisplaced` of status.ts. */
  private isDisplaced(mac: string, ip: string): boolean {
    const { macs, neighbors, macIpRoutes } = this.reading
    const isProxied = macs.has(mac) && neighbors.get(ip)?.get(mac)?.isProxy === true
    return isProxied && macIpRoutes.has(ip) && !this.isIn(macIpRoutes, mac, ip)
  }

  private restateDisplaced(key: Key, seq: number): void {
    const { state, vni, reading } = this
    const { mac, ip } = key
    if (this.live.hasLocal(vni, mac, ip)) return
    const known = state.zebrasOwn(key)
    if (known === undefined || !isProxy(known) || known.seq !== seq) {
      this.corrections++
      this.correctLocal(mac, ip, { flags: MacIpFlag.PROXY_ADVERT, seq, esi: reading.routes.get(mac)?.esi ?? ZERO_ESI })
      state.touchIp(vni, ip)
    }
    const record = state.findOrAddRecord(key, undefined)
    if (record.advertised !== undefined) this.corrections++
    record.advertised = undefined
    record.suppressedPending = true
    state.touch(record)
  }

  /** bgpd has no route for the MAC-IP. */
  private withoutRoute(key: Key): void {
    const { state, vni } = this
    const { mac, ip } = key
    if (this.live.hasLocal(vni, mac, ip) || this.isDisplaced(mac, ip)) return
    const isDropped = state.droppedRoutes.has(key) && this.isIn(this.reading.neighbors, mac, ip)
    if (state.zebrasOwn(key) !== undefined && !isDropped) {
      this.corrections++
      this.correctLocal(mac, ip, undefined)
      state.touchIp(vni, ip)
    }
    const record = state.records.find(key)
    if (record === undefined) return
    if (record.advertised !== undefined) this.corrections++
    record.advertised = undefined
    record.suppressedPending = false
    state.touch(record)
  }

  private *restateRemotes(): Generator<void> {
    const { vni, live, reading, view, state } = this
    for (const mac of union(reading.remoteMacs, view.remoteMacs)) {
      if (this.isTimeToYield()) yield
      const [known, shown] = [view.remoteMacs.get(mac), reading.remoteMacs.get(mac)]
      if (live.hasRemote(vni, mac, undefined) || this.isSameRemote(known, shown)) continue
      this.correctRemote(mac, undefined, known, shown)
      state.touchMac(vni, mac)
    }
    for (const table of [reading.remoteMacIps, view.remoteMacIps])
      for (const { mac, ip } of eachByIp(table)) {
        if (this.isTimeToYield()) yield
        const [known, shown] = [view.remoteMacIps.get(ip)?.get(mac), reading.remoteMacIps.get(ip)?.get(mac)]
        if (live.hasRemote(vni, mac, ip) || this.isSameRemote(known, shown)) continue
        this.correctRemote(mac, ip, known, shown)
        state.touchIp(vni, ip)
      }
  }

  /** No decision depends on VTEPs. */
  private restateVteps(): void {
    const { vni, live, reading } = this
    for (const vtep of union(reading.vteps, this.view.vteps)) {
      if (live.hasVtep(vni, vtep) || this.view.vteps.has(vtep) === reading.vteps.has(vtep)) continue
      const command = reading.vteps.has(vtep) ? 'ZEBRA_REMOTE_VTEP_ADD' : 'ZEBRA_REMOTE_VTEP_DEL'
      this.correct({ command, vrf: reading.vrf, body: { vni, vtep, floodControl: 0, more: [] } })
    }
  }

  private isIn(entries: ByIp<unknown>, mac: string, ip: string): boolean {
    return entries.get(ip)?.has(mac) === true
  }

  private isSame(known: Attributes | undefined, shown: Attributes | undefined): boolean {
    const isSame =
      known === undefined || shown === undefined
        ? known === shown
        : known.seq === shown.seq &&
          (known.flags & SHOWN_FLAGS) === (shown.flags & SHOWN_FLAGS) &&
          known.esi.equals(shown.esi)
    if (!isSame) this.corrections++
    return isSame
  }

  /**
   * Whether it is sticky is left as it is: FRR 8.4 does not show it, and no release does for a MAC-IP. Of a route that is
   * synchronised, zebra shows neither the VTEP nor the sequence number.
   */
  private isSameRemote(known: Remote | undefined, shown: Remote | undefined): boolean {
    const isSame =
      known === undefined || shown === undefined
        ? known === shown
        : (known.flags & PEER_FLAGS) === (shown.flags & PEER_FLAGS) &&
          (isSynced(known) || (known.vtep === shown.vtep && known.seq === shown.seq))
    if (!isSame) this.corrections++
    return isSame
  }

  private isTimeToYield(): boolean {
    return ++this.steps % SLICE === 0
  }
}

/** The keys of both, which may change meanwhile. */
function* union(a: Keys, b: Keys): Generator<string> {
  yield* a.keys()
  for (const key of b.keys()) if (!a.has(key)) yield key
}
