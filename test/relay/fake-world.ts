// FRR, the relay's logic between its daemons, and what may happen to both, played by the test.
import assert from 'node:assert/strict'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import type { Entry, Key } from '../../src/bindings/model.js'
import { LiveChanges } from '../../src/relay/overlay/live-changes.js'
import { Overlay } from '../../src/relay/overlay/overlay.js'
import { type Remote, Views, eachByIp, isProxy, isSynced } from '../../src/relay/overlay/views.js'
import { type BgpMessage, type ZebraMessage, isFromBgpd } from '../../src/zapi/evpn-codec.js'
import { ESI, FakeFrr, vniBody } from './fake-frr.js'

export const VNIS = [100, 200] as const
/** Messages injected at once. */
const BATCH = 3

/** What happens in FRR or to the entries; without effect where it cannot happen. */
export type Happening =
  | { what: 'vni'; vni: number; live: boolean }
  | { what: 'mac'; vni: number; mac: string; seq: number; sticky: boolean }
  | { what: 'neighbor'; vni: number; mac: string; ip: string; router: boolean; isProxy: boolean }
  | { what: 'gone'; vni: number; mac: string; ip: string | undefined }
  | { what: 'remote'; vni: number; mac: string; ip: string | undefined; seq: number; gone: boolean; flags?: number }
  | { what: 'entry'; key: Key; minSeq: number; observe: boolean; put: boolean }

/** FRR, the relay between its daemons, and what the relay may know. */
export class World {
  readonly frr = new FakeFrr()
  readonly views = new Views()
  readonly overlay = new Overlay(this.views)
  readonly entries = new Map<string, Key>()
  readonly orphans: Key[] = []
  /** The views of one who is told of each message, and of each correction. */
  readonly follower = new Views()
  /** Whether the relay decodes what passes. */
  seeing = true
  private isOpen = true
  private live: LiveChanges | undefined

  constructor() {
    this.overlay.setGate('open')
  }

  happen(one: Happening): void {
    if (one.what === 'entry') {
      this.changeEntry(one)
      return
    }
    const of = this.frr.tables.get(one.vni)
    switch (one.what) {
      case 'vni':
        if (one.live === (of !== undefined)) return
        if (one.live) this.zebra({ command: 'ZEBRA_VNI_ADD', vrf: 0, body: vniBody(one.vni) })
        else this.zebra({ command: 'ZEBRA_VNI_DEL', vrf: 0, body: { vni: one.vni } })
        return
      case 'mac': {
        if (of === undefined) return
        const flags = one.sticky ? MacIpFlag.STICKY : 0
        const seq = one.sticky ? 0 : one.seq
        this.zebra(macIpAdd(one.vni, one.mac, undefined, seq, flags))
        for (const { mac, ip } of this.frr.ownMacIps(one.vni)) {
          const isProxied = of.neighbors.get(ip)?.get(mac)?.isProxy === true
          if (mac === one.mac) this.zebra(macIpAdd(one.vni, mac, ip, seq, isProxied ? MacIpFlag.PROXY_ADVERT : 0))
        }
        return
      }
      case 'neighbor': {
        const seq = of?.macs.get(one.mac)?.seq
        if (of === undefined || seq === undefined) return
        for (const other of of.neighbors.get(one.ip)?.keys() ?? [])
          if (other !== one.mac) this.zebra(macIpDel(one.vni, other, one.ip))
        // bgpd does not show the router flag of a proxy's route
        const flags = one.isProxy ? MacIpFlag.PROXY_ADVERT : one.router ? MacIpFlag.ROUTER : 0
        this.zebra(macIpAdd(one.vni, one.mac, one.ip, seq, flags))
        return
      }
      case 'gone':
        if (one.ip !== undefined) {
          if (of?.neighbors.get(one.ip)?.has(one.mac) === true) this.zebra(macIpDel(one.vni, one.mac, one.ip))
          return
        }
        if (of?.macs.has(one.mac) !== true) return
        for (const { mac, ip } of this.frr.ownMacIps(one.vni))
          if (mac === one.mac) this.zebra(macIpDel(one.vni, mac, ip))
        this.zebra(macIpDel(one.vni, one.mac, undefined))
        return
      case 'remote': {
        if (of === undefined) return
        const { vni, mac, ip, seq } = one
        const body = { vni, mac, ip, vtep: '192.0.2.2' }
        if (!one.gone) {
          this.bgpd({
            command: 'ZEBRA_REMOTE_MACIP_ADD',
            vrf: 0,
            body: { ...body, flags: one.flags ?? 0, seq, esi: ESI },
          })
        } else this.bgpd({ command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body })
      }
    }
  }

  private changeEntry({ key, minSeq, observe, put }: Extract<Happening, { what: 'entry' }>): void {
    if (put) {
      const seen = { port: 'tap1', vlan: 0, firstSeen: 1, lastSeen: 2 }
      this.entries.set(keyText(key), key)
      this.overlay.put({ ...key, ...seen, router: false, minSeq, observe } satisfies Entry)
    } else {
      this.entries.delete(keyText(key))
      this.overlay.remove(key)
    }
    this.inject()
  }

  private zebra(message: ZebraMessage): void {
    this.frr.atZebra(message)
    if (!this.seeing) {
      this.frr.toBgpd(message)
      return
    }
    let verdict = this.overlay.onZebra(message)
    for (let tries = 0; verdict === 'defer'; tries++) {
      assert.ok(tries < 3, 'a frame stays deferred')
      this.inject()
      verdict = this.overlay.onZebra(message)
    }
    this.follower.applyZebra(message)
    if (verdict === 'pass') this.frr.toBgpd(message)
    this.live?.onMessage(message)
    this.inject()
  }

  private bgpd(message: BgpMessage): void {
    this.frr.bgpd(message)
    if (!this.seeing) return
    this.overlay.onBgpd(message)
    this.follower.applyBgpd(message)
    this.live?.onMessage(message)
    this.inject()
  }

  /** A relay that does not see what passes does not inject either. */
  inject(): void {
    if (!this.isOpen || !this.seeing) {
      this.overlay.refreshStatuses()
      return
    }
    while (this.overlay.pending) for (const message of this.overlay.next(BATCH)) this.frr.toBgpd(message)
  }

  loseCertainty(): void {
    this.seeing = true
    this.isOpen = false
    this.overlay.onUncertain()
    this.overlay.setGate('relearning')
    this.inject()
  }

  /** One reading, with things that happen before it, after it, and between the steps of its use. */
  correct(before: readonly Happening[], after: readonly Happening[], between: readonly Happening[]): number {
    this.live = new LiveChanges()
    for (const one of before) this.happen(one)
    const readings = this.frr.read()
    for (const one of after) this.happen(one)
    const work = this.overlay.restate(readings, this.live, {
      onOrphan: (orphan) => this.orphans.push(orphan),
      onCorrection: (message) => {
        if (isFromBgpd(message)) this.follower.applyBgpd(message)
        else this.follower.applyZebra(message)
      },
    })
    const rest = [...between]
    for (;;) {
      const step = work.next()
      if (step.done === true) return step.value
      const one = rest.shift()
      if (one !== undefined) this.happen(one)
    }
  }

  becomeCertain(): void {
    this.live = undefined
    this.isOpen = true
    this.overlay.onInitialSyncDone()
    this.overlay.setGate('open')
    this.inject()
  }

  /** What the relay takes for zebra's and bgpd's. */
  known(views = this.views): string[] {
    return [...views.entries()]
      .flatMap(([vni, { announced, macs, macIps, remoteMacs, remoteMacIps }]) => [
        ...(announced === undefined ? [] : [`${vni} is live`]),
        ...[...macs].map(([mac, { seq }]) => `${vni} ${mac} seq ${seq}`),
        ...[...eachByIp(macIps)].map(
          ({ mac, ip, value }) => `${vni} ${mac} ${ip} seq ${value.seq}${proxyText(isProxy(value))}`,
        ),
        ...[...remoteMacs].map(([mac, remote]) => `${vni} ${mac} ${remoteText(remote)}`),
        ...[...eachByIp(remoteMacIps)].map(({ mac, ip, value }) => `${vni} ${mac} ${ip} ${remoteText(value)}`),
      ])
      .sort()
  }

  /** What zebra and bgpd have. */
  true(): string[] {
    return [...this.frr.tables]
      .flatMap(([vni, { macs, neighbors, remoteMacs, remoteMacIps }]) => [
        `${vni} is live`,
        ...[...macs].map(([mac, { seq }]) => `${vni} ${mac} seq ${seq}`),
        ...[...eachByIp(neighbors)].map(
          ({ mac, ip, value }) => `${vni} ${mac} ${ip} seq ${value.seq}${proxyText(value.isProxy)}`,
        ),
        ...[...remoteMacs].map(([mac, remote]) => `${vni} ${mac} ${remoteText(remote)}`),
        ...[...eachByIp(remoteMacIps)].map(({ mac, ip, value }) => `${vni} ${mac} ${ip} ${remoteText(value)}`),
      ])
      .sort()
  }

  /** The MAC-IP routes that bgpd has of its own. */
  routes(): string[] {
    return [...this.frr.tables]
      .flatMap(([vni, { macIpRoutes }]) =>
        [...eachByIp(macIpRoutes)].map((route) => keyText({ vni, ...route }) + proxyText(isProxy(route.value))),
      )
      .sort()
  }

  /** Those that it should have: zebra's own, and instead of its proxy's the entries whose status says so. */
  wanted(): string[] {
    const wanted = new Map<string, boolean>()
    const isTaken = ({ vni, mac, ip }: Key): boolean =>
      [...this.overlay.entries()].some(
        ({ entry, report }) =>
          report.status === 'announced' && entry.vni === vni && entry.ip === ip && entry.mac !== mac,
      )
    for (const [vni, { neighbors }] of this.frr.tables)
      for (const { mac, ip, value } of eachByIp(neighbors)) {
        if (!(value.isProxy && isTaken({ vni, mac, ip }))) wanted.set(keyText({ vni, mac, ip }), value.isProxy)
      }
    for (const { entry, report } of this.overlay.entries())
      if (report.status === 'announced') wanted.set(keyText(entry), false)
    return [...wanted].map(([key, isProxied]) => key + proxyText(isProxied)).sort()
  }
}

/** zebra shows of a synchronised route only whether it is a proxy's. */
const remoteText = (remote: Remote): string =>
  isSynced(remote) ? `synced${proxyText(isProxy(remote))}` : `remote seq ${remote.seq}`

const proxyText = (isProxied: boolean): string => (isProxied ? ' as a proxy' : '')

export const keyText = ({ vni, mac, ip }: Key): string => `${vni} ${mac} ${ip}`

const macIpAdd = (vni: number, mac: string, ip: string | undefined, seq: number, flags: number): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_ADD', vrf: 0, body: { vni, mac, ip, flags, seq, esi: ESI } }
}
const macIpDel = (vni: number, mac: string, ip: string | undefined): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_DEL', vrf: 0, body: { vni, mac, ip, state: 1 } }
}
