// What a connection is and which release speaks, from its first message of each direction.
import { HEADER_SIZE, frameCommand } from './frame.js'
import type { FrrRelease } from './releases.js'
import { HELLO, type Hello, type SessionKind, sessionKind } from './messages/session.js'
import { type Outline, candidates, describeReleases, mayPrecedeCapabilities } from './detect-release.js'

export type Handshake = {
  kind: SessionKind | 'unknown'
  /** HELLO in words. */
  client: string
  /** The release in use; undefined while it is not certain. Of lines that nothing tells apart, the oldest. */
  release: FrrRelease | undefined
  /** The release in words, a range where nothing tells lines apart; empty while it is not certain. */
  releaseName: string
  /** How the release was recognised, or why it is not certain. */
  releaseReason: string
}

const uncertain = (releaseReason: string): Detected => ({ release: undefined, releaseName: '', releaseReason })

/**
 * @param hello bgpd's first frame
 * @param capabilities zebra's first frame that `answers`
 * @param configured the release that the configuration demands
 * @param zebraVersion the release zebra itself says it is, `10.3`, where it could be asked
 */
export function handshakeOf(
  hello: Buffer | undefined,
  capabilities: Buffer | undefined,
  configured: FrrRelease | undefined,
  zebraVersion?: string,
): Handshake {
  if (hello === undefined) return { kind: 'unknown', client: '', ...uncertain('no HELLO seen yet') }
  const first = candidates(outline(hello), undefined).at(0)
  if (first === undefined) {
    const { command, payloadLength } = outline(hello)
    return { kind: 'other', client: '', ...uncertain(`unknown HELLO: command ${command} with ${payloadLength} bytes`) }
  }
  const greeting = HELLO.decode(hello.subarray(HEADER_SIZE), first.features)
  const kind = sessionKind(greeting, first.features)
  const client = describeHello(greeting, first)
  if (kind !== 'main') return { kind, client, ...uncertain('not the main session') }
  if (capabilities === undefined) return { kind, client, ...uncertain('no CAPABILITIES seen yet') }
  return { kind, client, ...releaseOf(outline(hello), outline(capabilities), configured, zebraVersion) }
}

/** Whether zebra's frame is its answer to HELLO, or would have to be. */
export const answers = (hello: Buffer, frame: Buffer): boolean =>
  !mayPrecedeCapabilities(outline(hello), frameCommand(frame))

type Detected = Pick<Handshake, 'release' | 'releaseName' | 'releaseReason'>

function releaseOf(
  hello: Outline,
  capabilities: Outline,
  configured: FrrRelease | undefined,
  zebraVersion?: string,
): Detected {
  const releases = candidates(hello, capabilities)
  const said = describeReleases(releases)
  if (releases.length === 0) {
    const { command, payloadLength } = capabilities
    return uncertain(`unknown FRR: CAPABILITIES is command ${command} with ${payloadLength} bytes`)
  }
  if (configured !== undefined) {
    if (releases.includes(configured)) {
      return { release: configured, releaseName: configured.name, releaseReason: 'configured, and the session agrees' }
    }
    return uncertain(`FRR ${configured.name} is configured, but the session is that of ${said}`)
  }
  if (zebraVersion === undefined) {
    return { release: releases[0], releaseName: said, releaseReason: 'recognised by HELLO and CAPABILITIES' }
  }
  const release = releases.find(({ name }) => name === zebraVersion)
  if (release !== undefined)
    return { release, releaseName: zebraVersion, releaseReason: 'zebra says so, and the session agrees' }
  return uncertain(`zebra says it is FRR ${zebraVersion}, but the session is that of ${said}`)
}

const outline = (frame: Buffer): Outline => ({
  command: frameCommand(frame),
  payloadLength: frame.length - HEADER_SIZE,
})

function describeHello({ proto, instance, sessionId, synchronous }: Hello, { features }: FrrRelease): string {
  const names = new Map([
    [features.protoBgp, 'bgp'],
    [features.protoVnc, 'vnc'],
  ])
  const kind = synchronous === 0 ? '' : ' synchronous'
  return `${names.get(proto) ?? `proto ${proto}`} instance ${instance} session ${sessionId}${kind}`
}
