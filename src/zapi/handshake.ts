// Tells what a connection is for and which release speaks, from its first message of each direction.
import { HEADER_SIZE, frameCommand, framesIn } from './frame.js'
import type { FrrRelease } from './releases.js'
import { HELLO, type Hello, type SessionKind, sessionKind } from './messages/session.js'
import {
  type DetectedRelease,
  detectRelease,
  mayPrecedeCapabilities,
  outline,
  releasesWith,
  uncertain,
} from './detect-release.js'

export type Handshake = DetectedRelease & {
  kind: SessionKind | 'unknown'
  /** HELLO in words. */
  client: string
}

/**
 * @param hello bgpd's first frame
 * @param capabilities zebra's first frame that `answers`
 * @param configured the release that the configuration insists on
 * @param zebraVersion the release that zebra reports of itself, `10.3`, where it could be asked
 */
export function handshakeOf(
  hello: Buffer | undefined,
  capabilities: Buffer | undefined,
  configured: FrrRelease | undefined,
  zebraVersion?: string,
): Handshake {
  if (hello === undefined) return { kind: 'unknown', client: '', ...uncertain('no HELLO seen yet') }
  const first = releasesWith(outline(hello), undefined).at(0)
  if (first === undefined) {
    const { command, payloadLength } = outline(hello)
    return { kind: 'other', client: '', ...uncertain(`unknown HELLO: command ${command} with ${payloadLength} bytes`) }
  }
  const decoded = HELLO.decode(hello.subarray(HEADER_SIZE), first.features)
  const kind = sessionKind(decoded, first.features)
  const client = describeHello(decoded, first)
  if (kind !== 'main') return { kind, client, ...uncertain('not the main session') }
  if (capabilities === undefined) return { kind, client, ...uncertain('no CAPABILITIES seen yet') }
  return { kind, client, ...detectRelease(outline(hello), outline(capabilities), configured, zebraVersion) }
}

/** Whether zebra's frame is its answer to HELLO, or would have to be. */
export const answers = (hello: Buffer, frame: Buffer): boolean =>
  !mayPrecedeCapabilities(outline(hello), frameCommand(frame))

/**
 * Finds HELLO and CAPABILITIES in the first bytes of both directions; what is not there whole, or is something else, is
 * undefined.
 */
export function findOpening(
  toZebra: Buffer,
  toBgpd: Buffer,
): { hello: Buffer | undefined; capabilities: Buffer | undefined } {
  const [hello] = framesIn(toZebra)
  if (hello === undefined || releasesWith(outline(hello), undefined).length === 0)
    return { hello: undefined, capabilities: undefined }
  for (const frame of framesIn(toBgpd)) if (answers(hello, frame)) return { hello, capabilities: frame }
  return { hello, capabilities: undefined }
}

function describeHello({ proto, instance, sessionId, synchronous }: Hello, { features }: FrrRelease): string {
  const names = new Map([
    [features.protoBgp, 'bgp'],
    [features.protoVnc, 'vnc'],
  ])
  const kind = synchronous === 0 ? '' : ' synchronous'
  return `${names.get(proto) ?? `proto ${proto}`} instance ${instance} session ${sessionId}${kind}`
}
