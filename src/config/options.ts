// The options of a process, after command line, configuration and defaults have been combined.
import type { Policy, StaticBinding } from '../bindings/policy.js'
import type { LogLevel } from '../base/log.js'
import type { Prefix } from '../base/prefix.js'
import type { NeighborSettings } from '../proxy/bgp/neighbor.js'
import type { RouteSettings } from '../proxy/bgp/settings.js'
import type { Policy as ProxyPolicy } from '../proxy/decision/policy.js'
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

/** All options of `macipd proxy`. */
export type ProxyOptions = {
  /** Path of the proxy's control socket. */
  control: string
  /** Path of the snooper's control socket. */
  snoop: string
  /** Path of the file that keeps hosts across restarts; undefined keeps none. */
  stateFile: string | undefined
  /** Hosts in that file that were heard longer ago are ignored, in milliseconds. */
  stateAgeMs: number
  logLevel: LogLevel
  settings: ProxySettings
  /** What works, and should not be left so. */
  warnings: readonly string[]
}

export type ProxySettings = {
  policy: ProxyPolicy
  routes: RouteSettings
  /** Each has another name. */
  neighbors: readonly NeighborSettings[]
  watch: WatchOptions
  /** Whether silent hosts are asked. */
  probes: 'send' | 'off'
  /** The node's addresses as a VTEP: one of a family, or one of each. */
  sourceAddresses: readonly string[]
}

/** Which packets of the underlay are looked at. */
export type WatchOptions = {
  /** Names of devices; `*` and `?` are wildcards as in a shell. */
  interfaces: readonly string[]
  /** UDP ports that VXLAN packets go to: 1 to 8. */
  ports: readonly number[]
  vnis: readonly number[]
  /** Where VTEPs may be that send them. */
  sources: readonly Prefix[]
  /** The eBPF program passes the same claim only once in this time, in milliseconds. */
  repeatIntervalMs: number
  /** Limit for new claims that the eBPF program passes from one VTEP. */
  rate: { perSecond: number; burst: number }
}
