// What everything should show, from who is where; and how what it shows differs. Pure.
import type { NodeNumber } from './schedule.js'
import type { World } from './world.js'

/**
 * In the order in which what is wrong spreads: a host that the kernel's FDB lacks is missing everywhere else, too.
 * Each is a table of names and values, the same for what should be and what is.
 */
export const VIEWS = [
  /** The bridge's FDB: MAC → port, or VTEP. */
  'kernel-fdb',
  /** zebra's MACs: MAC → port, or VTEP. */
  'zebra-macs',
  /** What macipd says that it has announced: MAC and IP → by whom. */
  'macipd-local',
  /** What the snooper says that is announced: MAC and IP → port. */
  'macipd-bindings',
  /** bgpd's type-2 routes, those of the other node included: MAC, or MAC and IP → VTEP. */
  'bgpd',
  /** Those whose sequence number is another one than that of the MAC alone: → both numbers. None should be. */
  'bgpd-sequence',
  /** What macipd says that bgpd has announced: MAC, or MAC and IP → VTEP. */
  'macipd-remote',
  /** zebra's neighbours: MAC and IP → VTEP. */
  'zebra-neighbours',
  /** The neighbours zebra has written into the kernel: MAC and IP → zebra. */
  'kernel-neighbours',
  /** Prefixes of the other node, at each stage: → via. */
  'bgpd-routes',
  'zebra-routes',
  'kernel-routes',
] as const
export type ViewName = (typeof VIEWS)[number]
export type View = ReadonlyMap<string, string>
/** An error where a view could not be had. */
export type Views = Readonly<Record<ViewName, View | Error>>

export type Difference = {
  readonly node: NodeNumber
  readonly view: ViewName
} & (
  | { readonly kind: 'missing'; readonly key: string; readonly expected: string }
  | { readonly kind: 'stale'; readonly key: string; readonly found: string }
  | { readonly kind: 'wrong'; readonly key: string; readonly expected: string; readonly found: string }
  /** It could not be seen. */
  | { readonly kind: 'unseen'; readonly why: string }
)

export const addressOf = (node: NodeNumber): string => `192.0.2.${node}`
export const otherThan = (node: NodeNumber): NodeNumber => (node === 1 ? 2 : 1)

/** What the views of a node are to show. Without macipd nobody knows an address. */
export function expectedViews(world: World, node: NodeNumber, withMacipd: boolean): Record<ViewName, View> {
  const [macs, bgpd, addressesHere, bindings, remote, neighbours, remoteMacs] = Array.from(
    { length: 7 },
    () => new Map<string, string>(),
  ) as [Table, Table, Table, Table, Table, Table, Table]
  const addMac = (mac: string, at: { node: NodeNumber; name: string }): void => {
    const isHere = at.node === node
    macs.set(mac, isHere ? at.name : addressOf(at.node))
    bgpd.set(mac, addressOf(at.node))
    if (!isHere) remoteMacs.set(mac, addressOf(at.node))
  }
  for (const port of world.ports) addMac(port.mac, port)
  for (const host of world.hosts) {
    const port = world.portOf(host)
    if (port === undefined) continue
    addMac(host.mac, port)
    if (!withMacipd) continue
    for (const ip of [host.ipv4, host.ipv6]) {
      const key = `${host.mac} ${ip}`
      bgpd.set(key, addressOf(port.node))
      if (port.node === node) {
        addressesHere.set(key, 'macipd')
        bindings.set(key, port.name)
      } else {
        remote.set(key, addressOf(port.node))
        neighbours.set(key, 'zebra')
      }
    }
  }
  const via = addressOf(otherThan(node))
  const prefixes = new Map(
    world.routes.flatMap((route) => (route.up && route.node !== node ? [[route.prefix, via] as const] : [])),
  )
  const none: View = new Map()
  return {
    'kernel-fdb': macs,
    'zebra-macs': macs,
    'macipd-local': addressesHere,
    'macipd-bindings': bindings,
    bgpd,
    'bgpd-sequence': none,
    'macipd-remote': withMacipd ? new Map([...remoteMacs, ...remote]) : none,
    'zebra-neighbours': remote,
    'kernel-neighbours': neighbours,
    'bgpd-routes': prefixes,
    'zebra-routes': prefixes,
    'kernel-routes': prefixes,
  }
}

type Table = Map<string, string>

/** All differences of one node, those of the first view first. */
export function differences(node: NodeNumber, expected: Record<ViewName, View>, seen: Views): Difference[] {
  return VIEWS.flatMap((view): Difference[] => {
    const found = seen[view]
    if (found instanceof Error) return [{ node, view, kind: 'unseen', why: found.message }]
    return compare(expected[view], found).map((difference) => ({ node, view, ...difference }))
  })
}

type Compared =
  | { kind: 'missing'; key: string; expected: string }
  | { kind: 'stale'; key: string; found: string }
  | { kind: 'wrong'; key: string; expected: string; found: string }

function compare(expected: View, found: View): Compared[] {
  const result: Compared[] = []
  for (const [key, value] of expected) {
    const other = found.get(key)
    if (other === undefined) result.push({ kind: 'missing', key, expected: value })
    else if (other !== value) result.push({ kind: 'wrong', key, expected: value, found: other })
  }
  for (const [key, value] of found) if (!expected.has(key)) result.push({ kind: 'stale', key, found: value })
  return result
}

/** Before the next hop of a route that zebra has found in the kernel, and not got from bgpd. */
export const OF_KERNEL = 'kernel'

/** What zebra keeps of remote hosts, and writes into the kernel. */
const OF_ZEBRA: ReadonlySet<ViewName> = new Set(['kernel-fdb', 'zebra-macs', 'zebra-neighbours', 'kernel-neighbours'])

/** What has happened to nodes, as far as it explains differences. */
export interface Known {
  /** Those whose relay has had to read FRR's tables: what it believes of remote hosts is what zebra has. */
  readonly relearned: ReadonlySet<NodeNumber>
  /** Those whose bgpd or zebra is not the first one. */
  readonly outlived: ReadonlySet<NodeNumber>
}

type Stale = Difference & { readonly kind: 'stale' }

const ROUTES: ReadonlySet<ViewName> = new Set(['zebra-routes', 'kernel-routes'])

const isFoundInKernel = (difference: Difference): difference is Stale =>
  difference.view === 'zebra-routes' && difference.kind === 'stale' && difference.found.startsWith(OF_KERNEL)

const macOf = (difference: Difference): string | undefined =>
  difference.kind === 'unseen' ? undefined : difference.key.slice(0, 'aa:bb:cc:dd:ee:ff'.length)

/**
 * Leaves out what FRR itself gets wrong of remote hosts, although bgpd has told zebra the truth.
 * - zebra lacks one: when a host has been at both nodes and is withdrawn and announced again, its sequence number falls; bgpd
 *   tells zebra of the routes in any order, zebra ignores one with a lower number than that of the MAC it still has, and is
 *   not told again.
 * - zebra or the kernel has one that is gone: zebra keeps what a bgpd that has ended told it, and the kernel what a zebra
 *   that was killed has written; who comes next does not know of it.
 * And of routes, those that zebra found in the kernel at its start and that bgpd has not: one of FRR 10.3 drops them once, after a
 * second, but often before it has entered them; one of 8.4 at once, but not those that it has read in a later second than
 * that in which it was started.
 */
export function withoutFrrs(all: readonly Difference[], world: World, { relearned, outlived }: Known): Difference[] {
  const crossed = new Set(world.hosts.flatMap(({ mac, hasCrossed }) => (hasCrossed ? [mac] : [])))
  const isOfZebra = ({ node, view }: Difference): boolean =>
    OF_ZEBRA.has(view) || (view === 'macipd-remote' && relearned.has(node))
  // what macipd shows of a node's remote hosts is what bgpd has told zebra, if it was not read from zebra
  const isTold = (each: Difference): boolean =>
    each.view === 'bgpd' || (each.view === 'macipd-remote' && !isOfZebra(each))
  const found = new Set(all.filter(isFoundInKernel).map(({ node, key }) => `${node} ${key}`))
  const untold = new Set(all.filter(isTold).map((each) => `${each.node} ${macOf(each) ?? ''}`))
  return all.filter((difference) => {
    if (difference.kind === 'stale' && ROUTES.has(difference.view))
      return !found.has(`${difference.node} ${difference.key}`)
    const mac = macOf(difference)
    if (mac === undefined || !isOfZebra(difference) || untold.has(`${difference.node} ${mac}`)) return true
    const isRemote = (at: string): boolean => at === addressOf(otherThan(difference.node)) || at === 'zebra'
    if (difference.kind === 'missing') return !isRemote(difference.expected) || !crossed.has(mac)
    if (difference.kind === 'stale') return !isRemote(difference.found) || !outlived.has(difference.node)
    return true
  })
}

/**
 * Leaves out MACs that a relay which has read FRR's tables takes for remote, although they are gone: zebra shows a MAC as
 * remote that only neighbours refer to, and tells nobody when it forgets it.
 * @param relearned nodes whose relay has had to read FRR's tables
 */
export const withoutForgottenMacs = (all: readonly Difference[], relearned: ReadonlySet<NodeNumber>): Difference[] =>
  all.filter(
    (difference) =>
      difference.kind !== 'stale' ||
      difference.view !== 'macipd-remote' ||
      difference.key.includes(' ') ||
      !relearned.has(difference.node),
  )

export function differenceText(difference: Difference): string {
  const where = `n${difference.node} ${difference.view}: `
  switch (difference.kind) {
    case 'missing':
      return `${where}missing ${difference.key} at ${difference.expected}`
    case 'stale':
      return `${where}stale ${difference.key} at ${difference.found}`
    case 'wrong':
      return `${where}wrong ${difference.key} at ${difference.found} instead of ${difference.expected}`
    case 'unseen':
      return `${where}cannot be seen: ${difference.why}`
  }
}

/** One line for each view and kind, with how many there are and the first of them. */
export function summary(all: readonly Difference[]): string[] {
  const groups = new Map<string, Difference[]>()
  for (const difference of all) {
    const name = `${difference.node} ${difference.view} ${difference.kind}`
    groups.set(name, [...(groups.get(name) ?? []), difference])
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    return [`${differenceText(first)}${group.length > 1 ? ` (and ${group.length - 1} more)` : ''}`]
  })
}
