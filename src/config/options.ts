// The options of a process, after command line, configuration and defaults have been combined.
import type { Policy, StaticBinding } from '../bindings/policy.js'
import type { LogLevel } from '../base/log.js'
import type { Endpoint, ProbeSource } from './values.js'

/** All options of `macipd relay`. */
export type RelayOptions = {
  /** Path of the socket that bgpd connects to. */
  listen: string
  /** Path of zebra's socket. */
  zebra: string
  /** Path of the relay's control socket. */
  control: string
  /** Directory of the lock, the journal and the keeper's socket. */
  runDir: string
  /** How long the overlay outlives the snooper, in milliseconds. */
  staleMs: number
  /** The only FRR release to accept, `8.4` … `10.7`; undefined accepts all. */
  frrRelease: string | undefined
  /** Memory for recent messages, in bytes; 0 keeps none. */
  recentBytes: number
  /** Whether a relay that uses the run directory hands its connections over to this one. */
  takeOver: boolean
  logLevel: LogLevel
}

/** All options of `macipd snoop`. */
export type SnoopOptions = {
  /** Path of the relay's control socket. */
  relay: string
  /** Path of zebra's socket. */
  zebra: string
  /** Path of the snooper's control socket. */
  control: string
  /** The eBPF program passes the same claim only once in this time, in milliseconds. */
  repeatIntervalMs: number
  /** Names of ports that are never snooped; `*` and `?` are wildcards as in a shell. */
  exclude: readonly string[]
  policy: Policy
  statics: readonly StaticBinding[]
  /** Limit for new claims that the eBPF program passes from one port. */
  rate: { perSecond: number; burst: number }
  /** Whether neighbour solicitations are evidence of their sender. */
  learnNs: boolean
  /** Whether what the bridge's own filters drop is no evidence. */
  heedFilters: boolean
  /** Source addresses of ARP probes in subnets in which the node has no address. */
  probeSources: readonly ProbeSource[]
  /** Path of the file that keeps bindings across restarts; undefined keeps none. */
  stateFile: string | undefined
  /** Bindings in that file that are older than this are ignored, in milliseconds. */
  stateAgeMs: number
  fpm: FpmOptions
  logLevel: LogLevel
}

/** Where Prometheus is answered about both processes. */
export type MetricsOptions = {
  /** An address of this machine only, or the path of a Unix socket. */
  listen: Endpoint | { readonly path: string }
  /** Whether each port has metrics of its own. */
  perPort: boolean
}

/** Where to expect zebra's FPM connection, and what to do with its stream. */
export type FpmOptions = {
  /** `default` listens on loopback, unless another FPM server does. */
  listen: readonly Endpoint[] | 'default' | 'none'
  /** Whether other machines may connect. */
  allowRemote: boolean
  /** Another FPM server, which gets a copy of the stream. */
  forward: Endpoint | undefined
  /** Whether zebra gets its FPM configuration again when it has lost it. */
  ensure: boolean
  /** Memory for recent frames, in bytes; 0 keeps none. */
  recentBytes: number
}
