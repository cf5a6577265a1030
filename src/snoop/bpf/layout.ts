// The structures and tables of bpf/snoop.h. Numbers are in network byte order unless a comment says otherwise.
import { ETH_P_8021AD, ETH_P_8021Q } from '../../base/ethertype.js'
import { formatIp, formatMac, parseIp, parseMac } from '../../base/address.js'
import { FRAME_REFUSALS, type FrameRefusal } from '../../bindings/frame-refusal.js'
import type { EvidenceKind } from '../../bindings/model.js'
import type { Evidence, RefusedFrame } from './evidence.js'

/** enum snoop_outcome, in its order. */
export const OUTCOMES = [
  'passed',
  'repeated',
  'rate-limited',
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
  'ip-reserved',
  'arp-truncated',
  'arp-not-ethernet-ipv4',
  'arp-other-operation',
  'ipv6-malformed',
  'ipv6-extension',
  'icmpv6-other',
  'nd-truncated',
  'nd-hop-limit',
  'nd-code',
  'nd-options',
  'nd-checksum',
  'nd-macs-differ',
  'na-source',
  'na-solicited-multicast',
  'na-no-mac',
  'ns-not-learned',
  'ns-no-mac',
  'dad-ns-destination',
  'dad-ns-with-mac',
  'ra-not-link-local',
  'filtered',
] as const
export type OutcomeName = (typeof OUTCOMES)[number]

/** sizeof(struct snoop_record) */
export const RECORD_BYTES = 48

/** enum snoop_kind, from 1. */
export const KINDS: readonly EvidenceKind[] = ['arp-request', 'arp-reply', 'na', 'ns', 'ra', 'arp-probe', 'dad-ns']

const NA_ROUTER = 0x80
const NA_SOLICITED = 0x40
const NA_OVERRIDE = 0x20

/** A decoded record. */
export type Frame =
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  | { readonly type: 'refused'; readonly refused: RefusedFrame }

/** Decodes the struct snoop_record at `offset`; a RangeError means that the program is of another version of macipd. */
export function decodeRecord(bytes: Buffer, offset: number): Frame {
  const outcome = bytes.readUInt8(offset + 46)
  return outcome === 0
    ? { type: 'evidence', evidence: decodeEvidence(bytes, offset) }
    : { type: 'refused', refused: decodeRefused(bytes, offset, outcome) }
}

function decodeRefused(bytes: Buffer, offset: number, outcome: number): RefusedFrame {
  const reason = OUTCOMES[outcome]
  if (reason === undefined || !isFrameRefusal(reason))
    throw new RangeError(`snoop record of unknown outcome ${outcome}`)
  const kind = bytes.readUInt8(offset + 44)
  const etherSource = formatMac(bytes, offset + 22)
  const hasClaim = kind !== 0
  return {
    reason,
    ifindex: bytes.readUInt32BE(offset + 8),
    vlan: bytes.readUInt16BE(offset + 12),
    mac: hasClaim ? formatMac(bytes, offset + 16) : etherSource,
    ip: hasClaim ? decodeIp(bytes, offset + 28, kindOf(kind)) : '',
  }
}

const isFrameRefusal = (name: OutcomeName): name is FrameRefusal => Object.hasOwn(FRAME_REFUSALS, name)

function kindOf(number: number): EvidenceKind {
  const kind = KINDS[number - 1]
  if (kind === undefined) throw new RangeError(`snoop record of unknown kind ${number}`)
  return kind
}

function decodeIp(bytes: Buffer, offset: number, kind: EvidenceKind): string {
  return formatIp(bytes.subarray(offset, offset + (isArp(kind) ? 4 : 16)))
}

function decodeEvidence(bytes: Buffer, offset: number): Evidence {
  return {
    at: Number(bytes.readBigUInt64BE(offset)) / 1e6,
    ifindex: bytes.readUInt32BE(offset + 8),
    vlan: bytes.readUInt16BE(offset + 12),
    vlanProtocol: bytes.readUInt16BE(offset + 14),
    ...decodeClaim(bytes, offset + 16),
  }
}

/** Decodes what follows the place in a struct snoop_record. Throws RangeError as decodeRecord does. */
export function decodeClaim(bytes: Buffer, offset: number): Omit<Evidence, 'at' | 'ifindex' | 'vlan' | 'vlanProtocol'> {
  const kind = kindOf(bytes.readUInt8(offset + 28))
  const flags = bytes.readUInt8(offset + 29)
  return {
    kind,
    mac: formatMac(bytes, offset),
    etherSource: formatMac(bytes, offset + 6),
    ip: decodeIp(bytes, offset + 12, kind),
    router: (flags & NA_ROUTER) !== 0,
    solicited: (flags & NA_SOLICITED) !== 0,
    override: (flags & NA_OVERRIDE) !== 0,
  }
}

const isArp = (kind: EvidenceKind) => kind === 'arp-request' || kind === 'arp-reply' || kind === 'arp-probe'

/** At most `burst` records are passed at once, and `perSecond` on average; 0 per second means no limit. */
export type Rate = { readonly perSecond: number; readonly burst: number }

/** Which frames, and how many, the program passes to user space. */
export type SnoopConfig = {
  /** The same claim at the same place is passed again only after this time; 0 passes it always. */
  repeatIntervalMs: number
  /** Of each port or VTEP. */
  rate?: Rate
  /**
   * Whether neighbour solicitations count as evidence. They do not say whether the host is a router (RFC 9161, 3.2).
   */
  learnNs?: boolean
  /** Whether a claim is passed only if the bridge's filters let its frame through. */
  heedFilters?: boolean
}

/** struct snoop_config, in its order: 64-bit numbers in the byte order of the machine, times in ns. */
export const CONFIG_FIELDS = [
  'repeatInterval',
  'rateInterval',
  'rateBurst',
  'learnNs',
  'forgetBefore',
  'heedFilters',
] as const

/** Encodes struct snoop_config. What was passed until `forgetBefore` (ns, CLOCK_MONOTONIC) counts as never passed. */
export function encodeConfig(config: SnoopConfig, forgetBefore = 0n): Buffer {
  const { repeatIntervalMs, rate, learnNs = false, heedFilters = false } = config
  const { interval, burst } = encodeRate(rate)
  const fields: Record<(typeof CONFIG_FIELDS)[number], number | bigint> = {
    repeatInterval: Math.round(repeatIntervalMs * 1e6),
    rateInterval: interval,
    rateBurst: burst,
    learnNs: Number(learnNs),
    forgetBefore,
    heedFilters: Number(heedFilters),
  }
  return Buffer.from(BigUint64Array.from(CONFIG_FIELDS, (name) => BigInt(fields[name])).buffer)
}

/** Returns what each record costs, and how much debt there may be, in ns. */
export function encodeRate(rate: Rate | undefined): { interval: number; burst: number } {
  const interval = rate !== undefined && rate.perSecond > 0 ? Math.round(1e9 / rate.perSecond) : 0
  return { interval, burst: interval * Math.max(1, rate?.burst ?? 1) }
}

/** sizeof(struct snoop_port) */
export const PORT_BYTES = 24

/** Key of the map `ports`, which is also the beginning of a struct snoop_key. */
export function encodeIfindex(ifindex: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeUInt32BE(ifindex)
  return key
}

/** Returns how many frames of a port were over its rate (struct snoop_port, in the byte order of the machine). */
export function decodeLimited(port: Buffer): number {
  return Number(new BigUint64Array(Uint8Array.from(port).buffer)[1])
}

/** sizeof(struct snoop_key) */
export const KEY_BYTES = 32

/** Returns the keys of the map `seen` (struct snoop_key) for a claim: a VLAN has one for each kind of tag. */
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
