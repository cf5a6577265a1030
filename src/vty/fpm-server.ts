// Which FPM server zebra is to have.
import { isIPv4 } from 'node:net'
import { endpointText, isLoopback } from '../base/address.js'
import type { FpmConfig, FpmServer } from './fpm-config.js'

/** Why zebra's configuration is left as it is. */
export type Refusal = { readonly state: 'other-server' | 'old-module'; readonly why: string }

const UNSPECIFIED = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])

/** The address at which zebra is to connect to a listener. */
export const serverFor = ({ ip, port }: FpmServer): FpmServer => ({ ip: UNSPECIFIED.get(ip) ?? ip, port })

/** Whether zebra reaches a listener at an address of this machine. */
const reaches = (server: FpmServer, { ip, port }: FpmServer): boolean =>
  server.port === port &&
  (server.ip === ip || (UNSPECIFIED.has(ip) && isLoopback(server.ip) && isIPv4(server.ip) === isIPv4(ip)))

/** The server that zebra is to have, or why its configuration is not to be touched. Pure. */
export function wantedServer(
  { server, isOldModule }: FpmConfig,
  listening: readonly FpmServer[],
  isConnected: boolean,
): FpmServer | Refusal {
  if (server !== undefined) {
    // a zebra that is connected says itself whose address that is
    if (isConnected || listening.some((it) => reaches(server, it))) return server
    return { state: 'other-server', why: `zebra is configured for another FPM server, ${endpointText(server)}` }
  }
  if (isOldModule) return { state: 'old-module', why: 'zebra uses its older FPM module (fpm connection ip)' }
  const [first] = listening
  if (first === undefined) throw new Error('nothing listens')
  return serverFor(first)
}
