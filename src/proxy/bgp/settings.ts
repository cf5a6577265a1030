// How the proxy's routes look to other speakers.
import type { Administrator } from '../../bgp/administrator.js'
import type { Community } from '../../bgp/attributes/communities.js'

export type RouteSettings = {
  /** Of this proxy alone: no other speaker, and no other proxy, may have it. */
  readonly routerId: string
  readonly localAs: number
  /** Which routes are those of proxies. */
  readonly mark: Community
  readonly vnis: ReadonlyMap<number, VniSettings>
}

export type VniSettings = {
  /** The number in the route distinguisher: 16 bits, another one for each VNI. */
  readonly index: number
  readonly routeTargets: readonly Administrator[]
}

/** Throws RangeError for a VNI that has none, since its routes could not be told from another one's. */
export function vniSettings(vni: number, { vnis }: RouteSettings): VniSettings {
  const found = vnis.get(vni)
  if (found === undefined) throw new RangeError(`VNI ${vni} has no route distinguisher`)
  return found
}

/** The route target that FRR derives for a VNI: of a longer AS number, the lower half. */
export const automaticRouteTarget = (as: number, vni: number): Administrator => ({
  type: 'as2',
  as: as & 0xffff,
  number: vni,
})

/** The highest number of 16 bits in a route distinguisher, and so many VNIs a proxy can have. */
export const MAX_VNIS = 0xffff

/**
 * Gives each VNI a number that fits into a route distinguisher: its own if that does, or the highest that is free. The same
 * VNIs always get the same numbers. Throws RangeError if there are more than numbers.
 */
export function indexVnis(vnis: Iterable<number>): Map<number, number> {
  const sorted = [...new Set(vnis)].sort((one, other) => one - other)
  const indices = new Map(sorted.filter((vni) => vni <= MAX_VNIS).map((vni) => [vni, vni]))
  const taken = new Set(indices.values())
  let free = MAX_VNIS
  for (const vni of sorted) {
    if (indices.has(vni)) continue
    while (taken.has(free)) free -= 1
    if (free < 1) throw new RangeError(`${sorted.length} VNIs, expected at most ${MAX_VNIS}`)
    indices.set(vni, free)
    taken.add(free)
  }
  return indices
}
