// Reads the path attributes of one UPDATE with the error handling of RFC 7606 3 and 4.
import { DecodeError, type Reader } from '../../base/cursor.js'
import { type MpReach, type MpUnreach, MP_REACH_NLRI, MP_UNREACH_NLRI, readMpReach, readMpUnreach } from '../mp-nlri.js'
import { notification } from '../notification.js'
import { ResetError } from '../result.js'
import { AttributeFlag, type SessionFormat } from './codec.js'
import { ATTRIBUTES, type AttributeKey, type UnknownAttribute, type WireAttributes } from './table.js'

/** An attribute that is not as it should be, and what follows from that. */
export type AttributeProblem = {
  readonly action: 'attribute-discard' | 'treat-as-withdraw'
  /** undefined where the message ends before it. */
  readonly code: number | undefined
  /** The attribute's name, the field, its offset from the start of the message, and what was expected. */
  readonly reason: string
}

export type ReadAttributes = {
  readonly attributes: WireAttributes
  readonly reach: MpReach | undefined
  readonly unreach: MpUnreach | undefined
  /** Codes of all attributes that were there. */
  readonly present: ReadonlySet<number>
  readonly problems: readonly AttributeProblem[]
}

const KEYS = new Map(Object.entries(ATTRIBUTES).map(([key, { code }]) => [code, key as AttributeKey]))
const NAMES = new Map<number, string>([
  ...Object.values(ATTRIBUTES).map(({ code, name }) => [code, name] as const),
  [MP_REACH_NLRI, 'MP_REACH_NLRI'],
  [MP_UNREACH_NLRI, 'MP_UNREACH_NLRI'],
])
const nameOf = (code: number | undefined): string =>
  code === undefined ? 'attribute' : (NAMES.get(code) ?? `attribute ${code}`)

/** `start` and `end`: offsets of the whole attribute in the message. */
type Attribute = { flags: number; code: number; value: Reader; start: number; end: number }

/**
 * Reads attributes to the reader's end.
 * @param message the whole UPDATE, in which `reader` reads
 * @throws ResetError
 */
export const readAttributes = (message: Buffer, reader: Reader, session: SessionFormat): ReadAttributes =>
  new AttributesReader(message, reader, session).read()

class AttributesReader {
  private readonly unknown: UnknownAttribute[] = []
  private readonly attributes: WireAttributes = { unknown: this.unknown }
  private readonly present = new Set<number>()
  private readonly problems: AttributeProblem[] = []
  private reach: MpReach | undefined
  private unreach: MpUnreach | undefined

  constructor(
    private readonly message: Buffer,
    private readonly reader: Reader,
    private readonly session: SessionFormat,
  ) {}

  read(): ReadAttributes {
    const { reader } = this
    while (reader.remaining > 0) {
      const attribute = this.readHeader()
      // RFC 7606 4: what follows cannot be told apart
      if (attribute === undefined) break
      this.readOne(attribute)
    }
    const { attributes, reach, unreach, present, problems } = this
    return { attributes, reach, unreach, present, problems }
  }

  private readHeader(): Attribute | undefined {
    const { reader } = this
    const start = reader.offset
    let code: number | undefined
    try {
      const flags = reader.u8('flags')
      code = reader.u8('code')
      const extended = (flags & AttributeFlag.EXTENDED_LENGTH) !== 0
      const value = reader.part('value', extended ? reader.u16('length') : reader.u8('length'))
      return { flags, code, value, start, end: reader.offset }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      if (code === MP_REACH_NLRI || code === MP_UNREACH_NLRI) throw this.brokenRoutes(code, start, undefined, error)
      this.problem('treat-as-withdraw', code, error.message)
      return undefined
    }
  }

  private readOne(attribute: Attribute): void {
    const { code } = attribute
    const isRoutes = code === MP_REACH_NLRI || code === MP_UNREACH_NLRI
    if (this.present.has(code)) {
      // RFC 7606 3 g
      if (isRoutes) throw malformedList(`${nameOf(code)} is there twice`)
      this.problem('attribute-discard', code, 'it is there twice; the first counts')
      return
    }
    this.present.add(code)
    const key = KEYS.get(code)
    if (isRoutes) this.readRoutes(attribute)
    else if (key === undefined) this.keepUnknown(attribute)
    else this.readKnown(key, attribute)
  }

  private readRoutes(attribute: Attribute): void {
    const { code, value, start, end } = attribute
    this.checkFlags(attribute, AttributeFlag.OPTIONAL)
    try {
      if (code === MP_REACH_NLRI) this.reach = readMpReach(value)
      else this.unreach = readMpUnreach(value)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw this.brokenRoutes(code, start, end, error)
    }
  }

  private readKnown(key: AttributeKey, attribute: Attribute): void {
    const { code, value } = attribute
    const codec: (typeof ATTRIBUTES)[AttributeKey] = ATTRIBUTES[key]
    if (codec.isIgnored?.(this.session) === true) {
      this.problem('attribute-discard', code, 'it means nothing from this neighbour')
      return
    }
    if (!this.checkFlags(attribute, codec.flags)) return
    try {
      const read = codec.read(value, this.session)
      value.end()
      Object.assign(this.attributes, { [key]: read })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.problem(codec.malformed, code, error.message)
    }
  }

  /** RFC 4271 6.3: an attribute that is not known must be optional. */
  private keepUnknown({ flags, code, value, start, end }: Attribute): void {
    if ((flags & AttributeFlag.OPTIONAL) === 0) {
      const data = Buffer.from(this.message.subarray(start, end))
      throw new ResetError(
        notification('UPDATE Message Error', 'Unrecognized Well-known Attribute', data),
        `attribute ${code} at offset ${start} is well-known by its flags, and is not known`,
      )
    }
    this.unknown.push({ flags, code, value: value.bytes('value', value.remaining) })
  }

  /** RFC 7606 3 c. */
  private checkFlags({ flags, code, start }: Attribute, expected: number): boolean {
    const given = flags & (AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE)
    if (given === expected) return true
    const text = `flags at offset ${start}: 0x${given.toString(16)}, expected 0x${expected.toString(16)}`
    this.problem('treat-as-withdraw', code, text)
    return false
  }

  private problem(action: AttributeProblem['action'], code: number | undefined, reason: string): void {
    this.problems.push({ action, code, reason: `${nameOf(code)}: ${reason}` })
  }

  /** Routes that cannot be told apart end the session (RFC 7606 5.3, 7.11); RFC 4760 7 has the error code. */
  private brokenRoutes(code: number, start: number, end: number | undefined, error: DecodeError): ResetError {
    const data = Buffer.from(this.message.subarray(start, end))
    return new ResetError(
      notification('UPDATE Message Error', 'Optional Attribute Error', data),
      `${nameOf(code)}: ${error.message}`,
    )
  }
}

export const malformedList = (reason: string): ResetError =>
  new ResetError(notification('UPDATE Message Error', 'Malformed Attribute List'), reason)
