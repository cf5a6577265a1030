// What operators may decide about learning, keeping and announcing bindings. Durations are in milliseconds.
import type { BlockList } from 'node:net'
import type { DuplicateDetection } from '../base/duplicate-detection.js'
import type { Rate } from '../base/probe-rate-limiter.js'

/** Limits differ by family: a host has one or two IPv4 addresses and any number of IPv6 addresses. */
export type PerFamily = { readonly ipv4: number; readonly ipv6: number }

export type Policy = {
  /** A binding is withdrawn when it was not seen for this long; undefined: its bridge's ageing time, see `ageOf`. */
  readonly ageMs: number | undefined
  /**
   * What to do with IPv6 link-local addresses. They are learned by default, as zebra announces them when the kernel has
   * such a neighbour: the far side then answers solicitations for a VM that routes, which may have no other address.
   */
  readonly linkLocal: 'learn' | 'ignore'
  /**
   * What to do if the frame's source is not the MAC it speaks for. Such frames are refused by default, since one host
   * could steal another's address with them. VRRP routers send them by design (RFC 5798 7.3).
   */
  readonly macMismatch: 'refuse' | 'accept'
  /** Virtual router MAC addresses (RFC 5798 7.3) live on several hosts at once, and move without an announcement. */
  readonly vrrp: 'ignore' | 'learn'
  /** Everything is decided and shown, but nothing is announced. */
  readonly observe: boolean
  /** Whether silent hosts are probed; with `off`, silence alone decides. */
  readonly probes: 'send' | 'off'
  /** Probes per second, for each port and in total. */
  readonly probeRate: Rate
  readonly duplicates: DuplicateDetection
  readonly limits: {
    readonly perMac: PerFamily
    readonly perPort: PerFamily
    readonly perVni: number
    readonly total: number
  }
  /** VNI → prefixes that its addresses must be in; other VNIs have no such rule. Link-local addresses are exempt. */
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
  duplicates: { moves: 5, windowMs: 180_000, holdDownMs: 540_000, confirmMs: 700 },
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

/** A binding that the operator configured: never aged, probed, limited or taken over. */
export type StaticBinding = {
  readonly vni: number
  readonly mac: string
  readonly ip: string
  readonly router: boolean
}

/** The key of `Policy.pinned`. */
export const pinKey = (vni: number, ip: string): string => `${vni} ${ip}`
