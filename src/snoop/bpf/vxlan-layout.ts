// The structures and tables of bpf/vxlan.h, and of bpf/snoop.h where they differ for it. Numbers are in network byte order
// unless a comment says otherwise.
import { formatIp, parseIp, parseMac, unmapped } from '../../base/address.js'
import type { Prefix } from '../../base/prefix.js'
import type { VxlanClaim, WatchVxlan } from '../../control/vxlan-codec.js'
import { decodeClaim, encodeRate, OUTCOMES, type OutcomeName } from './layout.js'

/** enum vxlan_outcome, which continues enum snoop_outcome, in its order. */
export const VXLAN_OUTCOMES = [
  ...OUTCOMES,
  'outer-malformed',
  'header-other',
  'vni-other',
  'destination-other',
  'source-other',
  'inner-truncated',
  'inner-tagged',
  'total-rate-limited',
] as const

/** What only becomes of frames of ports. */
const OF_PORTS = ['double-tagged', 'vlan-truncated', 'filtered', 'ns-not-learned'] as const satisfies OutcomeName[]

export type VxlanOutcomeName = Exclude<(typeof VXLAN_OUTCOMES)[number], (typeof OF_PORTS)[number]>

export const isVxlanOutcome = (name: (typeof VXLAN_OUTCOMES)[number]): name is VxlanOutcomeName =>
  !(OF_PORTS as readonly string[]).includes(name)

/** sizeof(struct snoop_record), with a struct snoop_tunnel_place. */
export const VXLAN_RECORD_BYTES = 64

/** VXLAN_UDP_PORTS */
export const VXLAN_UDP_PORTS = 8

/** Decodes the struct snoop_record at `offset`; a RangeError means that the program is of another version of macipd. */
export function decodeVxlanRecord(bytes: Buffer, offset: number): VxlanClaim {
  const { kind, mac, etherSource, ip, router } = decodeClaim(bytes, offset + 28)
  return {
    at: Number(bytes.readBigUInt64BE(offset)) / 1e6,
    vni: bytes.readUInt32BE(offset + 8),
    vtep: unmapped(formatIp(bytes.subarray(offset + 12, offset + 28))),
    ...{ mac, etherSource, ip, kind, router },
  }
}

/** Encodes struct vxlan_config: its 64-bit numbers are in the byte order of the machine, times in ns. */
export function encodeVxlanConfig({ udpPorts, totalRate, asker }: WatchVxlan): Buffer {
  const { interval, burst } = encodeRate(totalRate)
  const ports = Buffer.alloc(2 * VXLAN_UDP_PORTS)
  for (let index = 0; index < VXLAN_UDP_PORTS; index++) ports.writeUInt16BE(udpPorts[index] ?? udpPorts[0], 2 * index)
  const mac = asker === undefined ? undefined : parseMac(asker)
  return Buffer.concat([
    Buffer.from(BigUint64Array.of(BigInt(interval), BigInt(burst)).buffer),
    ports,
    mac ?? Buffer.alloc(6),
    Buffer.of(mac === undefined ? 0 : 1, 0),
  ])
}

/** Value of the maps `vnis`, `destinations` and `sources`, in the byte order of the machine. */
export const encodeSince = (ns: bigint): Buffer => Buffer.from(BigUint64Array.of(ns).buffer)

/** Key of the map `vnis`. */
export function encodeVni(vni: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeUInt32BE(vni)
  return key
}

/** Key of the map `destinations`: 16 bytes, IPv4 mapped to IPv6 (RFC 4291 2.5.5.2). */
export function encodeDestination(ip: string): Buffer {
  const bytes = ipBytes(ip)
  return bytes.length === 16 ? bytes : Buffer.concat([Buffer.alloc(10), Buffer.of(0xff, 0xff), bytes])
}

const FAMILY_BITS = 32

/** Key of the map `sources` (struct vxlan_source); the prefix length is in the byte order of the machine. */
export function encodeSource({ ip, length }: Prefix): Buffer {
  const bytes = ipBytes(ip)
  const family = Buffer.of(0, 0, 0, bytes.length === 4 ? 4 : 6)
  const prefixLength = Buffer.from(Uint32Array.of(FAMILY_BITS + length).buffer)
  return Buffer.concat([prefixLength, family, bytes, Buffer.alloc(16 - bytes.length)])
}

function ipBytes(ip: string): Buffer {
  const bytes = parseIp(ip)
  if (bytes === undefined) throw new RangeError(`an IP address expected, not ${ip}`)
  return bytes
}
