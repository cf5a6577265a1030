// What a process is told, after command line, configuration and defaults have been put together.
import type { LogLevel } from './log.js'

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
  /** The release line to demand, `8.4` … `10.7`. */
  frrRelease: string | undefined
  /** Memory for recent messages, bytes; 0 keeps none. */
  recentBytes: number
  logLevel: LogLevel
}

/** Everything `macipd snoop` can be told. */
export type SnoopOptions = {
  /** Path of the relay's control socket. */
  relay: string
  /** Path of the snooper's control socket. */
  control: string
  /** A binding not seen for this long is withdrawn, milliseconds. */
  ageMs: number
  /** The same frame is passed on by the eBPF program once in this time, milliseconds. */
  repeatIntervalMs: number
  /** Ports that are never snooped, by name; `*` and `?` as in a shell. */
  exclude: readonly string[]
  linkLocal: 'learn' | 'ignore'
  macMismatch: 'refuse' | 'accept'
  logLevel: LogLevel
}
