// Detects which FRR release speaks, from the first messages of the main session.
import { HEADER_SIZE, frameCommand } from './frame.js'
import { FRR_RELEASES, type FrrRelease, capabilitiesLength, helloLength } from './releases.js'

/** What is known of a message whose release is not known: its number and the length of its payload in bytes. */
export type Outline = { command: number; payloadLength: number }

export const outline = (frame: Buffer): Outline => ({
  command: frameCommand(frame),
  payloadLength: frame.length - HEADER_SIZE,
})

export type DetectedRelease = {
  /** The release in use, the oldest where the wire cannot tell releases apart; undefined while it is not certain. */
  release: FrrRelease | undefined
  /** The release in words, a range where the wire cannot tell releases apart; empty while it is not certain. */
  releaseName: string
  /** How the release was detected, or why it is not certain. */
  releaseReason: string
}

export const uncertain = (releaseReason: string): DetectedRelease => ({
  release: undefined,
  releaseName: '',
  releaseReason,
})

/**
 * @param hello bgpd's HELLO
 * @param capabilities zebra's CAPABILITIES
 * @param configured the release that the configuration insists on
 * @param zebraVersion the release that zebra reports of itself, `10.3`, where it could be asked
 */
export function detectRelease(
  hello: Outline,
  capabilities: Outline,
  configured: FrrRelease | undefined,
  zebraVersion: string | undefined,
): DetectedRelease {
  const releases = releasesWith(hello, capabilities)
  const range = releaseRange(releases)
  if (releases.length === 0) {
    const { command, payloadLength } = capabilities
    return uncertain(`unknown FRR: CAPABILITIES is command ${command} with ${payloadLength} bytes`)
  }
  if (configured !== undefined) {
    if (releases.includes(configured)) {
      return { release: configured, releaseName: configured.name, releaseReason: 'configured, and the session agrees' }
    }
    return uncertain(`FRR ${configured.name} is configured, but the session is that of ${range}`)
  }
  if (zebraVersion === undefined) {
    return { release: releases[0], releaseName: range, releaseReason: 'detected by HELLO and CAPABILITIES' }
  }
  const release = releases.find(({ name }) => name === zebraVersion)
  if (release === undefined) {
    return uncertain(`zebra says it is FRR ${zebraVersion}, but the session is that of ${range}`)
  }
  return { release, releaseName: zebraVersion, releaseReason: 'zebra says so, and the session agrees' }
}

/**
 * The releases, oldest first, whose sessions begin with this HELLO (bgpd) and, once zebra has answered, this
 * CAPABILITIES. Those that remain together have the same EVPN numbers and layouts; an empty result is an unknown FRR.
 */
export function releasesWith(hello: Outline, capabilities: Outline | undefined): FrrRelease[] {
  return FRR_RELEASES.filter(
    (release) =>
      hello.command === release.commandNumber('ZEBRA_HELLO') &&
      hello.payloadLength === helloLength(release.features) &&
      (capabilities === undefined ||
        (capabilities.command === release.commandNumber('ZEBRA_CAPABILITIES') &&
          capabilities.payloadLength === capabilitiesLength(release.features))),
  )
}

/**
 * Whether zebra may send this command before CAPABILITIES: it reports changes of interfaces and VRFs, and the end of other
 * clients, to every client it has accepted, even before it has read the client's HELLO.
 */
export const mayPrecedeCapabilities = (hello: Outline, command: number): boolean =>
  releasesWith(hello, undefined).some((release) =>
    /^ZEBRA_(INTERFACE_|VRF_|CLIENT_CLOSE_NOTIFY$)/.test(release.commandName(command) ?? ''),
  )

/** `8.4`, or `8.4 … 9.0` when the wire cannot tell them apart; empty without a release. */
export function releaseRange(releases: readonly FrrRelease[]): string {
  const first = releases.at(0)?.name ?? ''
  const last = releases.at(-1)?.name ?? ''
  return first === last ? first : `${first} … ${last}`
}

/** Whether HELLO has this number in any release, which tells a ZAPI client from others before its release is known. */
export const isHello = (command: number): boolean =>
  FRR_RELEASES.some((release) => release.commandNumber('ZEBRA_HELLO') === command)
