// Selects the events of a dump: those that match everything the filter names.
import { formatIp, parseIp } from '../../../base/address.js'
import type { Direction, Json } from '../../../zapi/dissect.js'
import type { DumpEvent } from './events.js'

export type DumpFilter = {
  direction?: Direction
  /** The id or the kind of a session. */
  session?: number | string
  /** Names of commands with ZEBRA_. */
  command?: ReadonlySet<string>
  family?: ReadonlySet<string>
  vni?: number
  mac?: string
  ip?: string
  vrf?: number
  /** A prefix matches if it is inside this one or the same. */
  prefix?: Prefix
}

export type Prefix = { address: Buffer; length: number }

/** Parses `10.2.0.0/16` or `2001:db8::/32`; undefined if it is invalid. Bits behind the length do not count. */
export function parsePrefix(text: string): Prefix | undefined {
  const [, ip = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const address = parseIp(ip)
  const length = Number(digits)
  return address === undefined || length > address.length * 8 ? undefined : { address, length }
}

/** Whether an event matches. One that lacks what the filter names does not; a gap in the recording always does. */
export function matches(event: DumpEvent, filter: DumpFilter): boolean {
  if (event.type === 'gap' || event.type === 'uncertain') return true
  const { direction, session, command, family, vni, mac, ip, vrf, prefix } = filter
  const message = event.type === 'message' ? event : undefined
  const dissection = message?.dissection
  const fields = dissection?.fields ?? ('fields' in event ? event.fields : undefined)
  return (
    (direction === undefined || message?.direction === direction) &&
    (session === undefined || event.session === session || event.kind === session) &&
    (command === undefined || (dissection !== undefined && command.has(dissection.command))) &&
    (family === undefined || (dissection !== undefined && family.has(dissection.family))) &&
    (vni === undefined || fields?.['vni'] === vni) &&
    (mac === undefined || fields?.['mac'] === mac) &&
    (ip === undefined || isIp(fields?.['ip'], ip)) &&
    (vrf === undefined || dissection?.vrf === vrf) &&
    (prefix === undefined || isInside(fields?.['prefix'], prefix))
  )
}

function isIp(value: Json | undefined, ip: string): boolean {
  const bytes = typeof value === 'string' ? parseIp(value) : undefined
  return bytes !== undefined && formatIp(bytes) === ip
}

/** Whether `value` is a prefix inside `outer`, or the same. */
export function isInside(value: Json | undefined, outer: Prefix): boolean {
  const inner = typeof value === 'string' ? parsePrefix(value) : undefined
  if (inner?.address.length !== outer.address.length || inner.length < outer.length) return false
  const bytes = outer.length >> 3
  const mask = 0xff00 >> (outer.length & 7)
  if (!inner.address.subarray(0, bytes).equals(outer.address.subarray(0, bytes))) return false
  return (((inner.address[bytes] ?? 0) ^ (outer.address[bytes] ?? 0)) & mask & 0xff) === 0
}
