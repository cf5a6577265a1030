// Reads what kernel, zebra, bgpd and macipd of a node show. Of macipd's own reading of FRR only the way to a vty socket is
// shared (src/vty): what FRR answers is read here anew.
import * as v from 'valibot'
import { reason } from '../src/base/exit.js'
import { askBindings, askOverlay, askViews } from '../src/cli/queries.js'
import type { Answer } from '../src/cli/report.js'
import { rowsOf } from '../src/cli/show/rows.js'
import { VNI } from '../lab/frr.js'
import type { MacipRoute } from '../lab/show.js'
import type { Node } from './node.js'
import { addressOf, OF_KERNEL, type View, type Views, VIEWS, type ViewName } from './oracle.js'

type Reader = (node: Node) => Promise<View>

const READERS: Record<ViewName, Reader> = {
  'kernel-fdb': async ({ router }) => {
    const entries = (await router.fdb()).filter(({ mac, state }) => state !== 'permanent' && !isGroup(mac))
    // the bridge says that a MAC is behind the tunnel, the tunnel's own table behind which VTEP. There zebra leaves what it
    // wrote when the MAC has moved to a port meanwhile, with macipd or without
    const vteps = new Map(
      entries.flatMap(({ mac, ifname, dst }) => (ifname === TUNNEL && dst !== undefined ? [[mac, dst] as const] : [])),
    )
    return new Map(
      entries.flatMap(({ mac, ifname, master }) => {
        if (master === undefined) return []
        return [[mac, ifname === TUNNEL ? (vteps.get(mac) ?? TUNNEL) : ifname] as const]
      }),
    )
  },
  'zebra-macs': async ({ router }) => {
    const { [VNI]: vni } = v.parse(ZebraMacs, await router.vtyshJson('show evpn mac vni all json'))
    return new Map(
      Object.entries(vni?.macs ?? {}).flatMap(([mac, shown]) => {
        if (typeof shown === 'number') return []
        const { type, intf, remoteVtep } = shown
        if (type === 'local') return [[mac, intf ?? ''] as const]
        // one that only a neighbour refers to has no type
        return type === 'remote' ? [[mac, remoteVtep ?? ''] as const] : []
      }),
    )
  },
  'zebra-neighbours': async ({ router }) => {
    const { [VNI]: vni = {} } = v.parse(ZebraNeighbours, await router.vtyshJson('show evpn arp-cache vni all json'))
    return new Map(
      Object.entries(vni).flatMap(([ip, shown]) =>
        typeof shown === 'object' ? [[`${shown.mac} ${ip}`, shown.remoteVtep ?? shown.type] as const] : [],
      ),
    )
  },
  'kernel-neighbours': async ({ router }) =>
    new Map(
      (await router.neighbours()).flatMap(({ dst, lladdr, externLearn, protocol }) =>
        lladdr === undefined || !externLearn ? [] : [[`${lladdr} ${dst}`, protocol ?? ''] as const],
      ),
    ),
  bgpd: async ({ router }) => new Map((await router.macipRoutes()).map((route) => [keyOf(route), route.nextHop])),
  'bgpd-sequence': async ({ router }) => {
    const all = await router.macipRoutes()
    const alone = new Map(all.flatMap(({ mac, ip, sequence }) => (ip === undefined ? [[mac, sequence] as const] : [])))
    return new Map(
      all.flatMap((route) => {
        const own = alone.get(route.mac)
        if (own === undefined || own === route.sequence) return []
        return [[keyOf(route), `${route.sequence}, MAC ${own}`] as const]
      }),
    )
  },
  'macipd-local': async (node) => {
    const views = running(await askViews(node.router.path('/run/macipd/relay.sock')))
    const { bindings } = running(await askOverlay(node.router.path('/run/macipd/relay.sock')))
    return new Map(
      rowsOf(views, bindings).macs.flatMap(({ mac, ip, by }) => (ip === null ? [] : [[`${mac} ${ip}`, by] as const])),
    )
  },
  'macipd-bindings': async (node) => {
    const { bindings } = running(await askBindings(node.router.path('/run/macipd/snoop.sock')))
    return new Map(
      bindings.flatMap(({ mac, ip, port, reason }) =>
        reason === 'announced' ? [[`${mac} ${ip}`, port] as const] : [],
      ),
    )
  },
  'macipd-remote': async (node) => {
    const { remote } = running(await askViews(node.router.path('/run/macipd/relay.sock')))
    return new Map(remote.map(({ mac, ip, vtep }) => [ip === null ? mac : `${mac} ${ip}`, vtep]))
  },
  'bgpd-routes': async ({ router, number }) =>
    prefixesVia(await router.vtysh('show bgp ipv4 unicast'), number, /^ ?\*>i *(\S+\/\d+) +(\d+(?:\.\d+){3}) /),
  'zebra-routes': async ({ router, number }) =>
    prefixesVia(
      (await router.vtysh('show ip route bgp')).replaceAll(FOUND_IN_KERNEL, `$1 via ${OF_KERNEL} $2`),
      number,
      /^B>\* (\S+) .*via ((?:kernel )?\d+(?:\.\d+){3})/,
    ),
  'kernel-routes': async ({ router, number }) =>
    prefixesVia(
      // the kernel leaves out the length of a host route
      (await router.exec(['ip', 'route', 'show', 'proto', 'bgp'])).replace(/^(\d+(?:\.\d+){3}) /gm, '$1/32 '),
      number,
      /^(\S+) .*via (\d+(?:\.\d+){3})/,
    ),
}

const OF_MACIPD: ReadonlySet<ViewName> = new Set(['macipd-local', 'macipd-bindings', 'macipd-remote'])

const TUNNEL = `vx${VNI}`
const isGroup = (mac: string): boolean => Number.parseInt(mac.slice(1, 2), 16) % 2 === 1
const keyOf = ({ mac, ip }: MacipRoute): string => (ip === undefined ? mac : `${mac} ${ip}`)

const ZebraMac = v.object({
  type: v.optional(v.string()),
  intf: v.optional(v.string()),
  remoteVtep: v.optional(v.string()),
})
/** VNI → its MACs; in an empty table 8.4 leaves out the VNI, and in a large one 10.7 puts their number among the MACs. */
const ZebraMacs = v.record(
  v.string(),
  v.object({ macs: v.optional(v.record(v.string(), v.union([v.number(), ZebraMac])), {}) }),
)
const ZebraNeighbour = v.object({ type: v.string(), mac: v.string(), remoteVtep: v.optional(v.string()) })
/** VNI → number of neighbours, and each by its address. */
const ZebraNeighbours = v.record(v.string(), v.record(v.string(), v.union([v.number(), ZebraNeighbour])))

/**
 * A route of bgpd that zebra has found in the kernel at its start: it gives it the distance of eBGP, which is not used here.
 * 8.4 shows the kernel's metric, too.
 */
const FOUND_IN_KERNEL = /^(B>\* \S+ \[20\/(?:0|20)\]) via (\S+)/gm

function prefixesVia(text: string, node: Node['number'], line: RegExp): View {
  const found = new Map<string, string>()
  for (const each of text.split('\n')) {
    const [, prefix, via] = line.exec(each) ?? []
    // the node's own routes are in bgpd's table, too
    if (prefix !== undefined && via !== undefined && via !== addressOf(node) && via !== '0.0.0.0')
      found.set(prefix, via)
  }
  return found
}

function running<Report>(answer: Answer<Report>): Report {
  if (!answer.running) throw new Error(answer.error)
  return answer
}

/** All views of a node. One that cannot be had is an error, and hinders no other. */
export async function seen(node: Node): Promise<Views> {
  const entries = await Promise.all(
    VIEWS.map(async (name): Promise<[ViewName, View | Error]> => {
      if (OF_MACIPD.has(name) && !node.withMacipd) return [name, new Map()]
      try {
        return [name, await READERS[name](node)]
      } catch (error) {
        return [name, error instanceof Error ? error : new Error(reason(error))]
      }
    }),
  )
  return Object.fromEntries(entries) as Record<ViewName, View | Error>
}
