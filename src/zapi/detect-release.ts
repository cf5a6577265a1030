// Which release line speaks, from the first messages of the main session.
import { RELEASE_LINES, type ReleaseLine, capabilitiesLength, helloLength } from './releases.js'

/** A message of which only its number and the length of its payload are known. */
export type Outline = { command: number; payloadLength: number }

/**
 * The lines that begin a session with this HELLO (bgpd) and, once zebra has answered, this CAPABILITIES.
 * Lines that remain together have the same EVPN numbers and layouts; an empty result is an unknown FRR.
 */
export function candidates(hello: Outline, capabilities: Outline | undefined): ReleaseLine[] {
  return RELEASE_LINES.filter(
    (line) =>
      hello.command === line.commandNumber('ZEBRA_HELLO') &&
      hello.payloadLength === helloLength(line.features) &&
      (capabilities === undefined ||
        (capabilities.command === line.commandNumber('ZEBRA_CAPABILITIES') &&
          capabilities.payloadLength === capabilitiesLength(line.features))),
  )
}

/** zebra tells every client it has accepted of interfaces and VRFs that change, even before it has read its HELLO. */
export const mayPrecedeCapabilities = (hello: Outline, command: number): boolean =>
  candidates(hello, undefined).some((line) => /^ZEBRA_(INTERFACE|VRF)_/.test(line.commandName(command) ?? ''))

/** `8.4`, or `8.4 … 9.0` when the wire cannot tell them apart. */
export function describeLines(lines: readonly ReleaseLine[]): string {
  const first = lines.at(0)?.name ?? ''
  const last = lines.at(-1)?.name ?? ''
  return first === last ? first : `${first} … ${last}`
}

/** The number HELLO has in any line: enough to tell a ZAPI client from anything else before its line is known. */
export const isHello = (command: number): boolean =>
  RELEASE_LINES.some((line) => line.commandNumber('ZEBRA_HELLO') === command)
