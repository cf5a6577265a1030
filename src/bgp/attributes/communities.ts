// COMMUNITIES (RFC 1997), LARGE_COMMUNITIES (RFC 8092) and EXTENDED COMMUNITIES (RFC 4360): lists of numbers.
import { type AttributeCodec, OPTIONAL_TRANSITIVE, readList } from './codec.js'
import {
  EXTENDED_COMMUNITY_SIZE,
  type ExtendedCommunity,
  readExtendedCommunity,
  writeExtendedCommunity,
} from './extended-communities.js'

/** `65000:4789`: two numbers of 16 bits. */
export type Community = `${number}:${number}`
/** `65000:1:2`: three numbers of 32 bits. */
export type LargeCommunity = `${number}:${number}:${number}`

/** RFC 7606 7.8, 7.14; RFC 8092 6 */
const LIST = { flags: OPTIONAL_TRANSITIVE, malformed: 'treat-as-withdraw' } as const

export const COMMUNITIES: AttributeCodec<readonly Community[]> = {
  ...LIST,
  code: 8,
  name: 'COMMUNITIES',
  read: (value) => readList(value, 4, (next): Community => `${next.u16('community')}:${next.u16('community')}`),
  write(writer, communities) {
    for (const community of communities) for (const part of numbers(community, 2)) writer.u16(part)
  },
}

export const LARGE_COMMUNITIES: AttributeCodec<readonly LargeCommunity[]> = {
  ...LIST,
  code: 32,
  name: 'LARGE_COMMUNITIES',
  read(value) {
    const part = (): number => value.u32('large community')
    return readList(value, 12, (): LargeCommunity => `${part()}:${part()}:${part()}`)
  },
  write(writer, communities) {
    for (const community of communities) for (const part of numbers(community, 3)) writer.u32(part)
  },
}

export const EXTENDED_COMMUNITIES: AttributeCodec<readonly ExtendedCommunity[]> = {
  ...LIST,
  code: 16,
  name: 'EXTENDED COMMUNITIES',
  read: (value) => readList(value, EXTENDED_COMMUNITY_SIZE, readExtendedCommunity),
  write(writer, communities) {
    for (const community of communities) writeExtendedCommunity(writer, community)
  },
}

function numbers(text: string, count: number): number[] {
  const parts = text.split(':').map(Number)
  if (parts.length !== count) throw new RangeError(`${text} is no community of ${count} numbers`)
  return parts
}
