// What operators may decide about learning, keeping and announcing bindings. Durations in milliseconds.
import type { BlockList } from 'node:net'

/** IPv4 and IPv6 apart: a host has one or two of the former and any number of the latter. */
export type PerFamily = { readonly ipv4: number; readonly ipv6: number }

export type Policy = {
  /** A binding not seen for this long is withdrawn; undefined: the ageing time of its bridge, see `ageOf`. */
  readonly ageMs: number | undefined
  /**
   * IPv6 link-local addresses. Learned by default, as zebra announces them when the kernel has such a neighbour: the far
   * side then answers neighbour solicitations for a VM that routes, and those never carry anything but fe80::.
   */
  readonly linkLocal: 'learn' | 'ignore'
  /**
   * The frame's source is not the MAC it speaks for. Refused by default: a host that speaks for another one's MAC steals
   * its address. VRRP routers do so by design (RFC 5798 7.3).
   */
  readonly macMismatch: 'refuse' | 'accept'
  /** Virtual router MAC addresses (RFC 5798 7.3): they live on several hosts at once, and move without a word. */
  readonly vrrp: 'ignore' | 'learn'
  /** Decides and shows everything, announces nothing. */
  readonly observe: boolean
  /** Whether hosts are asked if they are still there; else silence alone decides. */
  readonly probes: 'send' | 'off'
  /** Probes per second, for each port and in all. */
  readonly probeRate: { readonly perPort: number; readonly total: number }
  /** RFC 9161 3.7: `moves` within `windowMs` make an IP a duplicate for `holdDownMs`; a former owner has `confirmMs` to object. */
  readonly duplicates: {
    readonly moves: number
    readonly windowMs: number
    readonly holdDownMs: number
    readonly confirmMs: number
  }
  readonly limits: {
    readonly perMac: PerFamily
    readonly perPort: PerFamily
    readonly perVni: number
    readonly total: number
  }
  /** VNI → the prefixes an address must be in; a VNI that is not here has no such rule. Link-local addresses are exempt. */
  readonly allowed: ReadonlyMap<number, BlockList>
  readonly denied: { readonly macs: ReadonlySet<string>; readonly ips: BlockList | undefined }
  /** `VNI IP` → the MAC addresses that may have it. */
  readonly pinned: ReadonlyMap<string, ReadonlySet<string>>
}

export const DEFAULT_POLICY: Policy = {
  ageMs: undefined,
  linkLocal: 'learn',
  macMismatch: 'refuse',
  vrrp: 'ignore',
  observe: false,
  probes: 'send',
  probeRate: { perPort: 100, total: 2000 },
  duplicates: { moves: 5, windowMs: 180_000, holdDownMs: 540_000, confirmMs: 2000 },
  limits: {
    perMac: { ipv4: 128, ipv6: 128 },
    perPort: { ipv4: 1024, ipv6: 1024 },
    perVni: 65_536,
    total: 131_072,
  },
  allowed: new Map(),
  denied: { macs: new Set(), ips: undefined },
  pinned: new Map(),
}

/** A binding that the operator vouches for: never aged, probed, limited or taken over. */
export type StaticBinding = {
  readonly vni: number
  readonly mac: string
  readonly ip: string
  readonly router: boolean
}

/** `Policy.pinned` is found by this. */
export const pinKey = (vni: number, ip: string): string => `${vni} ${ip}`
