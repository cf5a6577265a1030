// AS_PATH and AGGREGATOR in two and four octets, and AS4_PATH and AS4_AGGREGATOR, which complete them (RFC 4271 4.3,
// RFC 6793).
import type { Reader, Writer } from '../../base/cursor.js'
import { ipv4Bytes } from '../address.js'
import { AS_TRANS, inTwoOctets, needsFourOctets } from '../as.js'
import { type AttributeCodec, OPTIONAL_TRANSITIVE, type SessionFormat, WELL_KNOWN } from './codec.js'

/** By number, from 1; the last two are from RFC 5065. */
const SEGMENTS = ['set', 'sequence', 'confed-sequence', 'confed-set'] as const

export type AsPathSegment = { readonly kind: (typeof SEGMENTS)[number]; readonly as: readonly number[] }
export type AsPath = readonly AsPathSegment[]
export type Aggregator = { readonly as: number; readonly ip: string }

// segments: | type u8 | number of AS u8 | AS u16, u32… |
function readPath(value: Reader, fourOctets: boolean): AsPath {
  const segments: AsPathSegment[] = []
  while (value.remaining > 0) {
    const type = value.u8('segment type')
    const kind = SEGMENTS[type - 1]
    if (kind === undefined) throw value.fault('segment type', 1, `${type}, expected 1 to ${SEGMENTS.length}`)
    const count = value.u8('segment length')
    if (count === 0) throw value.fault('segment length', 1, '0, expected at least 1')
    const part = value.part('segment', count * (fourOctets ? 4 : 2))
    segments.push({ kind, as: Array.from({ length: count }, () => readAs(part, fourOctets)) })
  }
  return segments
}

function writePath(writer: Writer, path: AsPath, fourOctets: boolean): void {
  for (const { kind, as } of path) {
    writer.u8(1 + SEGMENTS.indexOf(kind))
    writer.u8(as.length)
    for (const number of as) writeAs(writer, number, fourOctets)
  }
}

const readAs = (value: Reader, fourOctets: boolean): number => (fourOctets ? value.u32('AS') : value.u16('AS'))

function writeAs(writer: Writer, as: number, fourOctets: boolean): void {
  if (fourOctets) writer.u32(as)
  else writer.u16(inTwoOctets(as))
}

const readAggregator = (value: Reader, fourOctets: boolean): Aggregator => ({
  as: readAs(value, fourOctets),
  ip: value.ip('IPv4 address', 4),
})

function writeAggregator(writer: Writer, { as, ip }: Aggregator, fourOctets: boolean): void {
  writeAs(writer, as, fourOctets)
  writer.bytes(ipv4Bytes(ip))
}

export const AS_PATH: AttributeCodec<AsPath> = {
  code: 2,
  name: 'AS_PATH',
  flags: WELL_KNOWN,
  malformed: 'treat-as-withdraw',
  read: (value, { fourOctetAs }) => readPath(value, fourOctetAs),
  write(writer, path, { fourOctetAs }) {
    writePath(writer, path, fourOctetAs)
  },
}

export const AGGREGATOR: AttributeCodec<Aggregator> = {
  code: 7,
  name: 'AGGREGATOR',
  flags: OPTIONAL_TRANSITIVE,
  malformed: 'attribute-discard',
  read: (value, { fourOctetAs }) => readAggregator(value, fourOctetAs),
  write(writer, aggregator, { fourOctetAs }) {
    writeAggregator(writer, aggregator, fourOctetAs)
  },
}

/** RFC 6793 6: a wrong AS4_PATH or AS4_AGGREGATOR is discarded, and so is one that a four-octet neighbour sends (4.1). */
const AS4 = {
  flags: OPTIONAL_TRANSITIVE,
  malformed: 'attribute-discard',
  isIgnored: ({ fourOctetAs }: SessionFormat): boolean => fourOctetAs,
} as const

export const AS4_PATH: AttributeCodec<AsPath> = {
  ...AS4,
  code: 17,
  name: 'AS4_PATH',
  read: (value) => readPath(value, true).filter(isPublic),
  write(writer, path) {
    writePath(writer, path, true)
  },
}

export const AS4_AGGREGATOR: AttributeCodec<Aggregator> = {
  ...AS4,
  code: 18,
  name: 'AS4_AGGREGATOR',
  read: (value) => readAggregator(value, true),
  write(writer, aggregator) {
    writeAggregator(writer, aggregator, true)
  },
}

/** Whether a segment may be in AS4_PATH (RFC 6793 6). */
const isPublic = ({ kind }: AsPathSegment): boolean => kind === 'set' || kind === 'sequence'

type Paths = { asPath?: AsPath; aggregator?: Aggregator; as4Path?: AsPath; as4Aggregator?: Aggregator }

/** What the four attributes of a two-octet neighbour say together (RFC 6793 4.2.3). */
export function mergeAs4<P extends Paths>({
  as4Path,
  as4Aggregator,
  ...others
}: P): Omit<P, 'as4Path' | 'as4Aggregator'> {
  const { asPath, aggregator } = others
  // a speaker of two octets has aggregated since
  if (as4Aggregator !== undefined && aggregator !== undefined && aggregator.as !== AS_TRANS) return others
  return {
    ...others,
    ...(asPath === undefined || as4Path === undefined ? {} : { asPath: mergePaths(asPath, as4Path) }),
    ...(aggregator === undefined || as4Aggregator === undefined ? {} : { aggregator: as4Aggregator }),
  }
}

/** A set counts as one AS, a confederation as none (RFC 4271 9.1.2.2, RFC 5065 5.3). */
const pathLength = (path: AsPath): number =>
  path.reduce((sum, { kind, as }) => sum + (kind === 'sequence' ? as.length : kind === 'set' ? 1 : 0), 0)

/** Puts the front of AS_PATH, as far as it is longer, before AS4_PATH. */
function mergePaths(asPath: AsPath, as4Path: AsPath): AsPath {
  let missing = pathLength(asPath) - pathLength(as4Path)
  if (missing < 0) return asPath
  const front: AsPathSegment[] = []
  for (const segment of asPath) {
    const { kind, as } = segment
    if (missing === 0 && isPublic(segment)) break
    const taken = kind === 'sequence' ? as.slice(0, missing) : as
    front.push({ kind, as: taken })
    missing -= pathLength([{ kind, as: taken }])
  }
  const [last, first] = [front.at(-1), as4Path[0]]
  // one sequence goes on in the other
  if (last?.kind !== 'sequence' || first?.kind !== 'sequence' || last.as.length + first.as.length > MAX_SEGMENT)
    return [...front, ...as4Path]
  return [...front.slice(0, -1), { kind: 'sequence', as: [...last.as, ...first.as] }, ...as4Path.slice(1)]
}

/** AS in a segment. */
const MAX_SEGMENT = 255

/** The attributes that say to a two-octet neighbour what its AS_PATH and AGGREGATOR cannot (RFC 6793 4.2.2). */
export function splitAs4({ asPath = [], aggregator }: Paths): Pick<Paths, 'as4Path' | 'as4Aggregator'> {
  const needed = asPath.some((segment) => isPublic(segment) && segment.as.some(needsFourOctets))
  return {
    ...(needed ? { as4Path: asPath.filter(isPublic) } : {}),
    ...(aggregator !== undefined && needsFourOctets(aggregator.as) ? { as4Aggregator: aggregator } : {}),
  }
}
