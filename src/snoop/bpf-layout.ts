// The structures and tables of bpf/snoop.h. Numbers are in network byte order.
import { formatIp, formatMac, parseIp, parseMac } from '../address.js'
import type { Evidence, EvidenceKind } from './evidence.js'

/** enum snoop_outcome, in its order. */
export const OUTCOMES = [
  'passed',
  'repeated',
  'ring-full',
  'double-tagged',
  'vlan-truncated',
  'ether-source-invalid',
  'mac-zero',
  'mac-multicast',
  'ip-unspecified',
  'ip-loopback',
  'ip-multicast',
  'ip-broadcast',
  'arp-truncated',
  'arp-not-ethernet-ipv4',
  'arp-other-operation',
  'arp-probe',
  'ipv6-malformed',
  'ipv6-extension',
  'icmpv6-other',
  'na-truncated',
  'na-hop-limit',
  'na-code',
  'na-options',
  'na-checksum',
  'na-solicited-multicast',
  'na-no-mac',
] as const
export type OutcomeName = (typeof OUTCOMES)[number]

/** sizeof(struct snoop_record) */
export const RECORD_BYTES = 48

const KINDS: Record<number, EvidenceKind> = { 1: 'arp-request', 2: 'arp-reply', 3: 'na' }

const NA_ROUTER = 0x80
const NA_SOLICITED = 0x40
const NA_OVERRIDE = 0x20

/** Decodes the struct snoop_record at `offset`; a RangeError means that the program is not of this release. */
export function decodeRecord(bytes: Buffer, offset: number): Evidence {
  const kind = KINDS[bytes.readUInt8(offset + 44)]
  if (kind === undefined) throw new RangeError(`snoop record of unknown kind ${bytes.readUInt8(offset + 44)}`)
  const flags = bytes.readUInt8(offset + 45)
  const ip = offset + 28
  return {
    kind,
    at: Number(bytes.readBigUInt64BE(offset)) / 1e6,
    ifindex: bytes.readUInt32BE(offset + 8),
    vlan: bytes.readUInt16BE(offset + 12),
    vlanProtocol: bytes.readUInt16BE(offset + 14),
    mac: formatMac(bytes, offset + 16),
    etherSource: formatMac(bytes, offset + 22),
    ip: formatIp(bytes.subarray(ip, ip + (kind === 'na' ? 16 : 4))),
    router: (flags & NA_ROUTER) !== 0,
    solicited: (flags & NA_SOLICITED) !== 0,
    override: (flags & NA_OVERRIDE) !== 0,
  }
}

/** sizeof(struct snoop_key) */
export const KEY_BYTES = 32

const ETH_P_8021Q = 0x8100
const ETH_P_8021AD = 0x88a8

/** The keys of the map `seen` (struct snoop_key) for a binding; a VLAN has one for each kind of tag. */
export function encodeKeys(ifindex: number, vlan: number, mac: string, ip: string): Buffer[] {
  const protocols = vlan === 0 ? [0] : [ETH_P_8021Q, ETH_P_8021AD]
  return protocols.map((protocol) => encodeKey(ifindex, vlan, protocol, mac, ip))
}

function encodeKey(ifindex: number, vlan: number, vlanProtocol: number, mac: string, ip: string): Buffer {
  const macBytes = parseMac(mac)
  const ipBytes = parseIp(ip)
  if (!macBytes || !ipBytes) throw new RangeError(`a MAC and an IP address expected, not ${mac} and ${ip}`)
  const key = Buffer.alloc(KEY_BYTES)
  key.writeUInt32BE(ifindex)
  key.writeUInt16BE(vlan, 4)
  key.writeUInt16BE(vlanProtocol, 6)
  key.set(macBytes, 8)
  key.writeUInt8(ipBytes.length === 4 ? 4 : 6, 14)
  key.set(ipBytes, 16)
  return key
}

/** Port of a struct snoop_key. */
export function keyIfindex(key: Buffer): number {
  return key.readUInt32BE()
}
