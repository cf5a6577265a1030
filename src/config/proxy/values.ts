// The types of values that only the section `proxy:` has: BGP's.
import { formatIp, isHostIp, isLoopback, parseIp } from '../../base/address.js'
import { DURATION_EXPECTED, parseDuration } from '../../base/duration.js'
import { isMapped } from '../../base/prefix.js'
import type { Administrator } from '../../bgp/administrator.js'
import { needsFourOctets } from '../../bgp/as.js'
import type { Community } from '../../bgp/attributes/communities.js'
import { parsed, wholeNumber } from '../values.js'

const MAX_U16 = 0xffff
const MAX_U32 = 0xffffffff
const u16 = wholeNumber(0, MAX_U16)
const u32 = wholeNumber(0, MAX_U32)

/** In one number, or in two of 16 bits (asdot, RFC 5396). AS 0 is nobody's (RFC 7607). */
function parseAs(text: string): number | undefined {
  const parts = text.split('.').map(text.includes('.') ? u16 : u32)
  const [high = 0, low] = parts.length === 1 ? [0, ...parts] : parts
  if (parts.length > 2 || parts.includes(undefined) || low === undefined) return undefined
  const as = high * (MAX_U16 + 1) + low
  return as === 0 ? undefined : as
}
export const as = parsed(parseAs, `an AS number from 1 to ${MAX_U32} ('65000', or '1.10' as in RFC 5396)`)

export const routerId = parsed((text) => {
  const bytes = parseIp(text)
  return bytes?.length === 4 && bytes.some((byte) => byte !== 0) ? formatIp(bytes) : undefined
}, "an IPv4 address that no other speaker has for its router id ('192.0.2.3')")

/** Another router, or one on this machine. */
export const neighborIp = parsed((text) => {
  const bytes = parseIp(text)
  if (bytes === undefined || isMapped(bytes)) return undefined
  const ip = formatIp(bytes)
  return isHostIp(ip) || isLoopback(ip) ? ip : undefined
}, "the IP address of a neighbour ('192.0.2.1', '2001:db8::1')")

/** The two forms of RFC 4360 3.1 and 3.2, and the one of RFC 5668 for an AS number of four octets. */
function parseRouteTarget(text: string): Administrator | undefined {
  const [, front = '', digits = ''] = /^([\d.]+):(\d+)$/.exec(text) ?? []
  const bytes = parseIp(front)
  const as = parseAs(front)
  const isShort = bytes === undefined && as !== undefined && !needsFourOctets(as)
  const number = isShort ? u32(digits) : u16(digits)
  if (number === undefined) return undefined
  if (bytes !== undefined) return { type: 'ipv4', ip: formatIp(bytes), number }
  return as === undefined ? undefined : { type: isShort ? 'as2' : 'as4', as, number }
}
export const routeTarget = parsed(
  parseRouteTarget,
  "a route target: AS:number or IPv4:number, the number in 16 bits, behind an AS up to 65535 in 32 ('65000:100')",
)

/** RFC 1997 leaves what begins with 65535 to meanings of its own, as NO_EXPORT. */
const parseCommunity = (text: string): Community | undefined => {
  const [, high = '', low = ''] = /^(\d+):(\d+)$/.exec(text) ?? []
  const numbers = [u16(high), u16(low)] as const
  return numbers[0] === undefined || numbers[1] === undefined || numbers[0] === MAX_U16
    ? undefined
    : `${numbers[0]}:${numbers[1]}`
}
export const community = parsed(
  parseCommunity,
  "a community of two numbers, from 0:0 to 65534:65535 ('65000:4789', RFC 1997)",
)

/** A duration that has a field in whole seconds; the result is in seconds. */
const seconds = (isAllowed: (seconds: number) => boolean, expected: string) =>
  parsed(
    (text) => {
      const ms = parseDuration(text)
      return ms !== undefined && ms % 1000 === 0 && isAllowed(ms / 1000) ? ms / 1000 : undefined
    },
    (text) => (parseDuration(text) === undefined ? DURATION_EXPECTED : `whole seconds: ${expected}`),
  )

/** RFC 4271 4.2. */
export const holdTime = seconds((it) => it === 0 || (it >= 3 && it <= MAX_U16), '0, or from 3 s to 65535 s')

/** The field of 12 bits (RFC 4724 3). */
const MAX_RESTART_TIME = 0xfff
export const restartTime = seconds((it) => it <= MAX_RESTART_TIME, `at most ${MAX_RESTART_TIME} s`)
