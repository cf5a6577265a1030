// Filters of the node that may drop what a bridge has received, after our program has seen it. Pure.
import { type BaseChain, NFPROTO_BRIDGE, NFPROTO_NETDEV } from '../../netlink/nftables.js'

/** Hooks that only frames pass which the host itself sends. */
const OUTWARD = new Set(['output', 'egress'])

/** Names the nftables chains through which the frames of bridges or of these devices go; ebtables-nft makes such, too. */
export function bridgeFilters(chains: readonly BaseChain[], devices: ReadonlySet<string>): string[] {
  const found: string[] = []
  for (const { family, table, name, hook, devices: of, isFilter } of chains) {
    if (!isFilter || OUTWARD.has(hook)) continue
    if (family === NFPROTO_BRIDGE) found.push(`nft bridge ${table} ${name} (${hook})`)
    const some = of.filter((device) => devices.has(device))
    if (family === NFPROTO_NETDEV && some.length > 0) found.push(`nft netdev ${table} ${name} (${some.join(', ')})`)
  }
  return found
}

/** Names the tables of the older ebtables that are loaded, from /proc/modules. */
export function ebtablesIn(modules: string): string[] {
  return ['broute', 'nat', 'filter']
    .filter((table) => new RegExp(`^ebtable_${table} `, 'm').test(modules))
    .map((table) => `ebtables table ${table}`)
}

/** Whether asking for nftables loads no module: it is there already, or the kernel has no modules. */
export const hasNftables = (modules: string | undefined): boolean =>
  modules === undefined || /^nf_tables /m.test(modules)
