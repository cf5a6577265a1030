// Which release speaks, from the first messages of the main session.
import { FRR_RELEASES, type FrrRelease, capabilitiesLength, helloLength } from './releases.js'

/** A message of which only its number and the length of its payload are known. */
export type Outline = { command: number; payloadLength: number }

/**
 * The lines that begin a session with this HELLO (bgpd) and, once zebra has answered, this CAPABILITIES.
 * Lines that remain together have the same EVPN numbers and layouts; an empty result is an unknown FRR.
 */
export function candidates(hello: Outline, capabilities: Outline | undefined): FrrRelease[] {
  return FRR_RELEASES.filter(
    (release) =>
      hello.command === release.commandNumber('ZEBRA_HELLO') &&
      hello.payloadLength === helloLength(release.features) &&
      (capabilities === undefined ||
        (capabilities.command === release.commandNumber('ZEBRA_CAPABILITIES') &&
          capabilities.payloadLength === capabilitiesLength(release.features))),
  )
}

/** zebra tells every client it has accepted of interfaces and VRFs that change, even before it has read its HELLO. */
export const mayPrecedeCapabilities = (hello: Outline, command: number): boolean =>
  candidates(hello, undefined).some((release) => /^ZEBRA_(INTERFACE|VRF)_/.test(release.commandName(command) ?? ''))

/** `8.4`, or `8.4 … 9.0` when the wire cannot tell them apart. */
export function describeReleases(releases: readonly FrrRelease[]): string {
  const first = releases.at(0)?.name ?? ''
  const last = releases.at(-1)?.name ?? ''
  return first === last ? first : `${first} … ${last}`
}

/** The number HELLO has in any release: enough to tell a ZAPI client from anything else before its release is known. */
export const isHello = (command: number): boolean =>
  FRR_RELEASES.some((release) => release.commandNumber('ZEBRA_HELLO') === command)
