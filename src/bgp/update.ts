// Decodes UPDATE (RFC 4271 4.3) with the error handling of RFC 7606.
//
//   | withdrawn routes' length u16 | withdrawn routes | attributes' length u16 | attributes | NLRI |
import { Reader } from '../base/cursor.js'
import type { Prefix } from '../base/prefix.js'
import { mergeAs4 } from './attributes/as-path.js'
import type { SessionFormat } from './attributes/codec.js'
import { type AttributeProblem, type ReadAttributes, malformedList, readAttributes } from './attributes/decode.js'
import { ATTRIBUTES, type Attributes } from './attributes/table.js'
import { HEADER_SIZE } from './header.js'
import { readIpv4Prefixes } from './ipv4-nlri.js'
import type { MpReach, MpUnreach } from './mp-nlri.js'
import { notification } from './notification.js'
import { type SessionReset, orReset, sessionReset } from './result.js'

/** Routes that are gone; `ipv4`: those of the message's own field. */
export type Withdrawal = MpUnreach | { readonly family: 'ipv4'; readonly prefixes: readonly Prefix[] }

/** Routes that have the message's attributes; the next hop of `ipv4` is one of these. */
export type Announcement = MpReach | { readonly family: 'ipv4'; readonly prefixes: readonly Prefix[] }

/**
 * One list entry for each part of the message, empty MP_REACH_NLRI and MP_UNREACH_NLRI included. EVPN routes may be
 * `malformed`, which is to be treated as withdrawn.
 */
export type Update = {
  readonly withdrawn: readonly Withdrawal[]
  readonly announced: readonly Announcement[]
  readonly attributes: Attributes
}

export type UpdateResult =
  | { readonly kind: 'ok'; readonly update: Update }
  /** `update` is without what the problems are about, and goes on without it. */
  | { readonly kind: 'attribute-discard'; readonly update: Update; readonly problems: readonly AttributeProblem[] }
  /** All routes of the message, the announced ones as well, are gone. */
  | {
      readonly kind: 'treat-as-withdraw'
      readonly withdrawn: readonly Withdrawal[]
      readonly problems: readonly AttributeProblem[]
    }
  | SessionReset

/**
 * AFI/SAFI disable, which RFC 7606 allows instead of ending a session, is never used.
 * @param message a whole UPDATE, whose header has been checked
 */
export const decodeUpdate = (message: Buffer, session: SessionFormat): UpdateResult =>
  orReset(
    () => readUpdate(message, session),
    // RFC 7606 5.3: what the two IPv4 fields hold cannot be told apart
    notification('UPDATE Message Error', 'Invalid Network Field'),
  )

/** The three parts of an UPDATE. */
type Parts = { withdrawn: Reader; attributes: Reader; nlri: Reader }

function cut(message: Buffer): Parts {
  const reader = new Reader(message, HEADER_SIZE)
  const part = (name: string): Reader => {
    const length = reader.u16(`${name} length`)
    // RFC 4271 6.3
    if (length > reader.remaining) {
      throw malformedList(
        `${name} length at offset ${reader.offset - 2}: ${length}, ${reader.remaining} bytes are left`,
      )
    }
    return reader.part(name, length)
  }
  const withdrawn = part('withdrawn routes')
  if (reader.remaining < 2) throw malformedList(`attributes length at offset ${reader.offset} is cut off`)
  return { withdrawn, attributes: part('attributes'), nlri: reader.part('NLRI', reader.remaining) }
}

function readUpdate(message: Buffer, session: SessionFormat): UpdateResult {
  const parts = cut(message)
  const withdrawnPrefixes = readIpv4Prefixes(parts.withdrawn)
  const read = readAttributes(message, parts.attributes, session)
  const prefixes = readIpv4Prefixes(parts.nlri)
  const { reach, unreach } = read
  const withdrawn: Withdrawal[] = []
  if (withdrawnPrefixes.length > 0) withdrawn.push({ family: 'ipv4', prefixes: withdrawnPrefixes })
  if (unreach !== undefined) withdrawn.push(unreach)
  const announced: Announcement[] = []
  if (prefixes.length > 0) announced.push({ family: 'ipv4', prefixes })
  if (reach !== undefined) announced.push(reach)
  const problems = [...read.problems, ...missing(read, announced)]
  return judge({ withdrawn, announced, attributes: mergeAs4(read.attributes) }, problems)
}

/** Well-known mandatory attributes that are not there although routes are (RFC 7606 3 d). */
function missing({ present }: ReadAttributes, announced: readonly Announcement[]): AttributeProblem[] {
  if (!announced.some(hasRoutes)) return []
  const { origin, asPath, nextHop } = ATTRIBUTES
  const mandatory = announced.some(({ family }) => family === 'ipv4') ? [origin, asPath, nextHop] : [origin, asPath]
  return mandatory
    .filter(({ code }) => !present.has(code))
    .map(({ code, name }) => ({ action: 'treat-as-withdraw', code, reason: `${name} is missing` }))
}

function judge(update: Update, problems: readonly AttributeProblem[]): UpdateResult {
  if (problems.length === 0) return { kind: 'ok', update }
  const worst = problems.find(({ action }) => action === 'treat-as-withdraw')
  if (worst === undefined) return { kind: 'attribute-discard', update, problems }
  // RFC 7606 5.2: the routes that the attributes were for may be what was lost
  if (!update.announced.some(hasRoutes)) {
    const reason = `${worst.reason}; and there are no routes to treat as withdrawn`
    return sessionReset(malformedList(reason).notification, reason)
  }
  return {
    kind: 'treat-as-withdraw',
    withdrawn: [...update.withdrawn, ...update.announced.map(asWithdrawal)],
    problems,
  }
}

const hasRoutes = (announcement: Announcement): boolean => {
  switch (announcement.family) {
    case 'ipv4':
      return announcement.prefixes.length > 0
    case 'evpn':
      return announcement.routes.length > 0
    case 'other':
      return announcement.nlri.length > 0
  }
}

function asWithdrawal(announcement: Announcement): Withdrawal {
  switch (announcement.family) {
    case 'ipv4':
      return announcement
    case 'evpn':
      return { family: 'evpn', routes: announcement.routes }
    case 'other': {
      const { family, afi, safi, nlri } = announcement
      return { family, afi, safi, nlri }
    }
  }
}

/** Whether an UPDATE is the End-of-RIB of EVPN (RFC 4724 2): all routes of before have come. */
export function isEvpnEndOfRib({ withdrawn, announced, attributes }: Update): boolean {
  const [only, ...others] = withdrawn
  const nothingElse = others.length === 0 && announced.length === 0 && Object.keys(attributes).length === 1
  return nothingElse && attributes.unknown.length === 0 && only?.family === 'evpn' && only.routes.length === 0
}
