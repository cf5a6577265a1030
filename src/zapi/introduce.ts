// What a connection is and which release line speaks, from its first message of each direction.
import { HEADER_SIZE, frameCommand } from './frame.js'
import type { ReleaseLine } from './lines.js'
import { HELLO, type Hello, type SessionKind, sessionKind } from './messages/session.js'
import { type Outline, candidates, describeLines } from './recognise.js'

export type Introduction = {
  kind: SessionKind | 'unknown'
  /** HELLO in words. */
  client: string
  /** The line in use; undefined while it is not certain. Of lines that the wire cannot tell apart, the oldest. */
  line: ReleaseLine | undefined
  /** How the line was recognised, or why it is not certain. */
  lineReason: string
}

/**
 * @param hello bgpd's first frame
 * @param capabilities zebra's first frame
 * @param configured the line that the configuration demands
 */
export function introduce(
  hello: Buffer | undefined,
  capabilities: Buffer | undefined,
  configured: ReleaseLine | undefined,
): Introduction {
  if (hello === undefined) return { kind: 'unknown', client: '', line: undefined, lineReason: 'no HELLO seen yet' }
  const first = candidates(outline(hello), undefined).at(0)
  if (first === undefined) {
    const { command, payloadLength } = outline(hello)
    const lineReason = `unknown HELLO: command ${command} with ${payloadLength} bytes`
    return { kind: 'other', client: '', line: undefined, lineReason }
  }
  const greeting = HELLO.decode(hello.subarray(HEADER_SIZE), first.features)
  const kind = sessionKind(greeting, first.features)
  const client = describeHello(greeting, first)
  if (kind !== 'main') return { kind, client, line: undefined, lineReason: 'not the main session' }
  if (capabilities === undefined) return { kind, client, line: undefined, lineReason: 'no CAPABILITIES seen yet' }
  return { kind, client, ...lineOf(outline(hello), outline(capabilities), configured) }
}

function lineOf(
  hello: Outline,
  capabilities: Outline,
  configured: ReleaseLine | undefined,
): { line: ReleaseLine | undefined; lineReason: string } {
  const lines = candidates(hello, capabilities)
  const said = describeLines(lines)
  if (lines.length === 0) {
    const { command, payloadLength } = capabilities
    return {
      line: undefined,
      lineReason: `unknown FRR: CAPABILITIES is command ${command} with ${payloadLength} bytes`,
    }
  }
  if (configured === undefined) return { line: lines[0], lineReason: `HELLO and CAPABILITIES of ${said}` }
  if (lines.includes(configured)) return { line: configured, lineReason: 'configured, and the session agrees' }
  return { line: undefined, lineReason: `FRR ${configured.name} is configured, but the session is that of ${said}` }
}

const outline = (frame: Buffer): Outline => ({
  command: frameCommand(frame),
  payloadLength: frame.length - HEADER_SIZE,
})

function describeHello({ proto, instance, sessionId, synchronous }: Hello, { features }: ReleaseLine): string {
  const names = new Map([
    [features.protoBgp, 'bgp'],
    [features.protoVnc, 'vnc'],
  ])
  const kind = synchronous === 0 ? '' : ' synchronous'
  return `${names.get(proto) ?? `proto ${proto}`} instance ${instance} session ${sessionId}${kind}`
}
