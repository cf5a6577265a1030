// What zebra, bgpd and FPM have said, and what follows from it, in the plainest form.
import type { Key } from '../../src/bindings/model.js'
import type { Input } from '../../src/bindings/input.js'

type Route = { by: string; vni: number; mac: string; ip: string | undefined; flags: number; seq: number }
type Change = Extract<Input, { type: 'view' }>['change']
type Update = Extract<Input, { type: 'fpm' }>['update']

const SYNC = 0x40
const PROXY = 0x20

export class ReferenceViews {
  private routes: Route[] = []
  /** VNI and MAC of what zebra has programmed as remote → the highest sequence number of its routes since. */
  private readonly programmed = new Map<string, number>()
  /** VNI and MAC → the highest sequence number of its remote routes, since it has any. */
  private readonly highest = new Map<string, number>()

  apply(change: Change): void {
    const { vni } = change
    if (change.type === 'vni') {
      this.routes = this.routes.filter((it) => it.vni !== vni)
      for (const all of [this.programmed, this.highest])
        for (const name of [...all.keys()]) if (name.startsWith(`${vni} `)) all.delete(name)
      return
    }
    const { by, mac, ip, gone } = change
    const at = this.routes.findIndex((it) => it.by === by && it.vni === vni && it.mac === mac && it.ip === ip)
    // a route that is announced again keeps its place
    if (at >= 0) this.routes.splice(at, 1, ...(gone ? [] : [change]))
    else if (!gone) this.routes.push(change)
    this.compare(change)
  }

  reset(): void {
    this.routes = []
    this.highest.clear()
  }

  program(update: Exclude<Update, { kind: 'host-route' }>): void {
    if (update.kind === 'none') {
      this.programmed.clear()
      return
    }
    const name = `${update.vni} ${update.mac}`
    const seq = Math.max(this.programmed.get(name) ?? 0, this.highest.get(name) ?? 0)
    if (update.remote) this.programmed.set(name, seq)
    else this.programmed.delete(name)
  }

  /** There is a remote route for the MAC, alone or with any IP; with `ip`, for exactly that one. */
  isRouted(vni: number, mac: string, ip?: string): boolean {
    return this.routes.some(
      (it) =>
        (ip === undefined ? it.by === 'bgpd' : isRemote(it)) &&
        it.vni === vni &&
        it.mac === mac &&
        (ip === undefined || it.ip === ip),
    )
  }

  /** As `isRouted`, of another node than those of its own segment. */
  isRoutedElsewhere(vni: number, mac: string): boolean {
    return this.routes.some((it) => it.by === 'bgpd' && it.vni === vni && it.mac === mac && (it.flags & SYNC) === 0)
  }

  /** Another node of its segment has announced exactly that. */
  isSynced({ vni, mac, ip }: Key): boolean {
    return this.routes.some((it) => isRemote(it) && isSegment(it) && it.vni === vni && it.mac === mac && it.ip === ip)
  }

  /** Another node of its segment has announced the MAC, or exactly that. */
  isOnSegment({ vni, mac, ip }: Key): boolean {
    return (
      this.isSynced({ vni, mac, ip }) ||
      this.routes.some(
        (it) => it.by === 'bgpd' && isSegment(it) && it.vni === vni && it.mac === mac && it.ip === undefined,
      )
    )
  }

  /** Another node of its segment has announced exactly that, and not as a proxy. */
  isHeardByPeer({ vni, mac, ip }: Key): boolean {
    return this.routes.some(
      (it) => it.by === 'bgpd' && it.flags === SYNC && it.vni === vni && it.mac === mac && it.ip === ip,
    )
  }

  /** The first of the routes with this highest sequence number is this owner's, but for those of another one. */
  isBest({ vni, mac, ip }: Key, seq: number | undefined, other: string): boolean {
    const all = this.routes.filter(
      (it) => isRemote(it) && it.vni === vni && it.ip === ip && it.seq === seq && it.mac !== other,
    )
    // zebra's come last
    return all.sort((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : 0))[0]?.mac === mac
  }

  isGateway(vni: number, mac: string, ip: string): boolean {
    return this.routes.some(
      (it) => it.vni === vni && it.ip !== undefined && (it.flags & 2) !== 0 && (it.mac === mac || it.ip === ip),
    )
  }

  /** The highest sequence number of a remote route that has the IP with another MAC. */
  competingRemote({ vni, mac, ip }: Key): number | undefined {
    const others = this.routes.filter((it) => isRemote(it) && it.vni === vni && it.ip === ip && it.mac !== mac)
    if (others.some(({ flags, seq }) => (flags & 1) !== 0 || seq === 0xffff_ffff)) return undefined
    return others.length === 0 ? undefined : Math.max(...others.map(({ seq }) => seq))
  }

  /**
   * FPM says that the MAC is remote, zebra announces it as local, and with no higher sequence number than the highest
   * of its remote routes, since it was programmed and zebra has last taken it back.
   */
  isSuppressedByFpm({ vni, mac }: Pick<Key, 'vni' | 'mac'>): boolean {
    const local = this.routes.find((it) => it.by === 'zebra' && it.vni === vni && it.mac === mac && it.ip === undefined)
    const programmed = this.programmed.get(`${vni} ${mac}`)
    return local !== undefined && programmed !== undefined && local.seq <= programmed
  }

  /** What zebra and bgpd say of a MAC that zebra has programmed as remote. */
  private compare({ by, vni, mac, ip, gone, flags, seq }: Route & { gone: boolean }): void {
    const name = `${vni} ${mac}`
    const isRouted = this.isRouted(vni, mac)
    if (by === 'bgpd') {
      if (!gone) this.highest.set(name, Math.max(seq, this.highest.get(name) ?? 0))
      else if (!isRouted) this.highest.delete(name)
    }
    const programmed = this.programmed.get(name)
    if (programmed === undefined) return
    if (by === 'bgpd') {
      if (!gone) this.programmed.set(name, (flags & SYNC) !== 0 ? -1 : Math.max(seq, programmed))
    } else if (ip === undefined) {
      if (gone ? !isRouted : seq > programmed) this.programmed.set(name, -1)
    }
  }
}

/** bgpd's, and what zebra announces with an IP for another node of a segment. */
const isRemote = ({ by, ip, flags }: Route): boolean => by === 'bgpd' || (ip !== undefined && (flags & PROXY) !== 0)

const isSegment = ({ by, flags }: Route): boolean => (flags & (by === 'bgpd' ? SYNC : PROXY)) !== 0
