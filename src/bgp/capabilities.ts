// Capabilities of OPEN (RFC 5492): | code u8 | length u8 | value |. Those that decide nothing here stay bytes.
import { type Reader, Writer } from '../base/cursor.js'
import { type Family, readFamily, writeFamily } from './family.js'

export type GracefulRestartFamily = Family & { readonly forwardingPreserved: boolean }
export type AddPathFamily = Family & { readonly mode: 'receive' | 'send' | 'both' }

export type Capability =
  | ({ readonly kind: 'multiprotocol' } & Family)
  | { readonly kind: 'route-refresh' }
  | { readonly kind: 'extended-message' }
  | {
      readonly kind: 'graceful-restart'
      readonly restarting: boolean
      /** A NOTIFICATION ends the session like the loss of the connection does (RFC 8538). */
      readonly notification: boolean
      /** Seconds, at most 4095. */
      readonly restartTime: number
      readonly families: readonly GracefulRestartFamily[]
    }
  | { readonly kind: 'four-octet-as'; readonly as: number }
  | { readonly kind: 'add-path'; readonly families: readonly AddPathFamily[] }
  | { readonly kind: 'enhanced-route-refresh' }
  /** UTF-8 as received; it may hold characters that a terminal obeys. */
  | { readonly kind: 'fqdn'; readonly hostname: string; readonly domain: string }
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Buffer }

export type CapabilityOf<K extends Capability['kind']> = Extract<Capability, { kind: K }>

/** One capability's value: `read` gets exactly its bytes. */
type Codec<K extends Capability['kind']> = {
  readonly code: number
  read(reader: Reader): CapabilityOf<K>
  write(writer: Writer, capability: CapabilityOf<K>): void
}

const flag = <K extends 'route-refresh' | 'extended-message' | 'enhanced-route-refresh'>(
  code: number,
  value: CapabilityOf<K>,
): Codec<K> => ({ code, read: () => value, write: () => undefined })

const RESTARTING = 0x8000
const NOTIFICATION = 0x4000
const RESTART_TIME = 0x0fff
const FORWARDING_PRESERVED = 0x80

/** Send/Receive of RFC 7911 4. */
const ADD_PATH_MODES = ['receive', 'send', 'both'] as const

const CODECS: { readonly [K in Exclude<Capability['kind'], 'unknown'>]: Codec<K> } = {
  // RFC 4760 8: | AFI u16 | reserved u8 | SAFI u8 |
  multiprotocol: {
    code: 1,
    read(reader) {
      const afi = reader.u16('AFI')
      reader.u8('reserved')
      return { kind: 'multiprotocol', afi, safi: reader.u8('SAFI') }
    },
    write(writer, { afi, safi }) {
      writer.u16(afi)
      writer.u8(0)
      writer.u8(safi)
    },
  },
  // RFC 2918 2
  'route-refresh': flag(2, { kind: 'route-refresh' }),
  // RFC 8654 3
  'extended-message': flag(6, { kind: 'extended-message' }),
  // RFC 4724 3, RFC 8538 2: | flags 4 bits | restart time 12 bits | (AFI u16 | SAFI u8 | flags u8)… |
  'graceful-restart': {
    code: 64,
    read(reader) {
      const word = reader.u16('restart flags and time')
      const families: GracefulRestartFamily[] = []
      while (reader.remaining > 0) {
        const family = readFamily(reader)
        families.push({ ...family, forwardingPreserved: (reader.u8('flags') & FORWARDING_PRESERVED) !== 0 })
      }
      return {
        kind: 'graceful-restart',
        restarting: (word & RESTARTING) !== 0,
        notification: (word & NOTIFICATION) !== 0,
        restartTime: word & RESTART_TIME,
        families,
      }
    },
    write(writer, { restarting, notification, restartTime, families }) {
      if (restartTime > RESTART_TIME) throw new RangeError(`restart time ${restartTime} is above ${RESTART_TIME} s`)
      writer.u16((restarting ? RESTARTING : 0) | (notification ? NOTIFICATION : 0) | restartTime)
      for (const family of families) {
        writeFamily(writer, family)
        writer.u8(family.forwardingPreserved ? FORWARDING_PRESERVED : 0)
      }
    },
  },
  // RFC 6793 3
  'four-octet-as': {
    code: 65,
    read: (reader) => ({ kind: 'four-octet-as', as: reader.u32('AS') }),
    write(writer, { as }) {
      writer.u32(as)
    },
  },
  // RFC 7911 4: (AFI u16 | SAFI u8 | send/receive u8)…
  'add-path': {
    code: 69,
    read(reader) {
      const families: AddPathFamily[] = []
      let understood = true
      while (reader.remaining > 0) {
        const family = readFamily(reader)
        const mode = ADD_PATH_MODES[reader.u8('send/receive') - 1]
        if (mode === undefined) understood = false
        else families.push({ ...family, mode })
      }
      // RFC 7911 4: with one value that does not exist, the capability counts for nothing
      return { kind: 'add-path', families: understood ? families : [] }
    },
    write(writer, { families }) {
      for (const family of families) {
        writeFamily(writer, family)
        writer.u8(1 + ADD_PATH_MODES.indexOf(family.mode))
      }
    },
  },
  // RFC 7313 3.1
  'enhanced-route-refresh': flag(70, { kind: 'enhanced-route-refresh' }),
  // draft-walton-bgp-hostname-capability: | length u8 | hostname | length u8 | domain |
  fqdn: {
    code: 73,
    read(reader) {
      const hostname = reader.bytes('hostname', reader.u8('hostname length')).toString()
      return { kind: 'fqdn', hostname, domain: reader.bytes('domain', reader.u8('domain length')).toString() }
    },
    write(writer, { hostname, domain }) {
      for (const name of [hostname, domain]) {
        const bytes = Buffer.from(name)
        writer.u8(bytes.length)
        writer.bytes(bytes)
      }
    },
  },
}

const BY_CODE = new Map(Object.values(CODECS).map((codec) => [codec.code, codec]))

/** Reads capabilities to the reader's end, in their order; throws DecodeError. */
export function readCapabilities(reader: Reader): Capability[] {
  const capabilities: Capability[] = []
  while (reader.remaining > 0) capabilities.push(readCapability(reader))
  return capabilities
}

function readCapability(reader: Reader): Capability {
  const code = reader.u8('capability code')
  const value = reader.part(`capability ${code}`, reader.u8('capability length'))
  const codec = BY_CODE.get(code)
  if (codec === undefined) return { kind: 'unknown', code, value: value.bytes('value', value.remaining) }
  const capability = codec.read(value)
  value.end()
  return capability
}

/** Throws RangeError when the value has more than 255 bytes. */
export function writeCapability(writer: Writer, capability: Capability): void {
  const value = new Writer()
  writer.u8(writeValue(value, capability))
  const bytes = value.finish()
  writer.u8(bytes.length)
  writer.bytes(bytes)
}

/** Returns the capability's code. */
function writeValue(writer: Writer, capability: Capability): number {
  if (capability.kind === 'unknown') {
    writer.bytes(capability.value)
    return capability.code
  }
  // the table pairs each kind with its codec
  const codec = CODECS[capability.kind] as Codec<typeof capability.kind>
  codec.write(writer, capability)
  return codec.code
}

/** The first capability of a kind. */
export const findCapability = <K extends Capability['kind']>(
  capabilities: readonly Capability[],
  kind: K,
): CapabilityOf<K> | undefined =>
  capabilities.find((capability): capability is CapabilityOf<K> => capability.kind === kind)
