// Extended communities (RFC 4360, RFC 7153): eight bytes each, of which one or two say what the others are.
import { type Reader, Writer } from '../../base/cursor.js'
import {
  type Administrator,
  administratorNumber,
  administratorType,
  readAdministrator,
  writeAdministrator,
} from '../administrator.js'
import { macBytes } from '../address.js'

/** Tunnel type of VXLAN in the encapsulation community (IANA, RFC 8365 11). */
export const TUNNEL_VXLAN = 8

export type ExtendedCommunity =
  /** RFC 4360 4, RFC 5668 */
  | { readonly kind: 'route-target'; readonly target: Administrator }
  /** RFC 9012 4.1; 16 bits */
  | { readonly kind: 'encapsulation'; readonly tunnelType: number }
  /** RFC 7432 7.7; 32 bits */
  | { readonly kind: 'mac-mobility'; readonly sticky: boolean; readonly sequence: number }
  /** RFC 7432 7.8 */
  | { readonly kind: 'default-gateway' }
  /** RFC 9135 6.1 */
  | { readonly kind: 'router-mac'; readonly mac: string }
  /** ARP/ND (RFC 9047 2): flags R, O, and I */
  | { readonly kind: 'arp-nd'; readonly router: boolean; readonly override: boolean; readonly immutable: boolean }
  /** RFC 7432 7.5; 24 bits, of which with VXLAN none matters */
  | { readonly kind: 'esi-label'; readonly singleActive: boolean; readonly label: number }
  /** RFC 7432 7.6: six bytes of the ESI, written as a MAC */
  | { readonly kind: 'es-import'; readonly mac: string }
  /** All eight bytes. */
  | { readonly kind: 'unknown'; readonly bytes: Buffer }

export const EXTENDED_COMMUNITY_SIZE = 8

type CommunityOf<K extends ExtendedCommunity['kind']> = Extract<ExtendedCommunity, { kind: K }>

/** `type`: the high and the low byte. The value is six bytes; what is not read is reserved. */
type Codec<K extends ExtendedCommunity['kind']> = {
  readonly type: number
  readonly read: (value: Reader) => CommunityOf<K>
  write(writer: Writer, community: CommunityOf<K>): void
}

const STICKY = 0x01
const SINGLE_ACTIVE = 0x01
const [ROUTER, OVERRIDE, IMMUTABLE] = [0x01, 0x02, 0x08]

const CODECS: { readonly [K in Exclude<ExtendedCommunity['kind'], 'route-target' | 'unknown'>]: Codec<K> } = {
  // | reserved 4 | tunnel type u16 |
  encapsulation: {
    type: 0x030c,
    read(value) {
      value.u32('reserved')
      return { kind: 'encapsulation', tunnelType: value.u16('tunnel type') }
    },
    write(writer, { tunnelType }) {
      writer.u32(0)
      writer.u16(tunnelType)
    },
  },
  'default-gateway': {
    type: 0x030d,
    read: () => ({ kind: 'default-gateway' }),
    write: () => undefined,
  },
  // | flags u8 | reserved u8 | sequence number u32 |
  'mac-mobility': {
    type: 0x0600,
    read(value) {
      const sticky = (value.u8('flags') & STICKY) !== 0
      value.u8('reserved')
      return { kind: 'mac-mobility', sticky, sequence: value.u32('sequence number') }
    },
    write(writer, { sticky, sequence }) {
      writer.u8(sticky ? STICKY : 0)
      writer.u8(0)
      writer.u32(sequence)
    },
  },
  // | flags u8 | reserved 2 | label 3 |
  'esi-label': {
    type: 0x0601,
    read(value) {
      const singleActive = (value.u8('flags') & SINGLE_ACTIVE) !== 0
      value.u16('reserved')
      return { kind: 'esi-label', singleActive, label: value.u24('label') }
    },
    write(writer, { singleActive, label }) {
      writer.u8(singleActive ? SINGLE_ACTIVE : 0)
      writer.u16(0)
      writer.u24(label)
    },
  },
  'es-import': {
    type: 0x0602,
    read: (value) => ({ kind: 'es-import', mac: value.mac('ES-import') }),
    write(writer, { mac }) {
      writer.bytes(macBytes(mac))
    },
  },
  'router-mac': {
    type: 0x0603,
    read: (value) => ({ kind: 'router-mac', mac: value.mac("router's MAC") }),
    write(writer, { mac }) {
      writer.bytes(macBytes(mac))
    },
  },
  // | flags u8 | reserved 5 |
  'arp-nd': {
    type: 0x0608,
    read(value) {
      const flags = value.u8('flags')
      return {
        kind: 'arp-nd',
        router: (flags & ROUTER) !== 0,
        override: (flags & OVERRIDE) !== 0,
        immutable: (flags & IMMUTABLE) !== 0,
      }
    },
    write(writer, { router, override, immutable }) {
      writer.u8((router ? ROUTER : 0) | (override ? OVERRIDE : 0) | (immutable ? IMMUTABLE : 0))
    },
  },
}

const BY_TYPE = new Map(Object.values(CODECS).map((codec) => [codec.type, codec]))
/** The low byte; the high byte is the administrator's type. */
const ROUTE_TARGET = 0x02

/** Reads one community; EXTENDED_COMMUNITY_SIZE bytes must be there. */
export function readExtendedCommunity(reader: Reader): ExtendedCommunity {
  const whole = reader.part('extended community', EXTENDED_COMMUNITY_SIZE)
  const type = whole.peek((next) => next.u16('type'))
  const read = BY_TYPE.get(type)?.read ?? targetReader(type)
  if (read === undefined) return { kind: 'unknown', bytes: whole.bytes('community', EXTENDED_COMMUNITY_SIZE) }
  whole.u16('type')
  return read(whole)
}

function targetReader(type: number): ((value: Reader) => ExtendedCommunity) | undefined {
  const administrator = (type & 0xff) === ROUTE_TARGET ? administratorType(type >> 8) : undefined
  if (administrator === undefined) return undefined
  return (value) => ({ kind: 'route-target', target: readAdministrator(value, administrator) })
}

export function writeExtendedCommunity(writer: Writer, community: ExtendedCommunity): void {
  const value = new Writer()
  writeCommunity(value, community)
  // what is reserved at the end is 0
  writer.bytes(Buffer.concat([value.finish()], EXTENDED_COMMUNITY_SIZE))
}

function writeCommunity(writer: Writer, community: ExtendedCommunity): void {
  if (community.kind === 'unknown') {
    writer.bytes(community.bytes)
  } else if (community.kind === 'route-target') {
    writer.u8(administratorNumber(community.target.type))
    writer.u8(ROUTE_TARGET)
    writeAdministrator(writer, community.target)
  } else {
    // the table pairs each kind with its codec
    const codec = CODECS[community.kind] as Codec<typeof community.kind>
    writer.u16(codec.type)
    codec.write(writer, community)
  }
}
