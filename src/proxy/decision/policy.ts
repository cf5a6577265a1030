// What operators decide about static VTEPs and the hosts behind them. Durations are in milliseconds.
import type { BlockList } from 'node:net'
import type { DuplicateDetection } from '../../base/duplicate-detection.js'
import type { Rate } from '../../base/probe-rate-limiter.js'

export type Policy = {
  readonly vnis: ReadonlyMap<number, VniPolicy>
  /** Which VTEPs that are not configured may be found by their frames, and how many of them in a VNI. */
  readonly discover: { readonly from: BlockList | undefined; readonly limit: number }
  /** Whether routes with the IPs of learned hosts are announced, or the MACs alone. */
  readonly learnIp: boolean
  /** A host that was not heard for this long, and answers no probe, is withdrawn. */
  readonly ageMs: number
  /** For how long what was learned is announced while no frames are heard. */
  readonly staleMs: number
  /** Probes per second: to hosts behind one VTEP, and in total. */
  readonly probeRate: Rate
  /** Of a MAC and of an IP. */
  readonly duplicates: DuplicateDetection
  readonly limits: {
    readonly macsPerVtep: number
    readonly macsPerVni: number
    readonly ipsPerMac: number
  }
  /** Everything is withdrawn, and still learned: another proxy is to take over. */
  readonly isDraining: boolean
}

/** VTEPs that are always announced, with the hosts that are always behind them. */
export type VniPolicy = { readonly vteps: ReadonlyMap<string, readonly StaticHost[]> }

export type StaticHost = { readonly mac: string; readonly ips: readonly string[]; readonly isSticky: boolean }

export const DEFAULT_POLICY: Policy = {
  vnis: new Map(),
  discover: { from: undefined, limit: 64 },
  learnIp: true,
  ageMs: 1_200_000,
  staleMs: 300_000,
  probeRate: { perPort: 100, total: 2000 },
  duplicates: { moves: 5, windowMs: 180_000, holdDownMs: 540_000, confirmMs: 700 },
  limits: { macsPerVtep: 4096, macsPerVni: 16_384, ipsPerMac: 32 },
  isDraining: false,
}
