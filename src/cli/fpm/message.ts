// Renders one message of an FPM connection in words, and as plain values.
import type { Encap, FpmMessage, FpmNexthop, GoneRoute, RouteTable } from '../../fpm/message.js'
import { RTNH_F_ONLINK } from '../../rtnetlink/route.js'
import type { Json } from '../../zapi/dissect.js'

/** Says that something was added (`+`), is gone (`-`), was replaced (`~`), or was not understood (`!`). */
export type Mark = '+' | '-' | '~' | '!' | ' '

export function markOf(message: FpmMessage): Mark {
  if (message.kind === 'malformed') return '!'
  if (message.kind === 'other') return ' '
  if (message.gone) return '-'
  return 'replace' in message && message.replace ? '~' : '+'
}

/** A line shows so many hex digits of bytes. */
const LINE_HEX = 64

/** Says in words what the message says, without its kind and mark. */
export function summaryOf(message: FpmMessage): string {
  switch (message.kind) {
    case 'route':
      return routeText(message.route, message.gone)
    case 'nexthop': {
      const { id, blackhole, group, gateway, ifindex, flags, encap } = message.nexthop
      const members = group?.map((member) => (member.weight === 1 ? `${member.id}` : `${member.id}*${member.weight}`))
      if (members !== undefined) return `id ${id} group ${members.join('/')}`
      const path = pathText({ gateway, ifindex, weight: 1, flags, encap })
      return words(`id ${id}`, blackhole && 'blackhole', path)
    }
    case 'mac': {
      const { mac, ifindex, vlan, dst, vni, srcVni, nexthopId, remote, sticky, router } = message.mac
      return words(
        mac,
        named('vtep', dst),
        named('nhid', nexthopId),
        named('vni', vni ?? srcVni),
        named('vlan', vlan),
        `dev ${ifindex}`,
        !remote && 'local',
        sticky && 'sticky',
        router && 'router',
      )
    }
    case 'mpls-route': {
      const { label, nexthops } = message.route
      const paths = nexthops.map((nexthop) => words(pathText(nexthop), labelsText(nexthop.labels)))
      return words(`label ${label}`, ...paths)
    }
    case 'srv6-localsid': {
      const { sid, behavior } = message.localSid
      return words(sid, behavior)
    }
    case 'other':
      return words(`type ${message.type}`, hexText(message.bytes))
    case 'malformed':
      return words(`${message.error}:`, hexText(message.bytes))
  }
}

function routeText(route: GoneRoute, gone: boolean): string {
  const { prefix, prefixLength, source, protocol, type, nexthopId, nexthops, metric, srv6 } = route
  return words(
    `${prefix}/${prefixLength}`,
    named('from', source),
    placeText(route.in),
    protocol !== 'unspec' && protocol,
    !gone && type !== 'unicast' && type,
    named('nhid', nexthopId),
    ...nexthops.map(pathText),
    named('sid', srv6?.sid),
    named('metric', metric),
  )
}

function placeText(where: RouteTable | undefined): string {
  if (where === undefined) return 'table unknown'
  return 'vrf' in where ? `vrf ${where.vrf}` : `table ${where.table}`
}

type AnyPath = Pick<FpmNexthop, 'gateway' | 'ifindex' | 'weight' | 'flags' | 'encap'> & {
  interfaceName?: string | undefined
}

const pathText = ({ gateway, ifindex, interfaceName, weight, flags, encap }: AnyPath): string =>
  words(
    named('via', gateway),
    named('dev', interfaceName ?? ifindex),
    weight !== 1 && `weight ${weight}`,
    (flags & RTNH_F_ONLINK) !== 0 && 'onlink',
    encap && encapText(encap),
  )

function encapText(encap: Encap): string {
  switch (encap.kind) {
    case 'vxlan':
      return `vni ${encap.vni}`
    case 'mpls':
      return labelsText(encap.labels)
    case 'other':
      return `encap ${encap.type}`
  }
}

const labelsText = (labels: readonly number[] | undefined): string =>
  labels === undefined ? '' : `labels ${labels.join('/')}`

const hexText = (bytes: Buffer): string => {
  const hex = bytes.toString('hex')
  return hex.length <= LINE_HEX ? hex : `${hex.slice(0, LINE_HEX)}… (${bytes.length} bytes)`
}

const named = (name: string, value: string | number | undefined): string =>
  value === undefined ? '' : `${name} ${value}`

const words = (...parts: (string | false | undefined)[]): string => parts.filter(Boolean).join(' ')

/** Returns the values of a message by name. Bytes are in hex, and what is not there is null. */
export function fieldsOf(message: FpmMessage): { [name: string]: Json } {
  switch (message.kind) {
    case 'route':
    case 'mpls-route':
      return plainObject(message.route)
    case 'nexthop':
      return plainObject(message.nexthop)
    case 'mac':
      return plainObject(message.mac)
    case 'srv6-localsid':
      return plainObject(message.localSid)
    case 'other':
      return plainObject({ type: message.type, bytes: message.bytes })
    case 'malformed':
      return plainObject({ error: message.error, bytes: message.bytes })
  }
}

const plainObject = (value: object): { [name: string]: Json } =>
  Object.fromEntries(Object.entries(value).map(([name, it]) => [name, plain(it)]))

function plain(value: unknown): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) return plainObject(value)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}
