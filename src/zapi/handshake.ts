// What a connection is and which release line speaks, from its first message of each direction.
import { HEADER_SIZE, frameCommand } from './frame.js'
import type { ReleaseLine } from './releases.js'
import { HELLO, type Hello, type SessionKind, sessionKind } from './messages/session.js'
import { type Outline, candidates, describeLines, mayPrecedeCapabilities } from './detect-release.js'

export type Introduction = {
  kind: SessionKind | 'unknown'
  /** HELLO in words. */
  client: string
  /** The line in use; undefined while it is not certain. Of lines that nothing tells apart, the oldest. */
  line: ReleaseLine | undefined
  /** The line in words, a range where nothing tells lines apart; empty while it is not certain. */
  lineName: string
  /** How the line was recognised, or why it is not certain. */
  lineReason: string
}

const uncertain = (lineReason: string): Line => ({ line: undefined, lineName: '', lineReason })

/**
 * @param hello bgpd's first frame
 * @param capabilities zebra's first frame that `answers`
 * @param configured the line that the configuration demands
 * @param running the line zebra itself says it is, `10.3`, where it could be asked
 */
export function introduce(
  hello: Buffer | undefined,
  capabilities: Buffer | undefined,
  configured: ReleaseLine | undefined,
  running?: string,
): Introduction {
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
  return { kind, client, ...lineOf(outline(hello), outline(capabilities), configured, running) }
}

/** Whether zebra's frame is its answer to HELLO, or would have to be. */
export const answers = (hello: Buffer, frame: Buffer): boolean =>
  !mayPrecedeCapabilities(outline(hello), frameCommand(frame))

type Line = Pick<Introduction, 'line' | 'lineName' | 'lineReason'>

function lineOf(hello: Outline, capabilities: Outline, configured: ReleaseLine | undefined, running?: string): Line {
  const lines = candidates(hello, capabilities)
  const said = describeLines(lines)
  if (lines.length === 0) {
    const { command, payloadLength } = capabilities
    return uncertain(`unknown FRR: CAPABILITIES is command ${command} with ${payloadLength} bytes`)
  }
  if (configured !== undefined) {
    if (lines.includes(configured)) {
      return { line: configured, lineName: configured.name, lineReason: 'configured, and the session agrees' }
    }
    return uncertain(`FRR ${configured.name} is configured, but the session is that of ${said}`)
  }
  if (running === undefined) {
    return { line: lines[0], lineName: said, lineReason: 'recognised by HELLO and CAPABILITIES' }
  }
  const line = lines.find(({ name }) => name === running)
  if (line !== undefined) return { line, lineName: running, lineReason: 'zebra says so, and the session agrees' }
  return uncertain(`zebra says it is FRR ${running}, but the session is that of ${said}`)
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
