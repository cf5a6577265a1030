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
  logLevel: LogLevel
}
