// The types of values in the configuration file; each one describes what it expects.
import * as v from 'valibot'
import { formatIp, formatMac, isHostIp, isHostMac, parseIp, parseMac } from '../base/address.js'
import { DURATION_EXPECTED, parseDuration } from '../base/duration.js'
import { isEdge, isMapped, networkOf, parseAddressAndLength, type Prefix } from '../base/prefix.js'
import { MAX_VNI } from '../base/vni.js'

/** A text that `parse` converts; undefined means that the text is invalid. */
export function parsed<T>(parse: (text: string) => T | undefined, expected: string | ((text: string) => string)) {
  return v.pipe(
    v.string(typeof expected === 'string' ? expected : expected('')),
    v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
      const result = parse(value)
      if (result !== undefined) return result
      addIssue({ message: typeof expected === 'string' ? expected : expected(value) })
      return NEVER
    }),
  )
}

// Scalars are read as text, so that `release: 10.0` stays 10.0.
export const text = v.pipe(v.string('a text'), v.nonEmpty('a text'))

export const isAbsolutePath = (path: string): boolean => path.startsWith('/')
export const path = v.pipe(v.string('an absolute path'), v.check(isAbsolutePath, 'an absolute path'))

const PATH_OR_NONE_EXPECTED = 'an absolute path or none'
export const pathOrNone = v.pipe(
  v.string(PATH_OR_NONE_EXPECTED),
  v.check((path) => path === 'none' || isAbsolutePath(path), PATH_OR_NONE_EXPECTED),
)

export const oneOf = <const Values extends readonly string[]>(values: Values): v.PicklistSchema<Values, string> =>
  v.picklist(values, `one of ${values.join(', ')}`)

/** A duration; the result is in milliseconds. */
export const duration = parsed(parseDuration, DURATION_EXPECTED)
export const durationOf = (minMs: number) =>
  parsed(
    (value) => {
      const ms = parseDuration(value)
      return ms !== undefined && ms >= minMs ? ms : undefined
    },
    (value) => (parseDuration(value) === undefined ? DURATION_EXPECTED : `a duration of at least ${minMs / 1000} s`),
  )

/** Parses a whole number of decimal digits; undefined if it is none, or outside the range. */
export const wholeNumber = (min: number, max: number) => (value: string) =>
  /^(0|[1-9]\d{0,9})$/.test(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined
export const numberOf = (min: number, max: number) =>
  parsed(wholeNumber(min, max), `a whole number from ${min} to ${max}`)
export const count = numberOf(1, 1_000_000)

const VNI_EXPECTED = `a VNI from 1 to ${MAX_VNI}`
const parseVni = wholeNumber(1, MAX_VNI)
export const vni = parsed(parseVni, VNI_EXPECTED)

const flag = new Map([
  ['true', true],
  ['false', false],
])
export const trueOrFalse = parsed((value) => flag.get(value), 'true or false')

export const hostMac = parsed(parseHostMac, "the MAC address of a host ('02:00:00:00:00:05')")
const HOST_IP_EXPECTED = "the IP address of a host ('10.0.0.5', '2001:db8::5')"
export const hostIp = parsed(parseHostIp, HOST_IP_EXPECTED)

function parseHostMac(value: string): string | undefined {
  const bytes = parseMac(value)
  const mac = bytes && formatMac(bytes)
  return mac !== undefined && isHostMac(mac) ? mac : undefined
}

function parseHostIp(value: string): string | undefined {
  const bytes = parseIp(value)
  if (bytes === undefined || isMapped(bytes)) return undefined
  const ip = formatIp(bytes)
  return isHostIp(ip) ? ip : undefined
}

const PREFIX_EXPECTED = "a prefix ('10.0.0.0/16', '2001:db8::/32')"
export const prefix = parsed(parsePrefix, (value) => prefixExpected(value, PREFIX_EXPECTED))

function parsePrefix(value: string): Prefix | undefined {
  const found = parseAddressAndLength(value)
  return found !== undefined && networkOf(found).ip === found.ip ? found : undefined
}

function prefixExpected(value: string, otherwise: string): string {
  const found = parseAddressAndLength(value)
  if (found === undefined) return otherwise
  const { ip, length } = networkOf(found)
  return `a prefix without bits beyond its length: ${ip}/${length}`
}

/** Hosts that are never believed: a MAC address or a prefix, which may be a single IP address. */
export type Denied = { readonly mac: string } | Prefix
const DENIED_EXPECTED = "a MAC address, an IP address or a prefix ('02:00:00:00:00:01', '10.0.0.1', '192.0.2.0/24')"
export const denied = parsed<Denied>(parseDenied, (value) => prefixExpected(value, DENIED_EXPECTED))

function parseDenied(value: string): Denied | undefined {
  const mac = parseHostMac(value)
  if (mac !== undefined) return { mac }
  const ip = parseHostIp(value)
  return ip === undefined ? parsePrefix(value) : { ip, length: ip.includes(':') ? 128 : 32 }
}

/** A source address for ARP probes in a subnet; IPv6 does not need one, as it has link-local addresses. */
export type ProbeSource = { readonly ip: string; readonly prefixLength: number }
export const probeSource = parsed<ProbeSource>((value) => {
  const found = parseAddressAndLength(value)
  if (found === undefined || found.ip.includes(':') || !isHostIp(found.ip) || isEdge(found)) return undefined
  return found.length >= 1 && found.length <= 31 ? { ip: found.ip, prefixLength: found.length } : undefined
}, "an IPv4 address that the node could have in a subnet, with the subnet's length ('10.0.0.250/24')")

/** The IP address and port of an FPM server. */
export type Endpoint = { readonly ip: string; readonly port: number }
export const ENDPOINT_EXPECTED = "an IP address with a port ('127.0.0.1:2620', '[::1]:2620')"

/** Parses `127.0.0.1:2620` or `[::1]:2620`. */
export function parseEndpoint(value: string): Endpoint | undefined {
  const [, v6, v4, digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(value) ?? []
  const bytes = parseIp(v6 ?? v4 ?? '')
  const port = Number(digits)
  if (bytes === undefined || (bytes.length === 16) !== (v6 !== undefined) || port < 1 || port > 65535) return undefined
  return { ip: formatIp(bytes), port }
}
export const endpoint = parsed<Endpoint>(parseEndpoint, ENDPOINT_EXPECTED)

/** True if YAML has nothing after the colon. */
const isEmpty = (value: unknown): boolean => value === '' || value === null

/** A section, which may be empty; every key may be left out. */
export const section = <Entries extends v.ObjectEntries>(entries: Entries) => {
  const keys = Object.keys(entries).join(', ')
  // an object with a prototype would accept `constructor` as a key
  const known = Object.assign(Object.create(null) as Entries, entries)
  return v.pipe(
    v.unknown(),
    v.transform((value) => (isEmpty(value) ? {} : value)),
    v.check((value) => !Array.isArray(value), `some of the keys ${keys}`),
    v.strictObject(known, (issue) => (isUnknownKey(issue) ? keys : `some of the keys ${keys}`)),
  )
}

/** valibot reports an unknown key as a key that was expected to be absent. */
export function isUnknownKey({ type, expected }: { type: string; expected: string | null }): boolean {
  return type === 'strict_object' && expected === 'never'
}

/** Duplicate detection; every key may be left out. */
export const duplicates = section({
  // the range of FRR's dup-addr-detection; a single move is normal, since every live migration causes one
  moves: v.optional(numberOf(2, 1000)),
  window: v.optional(durationOf(1000)),
  holdDown: v.optional(durationOf(1000)),
  confirm: v.optional(durationOf(100)),
})

/** A list, which may be empty. */
export const list = <Item extends v.GenericSchema>(item: Item, expected: string) =>
  v.pipe(
    v.unknown(),
    v.transform((value) => (isEmpty(value) ? [] : value)),
    v.array(item, expected),
  )

/** A list that must not be empty, because an empty one would mean the opposite of what the user intends. */
export const oneOrMore = <Item extends v.GenericSchema>(item: Item, expected: string) =>
  v.pipe(
    v.array(item, expected),
    v.check((items) => items.length > 0, expected),
  )

/** A mapping whose keys are texts that `parse` converts; it may be empty. */
export const mapping = <Key extends string | number, Item extends v.GenericSchema>(
  key: { readonly parse: (text: string) => Key | undefined; readonly expected: string },
  item: Item,
  expected: string,
) =>
  v.pipe(
    v.unknown(),
    v.transform((value) => (isEmpty(value) ? {} : value)),
    v.check((value) => !Array.isArray(value), expected),
    v.rawCheck(({ dataset, addIssue }) => {
      // checked here, because the record skips `constructor`
      const input = dataset.typed && isRecord(dataset.value) ? dataset.value : {}
      const seen = new Map<Key, string>()
      for (const [text, value] of Object.entries(input)) {
        const path: [v.ObjectPathItem] = [{ type: 'object', origin: 'key', input, key: text, value }]
        const parsed = key.parse(text)
        if (parsed === undefined) {
          addIssue({ message: key.expected, expected: key.expected, received: `"${text}"`, path })
          continue
        }
        const other = seen.get(parsed)
        if (other !== undefined) addIssue({ message: `is the same as ${other}`, path })
        seen.set(parsed, text)
      }
    }),
    v.record(v.string(), item, expected),
    v.transform((items) => {
      const entries = Object.entries<v.InferOutput<Item>>(items)
      return new Map(
        entries.flatMap(([text, value]) => {
          const parsed = key.parse(text)
          return parsed === undefined ? [] : [[parsed, value] as const]
        }),
      )
    }),
  )

/** A mapping whose keys are VNIs; it may be empty. `each` is what every VNI has. */
export const byVni = <Item extends v.GenericSchema>(item: Item, each = 'its list') =>
  mapping({ parse: parseVni, expected: VNI_EXPECTED }, item, `VNIs as keys, each with ${each}`)

/** A mapping whose keys are IP addresses; it may be empty. */
export const byIp = <Item extends v.GenericSchema>(item: Item, each: string) =>
  mapping({ parse: parseHostIp, expected: HOST_IP_EXPECTED }, item, `IP addresses as keys, each with ${each}`)

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
