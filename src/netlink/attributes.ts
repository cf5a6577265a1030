// Attributes (linux/rtnetlink.h struct rtattr): u16 rta_len (header included), u16 rta_type, payload, padding to 4.
import { formatIp, formatMac } from '../base/address.js'
import { NetlinkDecodeError } from './error.js'

const RTA_HDRLEN = 4
// NLA_F_NESTED and NLA_F_NET_BYTEORDER share the field with the type
const NLA_TYPE_MASK = 0x3fff

export type Attribute = { type: number; start: number; end: number }

/**
 * The attributes in `bytes` from `start` to `end`. The constructor checks the whole sequence; values are read, and
 * their sizes checked, on access. Every method throws NetlinkDecodeError for a value of the wrong size and returns
 * undefined for an absent one. If a type occurs several times, the last one counts, as in the kernel.
 */
export class Attributes {
  /** All attributes in order, including unknown types and repetitions. */
  readonly all: readonly Attribute[]

  constructor(
    private readonly bytes: Buffer,
    start: number,
    end: number,
  ) {
    this.all = walk(bytes, start, end)
  }

  /** Returns the payload unchanged, as a view of the datagram. */
  raw(type: number): Buffer | undefined {
    const found = this.find(type)
    return found && this.bytes.subarray(found.start, found.end)
  }

  u8(type: number): number | undefined {
    const at = this.sized(type, 1)
    return at && this.bytes.readUInt8(at)
  }

  u16(type: number): number | undefined {
    const at = this.sized(type, 2)
    return at && this.bytes.readUInt16LE(at)
  }

  u32(type: number): number | undefined {
    const at = this.sized(type, 4)
    return at && this.bytes.readUInt32LE(at)
  }

  /** Returns the text up to the first NUL. */
  string(type: number): string | undefined {
    const found = this.find(type)
    if (found === undefined) return undefined
    const nul = this.bytes.indexOf(0, found.start)
    return this.bytes.toString('utf8', found.start, nul === -1 ? found.end : Math.min(nul, found.end))
  }

  /** Returns a hardware address of 6 bytes; undefined if the link has none (lo: zero) or a longer one. */
  mac(type: number): string | undefined {
    const bytes = this.raw(type)
    return bytes?.length === 6 ? formatMac(bytes) : undefined
  }

  /** Returns an IPv4 (4 bytes) or IPv6 (16 bytes) address. */
  ip(type: number, size: 4 | 16): string | undefined {
    const at = this.sized(type, size)
    return at === undefined ? undefined : formatIp(this.bytes.subarray(at, at + size))
  }

  nested(type: number): Attributes | undefined {
    const found = this.find(type)
    return found && this.nestedIn(found)
  }

  /** Returns the attributes nested in one of `all`. */
  nestedIn(attribute: Attribute): Attributes {
    return new Attributes(this.bytes, attribute.start, attribute.end)
  }

  private find(type: number): Attribute | undefined {
    return this.all.findLast((attribute) => attribute.type === type)
  }

  /** Returns the offset of the payload, which is never 0, because a header precedes it. */
  private sized(type: number, size: number): number | undefined {
    const found = this.find(type)
    if (found === undefined) return undefined
    checkSize(found, size)
    return found.start
  }
}

/** An attribute that its decoder does not know, kept for display. `bytes` is a view of the datagram. */
export type UnknownAttribute = { type: number; bytes: Buffer }

export const unknownAttribute = (bytes: Buffer, { type, start, end }: Attribute): UnknownAttribute => ({
  type,
  bytes: bytes.subarray(start, end),
})

// These read the value of one attribute, for decoders that pass through `all` once; each throws NetlinkDecodeError.
export function u8Of(bytes: Buffer, attribute: Attribute): number {
  checkSize(attribute, 1)
  return bytes.readUInt8(attribute.start)
}

export function u16Of(bytes: Buffer, attribute: Attribute): number {
  checkSize(attribute, 2)
  return bytes.readUInt16LE(attribute.start)
}

export function u32Of(bytes: Buffer, attribute: Attribute): number {
  checkSize(attribute, 4)
  return bytes.readUInt32LE(attribute.start)
}

/** Returns an IPv4 or IPv6 address, according to its length. */
export function ipOf(bytes: Buffer, { type, start, end }: Attribute): string {
  const length = end - start
  if (length !== 4 && length !== 16)
    throw new NetlinkDecodeError(start, `attribute ${type} of ${length} bytes, expected an IP address of 4 or 16`)
  return formatIp(bytes.subarray(start, end))
}

export function checkSize({ type, start, end }: Attribute, size: number): void {
  if (end - start !== size)
    throw new NetlinkDecodeError(start, `attribute ${type} of ${end - start} bytes, expected ${size}`)
}

function walk(bytes: Buffer, start: number, end: number): Attribute[] {
  const found: Attribute[] = []
  let offset = start
  while (offset < end) {
    const left = end - offset
    if (left < RTA_HDRLEN)
      throw new NetlinkDecodeError(offset, `${left} bytes left, an attribute header has ${RTA_HDRLEN}`)
    const length = bytes.readUInt16LE(offset)
    if (length < RTA_HDRLEN || length > left)
      throw new NetlinkDecodeError(offset, `rta_len ${length}, expected ${RTA_HDRLEN} to ${left}`)
    found.push({
      type: bytes.readUInt16LE(offset + 2) & NLA_TYPE_MASK,
      start: offset + RTA_HDRLEN,
      end: offset + length,
    })
    offset += (length + 3) & ~3
  }
  return found
}
