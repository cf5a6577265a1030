// EVPN NLRI (RFC 7432 7): | route type u8 | length u8 | value |, one after the other.
import { DecodeError, type Reader, Writer } from '../../base/cursor.js'
import { macBytes, readSizedIp, writeSizedIp } from '../address.js'
import { readEsi, writeEsi } from './esi.js'
import { readRd, writeRd } from './rd.js'
import { type EvpnRoute, type IpPrefixRoute, type OriginatedRoute, ZERO_ESI } from './route.js'

const MAC_IP = 2
const INCLUSIVE_MULTICAST = 3
/** Bits: RFC 7432 7.2 has no other length of a MAC. */
const MAC_LENGTH = 48

/** Route types by number; each reads the value and leaves nothing of it. */
const READERS: Readonly<Record<number, (value: Reader) => EvpnRoute>> = {
  // | RD 8 | ESI 10 | Ethernet tag u32 | label 3 |
  1: (value) => ({
    kind: 'ethernet-ad',
    rd: readRd(value),
    esi: readEsi(value),
    ethernetTag: value.u32('Ethernet tag'),
    label: value.u24('label'),
  }),
  // | RD 8 | ESI 10 | Ethernet tag u32 | MAC length u8 | MAC 6 | IP length u8 | IP 0, 4, 16 | label 3 | label 0, 3 |
  [MAC_IP]: (value) => ({
    kind: 'mac-ip',
    rd: readRd(value),
    esi: readEsi(value),
    ethernetTag: value.u32('Ethernet tag'),
    mac: readSizedMac(value),
    ip: readSizedIp(value, 'IP', [0, 32, 128]),
    labels: readLabels(value),
  }),
  // | RD 8 | Ethernet tag u32 | IP length u8 | originating router's IP 4, 16 |
  [INCLUSIVE_MULTICAST]: (value) => ({
    kind: 'inclusive-multicast',
    rd: readRd(value),
    ethernetTag: value.u32('Ethernet tag'),
    originator: readOriginator(value),
  }),
  // | RD 8 | ESI 10 | IP length u8 | originating router's IP 4, 16 |
  4: (value) => ({
    kind: 'ethernet-segment',
    rd: readRd(value),
    esi: readEsi(value),
    originator: readOriginator(value),
  }),
  5: readIpPrefix,
}

/** Reads routes to the reader's end; throws DecodeError when a route's length goes beyond it. */
export function readEvpnRoutes(reader: Reader): EvpnRoute[] {
  const routes: EvpnRoute[] = []
  while (reader.remaining > 0) {
    const type = reader.u8('route type')
    routes.push(readRoute(type, reader.part(`route of type ${type}`, reader.u8('route length'))))
  }
  return routes
}

function readRoute(type: number, value: Reader): EvpnRoute {
  const read = READERS[type]
  if (read === undefined) return { kind: 'unknown', type, value: value.bytes('value', value.remaining) }
  try {
    return value.peek((next) => {
      const route = read(next)
      next.end()
      return route
    })
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const problem = `route of type ${type}: ${error.message}`
    return { kind: 'malformed', type, value: value.bytes('value', value.remaining), problem }
  }
}

function readSizedMac(value: Reader): string {
  const bits = value.u8('MAC length')
  if (bits !== MAC_LENGTH) throw value.fault('MAC length', 1, `${bits} bits, expected ${MAC_LENGTH}`)
  return value.mac('MAC')
}

function readLabels(value: Reader): readonly [number] | readonly [number, number] {
  const first = value.u24('label 1')
  return value.remaining === 0 ? [first] : [first, value.u24('label 2')]
}

const readOriginator = (value: Reader): string => readSizedIp(value, 'originating IP', [32, 128]) ?? ''

/** Bytes of a type 5 route by address family (RFC 9136 3.1): its length alone says which it is. */
const IPV4_ROUTE = 34
const IPV6_ROUTE = 58

// | RD 8 | ESI 10 | Ethernet tag u32 | prefix length u8 | prefix 4, 16 | gateway IP 4, 16 | label 3 |
function readIpPrefix(value: Reader): IpPrefixRoute {
  const { remaining } = value
  if (remaining !== IPV4_ROUTE && remaining !== IPV6_ROUTE) {
    throw value.fault('length', 0, `${remaining} bytes, expected ${IPV4_ROUTE} or ${IPV6_ROUTE}`)
  }
  const size = remaining === IPV4_ROUTE ? 4 : 16
  const rd = readRd(value)
  const esi = readEsi(value)
  const ethernetTag = value.u32('Ethernet tag')
  const length = value.u8('prefix length')
  if (length > size * 8) throw value.fault('prefix length', 1, `${length} bits, expected at most ${size * 8}`)
  const ip = value.ip('prefix', size)
  const gateway = value.ip('gateway IP', size)
  if (esi !== ZERO_ESI && !isZero(gateway)) throw value.fault('gateway IP', size, 'there is an ESI as well')
  return { kind: 'ip-prefix', rd, esi, ethernetTag, prefix: { ip, length }, gateway, label: value.u24('label') }
}

const isZero = (ip: string): boolean => ip === '0.0.0.0' || ip === '::'

/** One route with its type and length, as both MP_REACH_NLRI and MP_UNREACH_NLRI have it. */
export function encodeEvpnRoute(route: OriginatedRoute): Buffer {
  const value = new Writer()
  writeRd(value, route.rd)
  switch (route.kind) {
    case 'mac-ip':
      writeEsi(value, route.esi)
      value.u32(route.ethernetTag)
      value.u8(MAC_LENGTH)
      value.bytes(macBytes(route.mac))
      writeSizedIp(value, route.ip)
      for (const label of route.labels) value.u24(label)
      return withHeader(MAC_IP, value)
    case 'inclusive-multicast':
      value.u32(route.ethernetTag)
      writeSizedIp(value, route.originator)
      return withHeader(INCLUSIVE_MULTICAST, value)
  }
}

function withHeader(type: number, value: Writer): Buffer {
  const bytes = value.finish()
  return Buffer.concat([Buffer.from([type, bytes.length]), bytes])
}
