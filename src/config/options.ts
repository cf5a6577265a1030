// What a process is told, after command line, configuration and defaults have been put together.
import type { Policy, StaticBinding } from '../bindings/policy.js'
import type { LogLevel } from '../base/log.js'
import type { Endpoint, ProbeSource } from './values.js'

/** Everything `macipd relay` can be told. */
export type RelayOptions = {
  /** Path of the socket bgpd connects to. */
  listen: string
  /** Path of zebra's socket. */
  zebra: string
  /** Path of the relay's control socket. */
  control: string
  /** Directory of the journal and the transit pipes. */
  runDir: string
  /** How long the overlay outlives the snooper, milliseconds. */
  staleMs: number
  /** How long to wait for zebra at the start, milliseconds. */
  zebraTimeoutMs: number
  /** The release to demand, `8.4` … `10.7`. */
  frrRelease: string | undefined
  /** Memory for recent messages, bytes; 0 keeps none. */
  recentBytes: number
  logLevel: LogLevel
}

/** Everything `macipd snoop` can be told. */
export type SnoopOptions = {
  /** Path of the relay's control socket. */
  relay: string
  /** Path of zebra's socket. */
  zebra: string
  /** Path of the snooper's control socket. */
  control: string
  /** The same frame is passed on by the eBPF program once in this time, milliseconds. */
  repeatIntervalMs: number
  /** Ports that are never snooped, by name; `*` and `?` as in a shell. */
  exclude: readonly string[]
  policy: Policy
  statics: readonly StaticBinding[]
  /** New claims that the eBPF program passes on from one port. */
  rate: { perSecond: number; burst: number }
  /** Whether a neighbour solicitation is evidence of its sender, too. */
  learnNs: boolean
  /** Addresses that ARP probes come from in subnets in which the node has none. */
  probeSources: readonly ProbeSource[]
  /** Path of the file that bindings survive a restart in; undefined: they do not. */
  stateFile: string | undefined
  /** What is older in that file is not believed, milliseconds. */
  stateAgeMs: number
  fpm: FpmOptions
  logLevel: LogLevel
}

/** Where zebra's FPM connection is expected, and what becomes of what it says. */
export type FpmOptions = {
  /** `default`: on loopback, if nobody else is there. */
  listen: readonly Endpoint[] | 'default' | 'none'
  /** Whether other machines may connect. */
  allowRemote: boolean
  /** Another FPM server, which is told the same. */
  forward: Endpoint | undefined
  /** Memory for recent frames, bytes; 0 keeps none. */
  recentBytes: number
}
