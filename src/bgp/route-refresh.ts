// ROUTE-REFRESH (RFC 2918 3, RFC 7313 3.2): | AFI u16 | subtype u8 | SAFI u8 |.
import { type Family } from './family.js'
import { HEADER_SIZE, MessageType, frame } from './header.js'
import { notification } from './notification.js'
import { type SessionReset, sessionReset } from './result.js'

/** In the order of their numbers, from 0: a request for all routes, and marks around the answer. */
const SUBTYPES = ['request', 'begin', 'end'] as const

export type RouteRefresh = Family & { readonly subtype: (typeof SUBTYPES)[number] }

const SIZE = HEADER_SIZE + 4

/** The whole message. */
export function encodeRouteRefresh({ afi, safi, subtype }: RouteRefresh): Buffer {
  const body = Buffer.from([0, 0, SUBTYPES.indexOf(subtype), safi])
  body.writeUInt16BE(afi)
  return frame(MessageType.ROUTE_REFRESH, body)
}

/**
 * `ignored` for a subtype that RFC 7313 5 says to ignore.
 * @param message a whole message, whose header has been checked
 */
export function decodeRouteRefresh(
  message: Buffer,
): { readonly kind: 'ok'; readonly refresh: RouteRefresh } | { readonly kind: 'ignored' } | SessionReset {
  if (message.length !== SIZE) {
    return sessionReset(
      notification('ROUTE-REFRESH Message Error', 'Invalid Message Length', Buffer.from(message)),
      `a ROUTE-REFRESH has length ${message.length}, expected ${SIZE}`,
    )
  }
  const afi = message.readUInt16BE(HEADER_SIZE)
  const subtype = SUBTYPES[message.readUInt8(HEADER_SIZE + 2)]
  if (subtype === undefined) return { kind: 'ignored' }
  return { kind: 'ok', refresh: { afi, safi: message.readUInt8(HEADER_SIZE + 3), subtype } }
}
