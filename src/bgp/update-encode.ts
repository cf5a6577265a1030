// Makes UPDATEs of EVPN routes: as few as the longest message allows.
import { Writer } from '../base/cursor.js'
import { ipBytes } from './address.js'
import { OPTIONAL, type SessionFormat } from './attributes/codec.js'
import { encodeAttribute, encodeAttributes } from './attributes/encode.js'
import type { Attributes } from './attributes/table.js'
import { encodeEvpnRoute } from './evpn/nlri.js'
import type { OriginatedRoute } from './evpn/route.js'
import { EVPN, writeFamily } from './family.js'
import { HEADER_SIZE, MessageType, frame } from './header.js'
import { MP_REACH_NLRI, MP_UNREACH_NLRI } from './mp-nlri.js'

/** `maxMessage`: bytes of the longest message that the neighbour takes. */
export type UpdateFormat = SessionFormat & { readonly maxMessage: number }

/** Bytes of an UPDATE around its attributes: the header and the two lengths. */
const OVERHEAD = HEADER_SIZE + 4
/** Bytes of the longest attribute header. */
const ATTRIBUTE_HEADER = 4

/** UPDATEs that announce routes in their order; throws RangeError when one route does not fit. */
export function encodeAnnouncements(
  attributes: Attributes,
  nextHop: string,
  routes: readonly OriginatedRoute[],
  format: UpdateFormat,
): Buffer[] {
  const others = encodeAttributes(attributes, format)
  const front = new Writer()
  writeFamily(front, EVPN)
  const address = ipBytes(nextHop)
  front.u8(address.length)
  front.bytes(address)
  front.u8(0)
  return pack(MP_REACH_NLRI, front.finish(), routes, others, format.maxMessage)
}

/** UPDATEs that withdraw routes, of which the labels do not matter; throws RangeError when one does not fit. */
export const encodeWithdrawals = (routes: readonly OriginatedRoute[], maxMessage: number): Buffer[] =>
  pack(MP_UNREACH_NLRI, familyBytes(), routes, Buffer.alloc(0), maxMessage)

/** RFC 4724 2. */
export const encodeEvpnEndOfRib = (): Buffer => update(MP_UNREACH_NLRI, [familyBytes()], Buffer.alloc(0))

function familyBytes(): Buffer {
  const writer = new Writer()
  writeFamily(writer, EVPN)
  return writer.finish()
}

/** @param front what stands before the routes in their attribute */
function pack(
  code: number,
  front: Buffer,
  routes: readonly OriginatedRoute[],
  others: Buffer,
  maxMessage: number,
): Buffer[] {
  const capacity = maxMessage - OVERHEAD - ATTRIBUTE_HEADER - front.length - others.length
  const messages: Buffer[] = []
  let nlri: Buffer[] = []
  let size = 0
  for (const route of routes) {
    const bytes = encodeEvpnRoute(route)
    if (bytes.length > capacity) {
      throw new RangeError(`a route of ${bytes.length} bytes does not fit: ${capacity} of ${maxMessage} are left`)
    }
    if (size + bytes.length > capacity) {
      messages.push(update(code, [front, ...nlri], others))
      nlri = []
      size = 0
    }
    nlri.push(bytes)
    size += bytes.length
  }
  if (nlri.length > 0) messages.push(update(code, [front, ...nlri], others))
  return messages
}

/** The attribute with the routes is the first one (RFC 7606 5.1), and no IPv4 routes are beside it. */
function update(code: number, value: readonly Buffer[], others: Buffer): Buffer {
  const attributes = Buffer.concat([encodeAttribute(OPTIONAL, code, Buffer.concat(value)), others])
  const lengths = Buffer.alloc(4)
  lengths.writeUInt16BE(attributes.length, 2)
  return frame(MessageType.UPDATE, lengths, attributes)
}
