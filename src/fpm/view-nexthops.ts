// Nexthop objects, and the paths they lead to.
import { unmapped } from '../base/address.js'
import { RTNH_F_ONLINK } from '../rtnetlink/route.js'
import type { FpmNexthop, NexthopObject } from './message.js'
import type { Heard, SyncState } from './sync-state.js'
import { update, type Update } from './update.js'

/**
 * Where packets go. With `vni`, they go through VXLAN to the VTEP `gateway`. zebra gives the VNI only if it does not
 * use nexthop groups, and for a single path since 8.5.4; an EVPN path without it is still `onlink`, as few others are.
 */
export type Path = {
  readonly gateway: string | undefined
  readonly ifindex: number | undefined
  readonly weight: number
  readonly onlink: boolean
  readonly vni: number | undefined
}

export const toPath = ({ gateway, ifindex, weight, flags, encap }: FpmNexthop): Path => ({
  // zebra gives an IPv6 route the VTEP's IPv4 address in IPv4-mapped form
  gateway: gateway && unmapped(gateway),
  ifindex,
  weight,
  onlink: (flags & RTNH_F_ONLINK) !== 0,
  vni: encap?.kind === 'vxlan' ? encap.vni : undefined,
})

export type NexthopEntry = Readonly<Heard> & {
  readonly id: number
  /** undefined for a group or a blackhole. */
  readonly path: Path | undefined
  readonly group: readonly { readonly id: number; readonly weight: number }[] | undefined
}

export type NexthopChange = { type: 'nexthop'; update: Update; nexthop: NexthopEntry }

/** The kernel allows no groups of groups, but zebra's own groups may be nested. */
const MAX_DEPTH = 4
/** FRR's maximum is 256 paths; the limit stops nested groups from growing without bound. */
const MAX_STEPS = 1024

export class NexthopTable {
  private readonly byId = new Map<number, NexthopEntry>()
  /** Number of objects plus members of groups. */
  private used = 0
  leftOut = 0

  constructor(
    private readonly syncState: SyncState,
    private readonly limit: number,
    private readonly changed: (change: NexthopChange) => void,
  ) {}

  get size(): number {
    return this.byId.size
  }

  get(id: number): NexthopEntry | undefined {
    return this.byId.get(id)
  }

  all(): Iterable<NexthopEntry> {
    return this.byId.values()
  }

  /** The paths of an object or of a group's members; undefined if zebra has not sent them all. */
  resolve(id: number): readonly Path[] | undefined {
    const search = { paths: [], steps: 0 }
    return this.collect(id, undefined, search, 0) ? search.paths : undefined
  }

  private collect(
    id: number,
    weight: number | undefined,
    search: { readonly paths: Path[]; steps: number },
    depth: number,
  ): boolean {
    const entry = this.byId.get(id)
    if (entry === undefined || depth > MAX_DEPTH || search.steps++ > MAX_STEPS) return false
    if (entry.group !== undefined)
      return entry.group.every((member) => this.collect(member.id, member.weight, search, depth + 1))
    if (entry.path !== undefined) search.paths.push(weight === undefined ? entry.path : { ...entry.path, weight })
    return true
  }

  add({ id, gateway, ifindex, flags, encap, blackhole, group }: NexthopObject, heard: Heard): void {
    const before = this.byId.get(id)
    const nexthop = { gateway, ifindex, weight: 1, flags, encap, interfaceName: undefined, unknown: [] }
    const path = blackhole || group !== undefined ? undefined : toPath(nexthop)
    const entry = { id, path, group, ...heard }
    const used = this.used + cost(entry) - (before === undefined ? 0 : cost(before))
    if (used > this.limit) {
      this.leftOut++
      // the stored object is out of date now
      if (before !== undefined) this.remove(id)
      return
    }
    const what = update(before, before !== undefined && sameNexthop(before, entry), this.syncState)
    this.byId.set(id, entry)
    this.used = used
    if (what !== undefined) this.changed({ type: 'nexthop', update: what, nexthop: entry })
  }

  remove(id: number): void {
    const entry = this.byId.get(id)
    if (entry === undefined) return
    this.byId.delete(id)
    this.used -= cost(entry)
    this.changed({ type: 'nexthop', update: 'removed', nexthop: entry })
  }

  removeIf(test: (entry: NexthopEntry) => boolean): void {
    for (const entry of this.byId.values()) if (test(entry)) this.remove(entry.id)
  }
}

const cost = ({ group }: NexthopEntry): number => 1 + (group?.length ?? 0)

function sameNexthop(a: NexthopEntry, b: NexthopEntry): boolean {
  if (a.group?.length !== b.group?.length) return false
  const sameMembers = (a.group ?? []).every(({ id, weight }, index) => {
    const other = b.group?.[index]
    return id === other?.id && weight === other.weight
  })
  return sameMembers && pathText(a.path) === pathText(b.path)
}

/** Paths are equal if and only if their texts are equal. */
export const pathText = (path: Path | undefined): string =>
  path === undefined
    ? ''
    : `${path.gateway ?? ''}%${path.ifindex ?? ''}*${path.weight}${path.onlink ? '!' : ''}#${path.vni ?? ''}`
