// Makes the binding policy from the configuration.
import { BlockList } from 'node:net'
import { DEFAULT_POLICY, type PerFamily, pinKey, type Policy, type StaticBinding } from '../bindings/policy.js'
import type { Config } from './file.js'
import type { DuplicateDetection } from '../base/duplicate-detection.js'
import { addPrefix, type Prefix } from '../base/prefix.js'
import type { Denied } from './values.js'

type Snoop = NonNullable<Config['snoop']>

/** `given` are the values of the command line. */
export function policyOf(given: { age?: number; observe?: boolean }, snoop: Snoop): Policy {
  const { limits = {}, mode } = snoop
  const usual = DEFAULT_POLICY
  return {
    ageMs: given.age ?? snoop.age ?? usual.ageMs,
    linkLocal: snoop.linkLocal ?? usual.linkLocal,
    macMismatch: snoop.macMismatch ?? usual.macMismatch,
    vrrp: snoop.vrrp ?? usual.vrrp,
    observe: given.observe ?? (mode === undefined ? usual.observe : mode === 'observe'),
    probes: snoop.probes ?? usual.probes,
    probeRate: {
      perPort: snoop.probeRate?.perPort ?? usual.probeRate.perPort,
      total: snoop.probeRate?.total ?? usual.probeRate.total,
    },
    duplicates: duplicatesOf(snoop.duplicates, usual.duplicates),
    limits: {
      perMac: perFamily(limits.perMac, usual.limits.perMac),
      perPort: perFamily(limits.perPort, usual.limits.perPort),
      perVni: limits.perVni ?? usual.limits.perVni,
      total: limits.total ?? usual.limits.total,
    },
    allowed: new Map([...(snoop.allow ?? [])].map(([vni, prefixes]) => [vni, blockList(prefixes)])),
    denied: deniedOf(snoop.deny ?? []),
    pinned: new Map((snoop.pin ?? []).map(({ vni, ip, macs }) => [pinKey(vni, ip), new Set(macs)])),
  }
}

export const duplicatesOf = (
  { moves, window, holdDown, confirm }: NonNullable<Snoop['duplicates']> = {},
  usual: DuplicateDetection,
): DuplicateDetection => ({
  moves: moves ?? usual.moves,
  windowMs: window ?? usual.windowMs,
  holdDownMs: holdDown ?? usual.holdDownMs,
  confirmMs: confirm ?? usual.confirmMs,
})

type GivenPerFamily = { readonly [Family in keyof PerFamily]?: PerFamily[Family] | undefined }
const perFamily = ({ ipv4, ipv6 }: GivenPerFamily = {}, usual: PerFamily): PerFamily => ({
  ipv4: ipv4 ?? usual.ipv4,
  ipv6: ipv6 ?? usual.ipv6,
})

export const staticsOf = ({ static: statics = [] }: Snoop): StaticBinding[] =>
  statics.map(({ vni, mac, ip, router = false }) => ({ vni, mac, ip, router }))

function deniedOf(entries: readonly Denied[]): Policy['denied'] {
  const macs = entries.flatMap((entry) => ('mac' in entry ? [entry.mac] : []))
  const prefixes = entries.flatMap((entry) => ('mac' in entry ? [] : [entry]))
  return { macs: new Set(macs), ips: prefixes.length === 0 ? undefined : blockList(prefixes) }
}

export function blockList(prefixes: readonly Prefix[]): BlockList {
  const list = new BlockList()
  for (const prefix of prefixes) addPrefix(list, prefix)
  return list
}
