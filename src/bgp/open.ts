// OPEN (RFC 4271 4.2), its optional parameters in both encodings (RFC 9072).
import { formatIpv4 } from '../base/address.js'
import { Reader, Writer } from '../base/cursor.js'
import { ipv4Bytes } from './address.js'
import { inTwoOctets } from './as.js'
import { type Capability, findCapability, readCapabilities, writeCapability } from './capabilities.js'
import { HEADER_SIZE, MessageType, frame } from './header.js'
import { type SubcodeName, notification } from './notification.js'
import { ResetError, type SessionReset, orReset } from './result.js'

export type Open = {
  /** From the 4-octet AS capability where there is one. 1 to 4294967295. */
  readonly as: number
  /** Seconds: 0 (no KEEPALIVEs), or 3 to 65535. */
  readonly holdTime: number
  /** The BGP identifier, as a dotted quad. */
  readonly routerId: string
  readonly capabilities: readonly Capability[]
}

const VERSION = 4
/** The type of the parameter that holds capabilities (RFC 5492 4). */
const CAPABILITIES = 2
/** As parameters' length and as first parameter's type: lengths have two bytes (RFC 9072 2). */
const EXTENDED = 255

/**
 * The whole message: one parameter for all capabilities.
 *
 *   | version u8 | AS u16 | hold time u16 | BGP identifier 4 | parameters' length u8 | parameters |
 */
export function encodeOpen({ as, holdTime, routerId, capabilities }: Open): Buffer {
  const parameter = new Writer()
  for (const capability of capabilities) writeCapability(parameter, capability)
  const value = parameter.finish()
  const writer = new Writer()
  writer.u8(VERSION)
  writer.u16(inTwoOctets(as))
  writer.u16(holdTime)
  writer.bytes(ipv4Bytes(routerId))
  const size = value.length === 0 ? 0 : 2 + value.length
  if (size < EXTENDED) writer.u8(size)
  else {
    writer.u8(EXTENDED)
    writer.u8(EXTENDED)
    writer.u16(3 + value.length)
  }
  if (size > 0) {
    writer.u8(CAPABILITIES)
    if (size < EXTENDED) writer.u8(value.length)
    else writer.u16(value.length)
    writer.bytes(value)
  }
  return frame(MessageType.OPEN, writer.finish())
}

/** @param message a whole message, whose header has been checked */
export const decodeOpen = (message: Buffer): { readonly kind: 'ok'; readonly open: Open } | SessionReset =>
  orReset(() => ({ kind: 'ok', open: readOpen(new Reader(message, HEADER_SIZE)) }), refused('Unspecific'))

/** Checks by RFC 4271 6.2, RFC 6286 2.2 and RFC 7607 2. */
function readOpen(reader: Reader): Open {
  const version = reader.u8('version')
  if (version !== VERSION) throw refusal('Unsupported Version Number', `version ${version}, expected 4`, [0, VERSION])
  const shortAs = reader.u16('AS')
  const holdTime = reader.u16('hold time')
  if (holdTime === 1 || holdTime === 2) {
    throw refusal('Unacceptable Hold Time', `hold time ${holdTime}, expected 0 or at least 3`)
  }
  const identifier = reader.bytes('BGP identifier', 4)
  if (identifier.readUInt32BE() === 0) throw refusal('Bad BGP Identifier', 'BGP identifier 0.0.0.0')
  const capabilities = readParameters(reader)
  const as = findCapability(capabilities, 'four-octet-as')?.as ?? shortAs
  if (shortAs === 0 || as === 0) throw refusal('Bad Peer AS', 'AS 0')
  return { as, holdTime, routerId: formatIpv4(identifier), capabilities }
}

/** Parameters are | type u8 | length u8 | value |, with a length of two bytes if extended. */
function readParameters(reader: Reader): Capability[] {
  const { extended, parameters } = readParametersLength(reader)
  reader.end()
  const capabilities: Capability[] = []
  while (parameters.remaining > 0) {
    const type = parameters.u8('parameter type')
    const length = extended ? parameters.u16('parameter length') : parameters.u8('parameter length')
    const value = parameters.part(`parameter ${type}`, length)
    if (type !== CAPABILITIES) throw refusal('Unsupported Optional Parameter', `optional parameter of type ${type}`)
    capabilities.push(...readCapabilities(value))
  }
  return capabilities
}

function readParametersLength(reader: Reader): { extended: boolean; parameters: Reader } {
  const length = reader.u8("parameters' length")
  // RFC 9072 2: the type decides; the length before it should be 255, and any but 0 must be taken
  if (length === 0 || reader.peek((next) => next.u8('parameter type')) !== EXTENDED) {
    return { extended: false, parameters: reader.part('parameters', length) }
  }
  reader.u8('parameter type')
  return { extended: true, parameters: reader.part('parameters', reader.u16("parameters' extended length")) }
}

const refused = (subcode: SubcodeName<'OPEN Message Error'>, data: readonly number[] = []) =>
  notification('OPEN Message Error', subcode, Buffer.from(data))

const refusal = (subcode: SubcodeName<'OPEN Message Error'>, reason: string, data?: readonly number[]): ResetError =>
  new ResetError(refused(subcode, data), `OPEN: ${reason}`)
