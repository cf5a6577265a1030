// The protobuf format, which `-M fpm:protobuf` exports. It has no MACs, nexthop objects, tables and VNIs.
import protobuf from 'protobufjs/minimal.js'
import { formatIp } from '../base/address.js'
import { fpm as proto } from '../gen/fpm.js'
import type { FpmMessage, FpmNexthop, FpmRoute, FpmSrv6LocalSid, UnknownAttribute } from './message.js'

/** Decodes the one message of a frame's payload. */
export function decodeProtobuf(payload: Buffer): FpmMessage {
  try {
    const reader = protobuf.Reader.create(payload)
    reader.discardUnknown = false
    const message = proto.Message.decode(reader)
    return toMessage(message) ?? { kind: 'other', type: messageType(message), bytes: payload }
  } catch (error) {
    // protobufjs throws Error, RangeError and ProtocolError
    return { kind: 'malformed', error: error instanceof Error ? error.message : String(error), bytes: payload }
  }
}

function toMessage({ type, addRoute, deleteRoute, srv6Localsid }: proto.Message.$Properties): FpmMessage | undefined {
  switch (type) {
    case proto.MessageType.ADD_ROUTE:
      return { kind: 'route', gone: false, replace: false, route: addedRoute(given(addRoute, 'add_route')) }
    case proto.MessageType.DELETE_ROUTE: {
      const route = given(deleteRoute, 'delete_route')
      return { kind: 'route', gone: true, replace: false, route: { ...NOTHING_SAID, ...routeKey(route) } }
    }
    case proto.MessageType.ADD_SRV6_LOCALSID:
    case proto.MessageType.DELETE_SRV6_LOCALSID: {
      const gone = type === proto.MessageType.DELETE_SRV6_LOCALSID
      return { kind: 'srv6-localsid', gone, localSid: toLocalSid(given(srv6Localsid, 'srv6_localsid')) }
    }
    case proto.MessageType.UNKNOWN_MSG:
    case null:
    case undefined:
      break
  }
  return undefined
}

/** Returns fpm.Message.type if the schema does not have the type; protobufjs then keeps it as an unknown field. */
function messageType({ $unknowns }: proto.Message.$Properties): number {
  const [field] = unknownFields($unknowns)
  return field?.type === 1 ? (field.bytes[0] ?? 0) : 0
}

function given<T>(value: T | null | undefined, field: string): T {
  if (value == null) throw new RangeError(`the message has no ${field}`)
  return value
}

const NOTHING_SAID = {
  protocol: 'unspec',
  type: 'unspec',
  metric: undefined,
  mtu: undefined,
  nexthopId: undefined,
  nexthops: [],
  srv6: undefined,
  source: undefined,
  unknown: [],
} as const satisfies Partial<FpmRoute>

function addedRoute(route: proto.AddRoute.$Properties): FpmRoute {
  const { routeType, protocol, metric, nexthops, srv6EncapSourceAddress, srv6VpnSid, $unknowns } = route
  const source = srv6EncapSourceAddress == null ? undefined : ipv6Text(srv6EncapSourceAddress)
  const sid = srv6VpnSid == null ? undefined : ipv6Text(srv6VpnSid)
  return {
    ...NOTHING_SAID,
    protocol: PROTOCOLS[protocol],
    type: TYPES[routeType ?? proto.RouteType.UNKNOWN_ROUTE_TYPE],
    metric,
    nexthops: (nexthops ?? []).map(toNexthop),
    srv6: source === undefined && sid === undefined ? undefined : { source, sid },
    unknown: unknownFields($unknowns),
    ...routeKey(route),
  }
}

const PROTOCOLS: Readonly<Record<proto.Protocol, string>> = {
  [proto.Protocol.UNKNOWN_PROTO]: 'unspec',
  [proto.Protocol.LOCAL]: 'local',
  [proto.Protocol.CONNECTED]: 'connected',
  [proto.Protocol.KERNEL]: 'kernel',
  [proto.Protocol.STATIC]: 'static',
  [proto.Protocol.RIP]: 'rip',
  [proto.Protocol.RIPNG]: 'ripng',
  [proto.Protocol.OSPF]: 'ospf',
  [proto.Protocol.ISIS]: 'isis',
  [proto.Protocol.BGP]: 'bgp',
  [proto.Protocol.OTHER]: 'other',
}

const TYPES: Readonly<Record<proto.RouteType, string>> = {
  [proto.RouteType.UNKNOWN_ROUTE_TYPE]: 'unspec',
  [proto.RouteType.NORMAL]: 'unicast',
  [proto.RouteType.UNREACHABLE]: 'unreachable',
  [proto.RouteType.BLACKHOLE]: 'blackhole',
}

type RouteKey = Pick<proto.DeleteRoute.$Properties, 'vrfId' | 'addressFamily' | 'key'>

function routeKey({
  vrfId,
  addressFamily,
  key,
}: RouteKey): Pick<FpmRoute, 'in' | 'family' | 'prefix' | 'prefixLength'> {
  const family = ipFamily(addressFamily)
  const { length, bytes } = given(key.prefix, 'prefix')
  const address = Buffer.alloc(family === 4 ? 4 : 16)
  const prefixLength = length ?? 0
  if (prefixLength > address.length * 8 || (bytes?.length ?? 0) > address.length)
    throw new RangeError(`an IPv${family} prefix of length ${prefixLength} in ${bytes?.length ?? 0} bytes`)
  // the octets beyond the prefix length are not sent
  address.set(bytes ?? [])
  return { in: { vrf: vrfId }, family, prefix: formatIp(address), prefixLength }
}

function ipFamily(family: proto.AddressFamily): 4 | 6 {
  if (family === proto.AddressFamily.IPV4) return 4
  if (family === proto.AddressFamily.IPV6) return 6
  throw new RangeError(`address family ${family}, expected IPv4 or IPv6`)
}

function toNexthop({ ifId, address, $unknowns }: proto.Nexthop.$Properties): FpmNexthop {
  return {
    gateway: address == null ? undefined : addressText(address),
    // absent fields read as 0 and as empty text
    ifindex: ifId?.index || undefined,
    interfaceName: ifId?.name || undefined,
    weight: 1,
    flags: 0,
    encap: undefined,
    unknown: unknownFields($unknowns),
  }
}

function addressText({ v4, v6 }: proto.L3Address.$Properties): string | undefined {
  if (v4 != null) {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(v4.value)
    return formatIp(bytes)
  }
  return v6 == null ? undefined : ipv6Text(v6)
}

function ipv6Text({ bytes }: proto.Ipv6Address.$Properties): string {
  if (bytes.length !== 16) throw new RangeError(`an IPv6 address has 16 bytes, not ${bytes.length}`)
  return formatIp(bytes)
}

const BEHAVIORS = {
  end: 'end',
  endX: 'end_x',
  endT: 'end_t',
  endDx6: 'end_dx6',
  endDx4: 'end_dx4',
  endDt6: 'end_dt6',
  endDt4: 'end_dt4',
  endDt46: 'end_dt46',
  un: 'un',
  ua: 'ua',
  udt6: 'udt6',
  udt4: 'udt4',
  udt46: 'udt46',
} as const

function toLocalSid(message: proto.SRv6LocalSID.$Properties): FpmSrv6LocalSid {
  const { sid, sidFormat } = message
  const found = (Object.keys(BEHAVIORS) as (keyof typeof BEHAVIORS)[]).find((field) => message[field] != null)
  return {
    sid: ipv6Text(sid),
    format: sidFormat == null ? undefined : toFormat(sidFormat),
    behavior: found && BEHAVIORS[found],
    details: (found && message[found]) ?? new Uint8Array(),
  }
}

const toFormat = (format: proto.SRv6SIDFormat.$Properties): FpmSrv6LocalSid['format'] => ({
  blockLength: format.locatorBlockLength ?? 0,
  nodeLength: format.locatorNodeLength ?? 0,
  functionLength: format.functionLength ?? 0,
  argumentLength: format.argumentLength ?? 0,
})

/** Each field begins with its tag, a varint of field number and wire type. */
function unknownFields(fields: readonly Uint8Array[] = []): UnknownAttribute[] {
  return fields.map((field) => {
    let [tag, size] = [0, 0]
    do tag += ((field[size] ?? 0) & 0x7f) * 2 ** (7 * size)
    while (((field[size++] ?? 0) & 0x80) !== 0)
    return { type: Math.floor(tag / 8), bytes: Buffer.from(field.subarray(size)) }
  })
}
