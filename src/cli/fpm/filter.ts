// Selects the messages of an FPM dump: those that match everything the filter names.
import type { FpmMessage, FpmNexthop } from '../../fpm/message.js'
import { isInside, type Prefix } from '../zapi/dump/filter.js'
import { type FpmDumpEvent, type MessageType, typeOf } from './events.js'
import type { Address } from '../options.js'

export const FAMILIES = ['ipv4', 'ipv6', 'bridge', 'mpls'] as const
export type Family = (typeof FAMILIES)[number]

/** An address, or a prefix, which also matches the addresses and prefixes inside it. */
export type About = Address | { prefix: Prefix }

export type FpmFilter = {
  type?: ReadonlySet<MessageType>
  family?: ReadonlySet<Family>
  vni?: number
  table?: number
  about?: About
}

/** Returns the part of an event that is shown; undefined if none is. A gap in the recording is always shown. */
export function selected(event: FpmDumpEvent, filter: FpmFilter): FpmDumpEvent | undefined {
  if (event.type === 'lost') return event
  const isFiltered = Object.keys(filter).length > 0
  if (event.type !== 'frame') return isFiltered ? undefined : event
  const messages = event.messages.filter((message) => matches(message, filter))
  return messages.length === 0 && isFiltered ? undefined : { ...event, messages }
}

function matches(message: FpmMessage, { type, family, vni, table, about }: FpmFilter): boolean {
  return (
    (type === undefined || type.has(typeOf(message))) &&
    (family === undefined || isOf(family, message)) &&
    (vni === undefined || vnisOf(message).includes(vni)) &&
    (table === undefined || isIn(table, message)) &&
    (about === undefined || isAbout(about, message))
  )
}

function isOf(families: ReadonlySet<Family>, message: FpmMessage): boolean {
  switch (message.kind) {
    case 'route':
      return families.has(message.route.family === 4 ? 'ipv4' : 'ipv6')
    case 'nexthop': {
      const { gateway } = message.nexthop
      return gateway !== undefined && families.has(gateway.includes(':') ? 'ipv6' : 'ipv4')
    }
    case 'mac':
      return families.has('bridge')
    case 'mpls-route':
      return families.has('mpls')
    case 'srv6-localsid':
      return families.has('ipv6')
    case 'other':
    case 'malformed':
      return false
  }
}

/** Returns the VNIs of a message and of its nexthops. */
function vnisOf(message: FpmMessage): number[] {
  const of = ({ encap }: Pick<FpmNexthop, 'encap'>): number[] => (encap?.kind === 'vxlan' ? [encap.vni] : [])
  if (message.kind === 'mac') return [message.mac.vni, message.mac.srcVni].filter((vni) => vni !== undefined)
  if (message.kind === 'nexthop') return of(message.nexthop)
  return message.kind === 'route' ? message.route.nexthops.flatMap(of) : []
}

/** Whether a route may be in the table. A deletion that names no table may be in any. */
function isIn(table: number, message: FpmMessage): boolean {
  if (message.kind !== 'route') return false
  const where = message.route.in
  return where === undefined || ('table' in where && where.table === table)
}

function isAbout(about: About, message: FpmMessage): boolean {
  if ('mac' in about) return message.kind === 'mac' && message.mac.mac === about.mac
  if ('ip' in about) return ipsOf(message).includes(about.ip)
  return message.kind === 'route' && isInside(`${message.route.prefix}/${message.route.prefixLength}`, about.prefix)
}

const HOST_LENGTH = { 4: 32, 6: 128 } as const

/** Returns the destination of a route to one address, and gateways and VTEPs. */
function ipsOf(message: FpmMessage): (string | undefined)[] {
  switch (message.kind) {
    case 'route': {
      const { prefix, prefixLength, family, nexthops } = message.route
      const gateways = nexthops.map(({ gateway }) => gateway)
      return prefixLength === HOST_LENGTH[family] ? [prefix, ...gateways] : gateways
    }
    case 'nexthop':
      return [message.nexthop.gateway]
    case 'mac':
      return [message.mac.dst]
    case 'mpls-route':
      return message.route.nexthops.map(({ gateway }) => gateway)
    case 'srv6-localsid':
      return [message.localSid.sid]
    case 'other':
    case 'malformed':
      return []
  }
}
