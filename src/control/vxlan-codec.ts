// The part of the snooper's control protocol (snoop.proto) for a proxy of static VTEPs: converts what it wants to hear from
// protobuf, and what is heard to it. Every field of a request is checked.
import { formatIp, formatMac, isHostMac, parseIp, parseMac } from '../base/address.js'
import { isMapped, networkOf, type Prefix } from '../base/prefix.js'
import { isVni, MAX_VNI } from '../base/vni.js'
import type { EvidenceKind } from '../bindings/model.js'
import type { snoop as proto } from '../gen/snoop.js'
import { counters, QuestionError } from './snoop-codec.js'

/** At most `burst` claims at once, and `perSecond` on average; 0 per second means no limit. */
export type ClaimRate = { readonly perSecond: number; readonly burst: number }

/** Which claims in VXLAN packets of the underlay a proxy wants to hear. */
export type WatchVxlan = {
  /** Names of the underlay's devices; `*` and `?` are wildcards. */
  readonly interfaces: readonly string[]
  readonly udpPorts: readonly [number, ...number[]]
  readonly vnis: readonly number[]
  /** Networks of the outer sources that may be learned from. */
  readonly sources: readonly Prefix[]
  /** Outer destinations of packets that teach. */
  readonly destinations: readonly string[]
  /** The same claim is passed again only after this time; 0 passes it always. */
  readonly repeatIntervalMs: number
  /** Of each VTEP. */
  readonly rate: ClaimRate
  /** Of all VTEPs together. */
  readonly totalRate: ClaimRate
  /** MAC whose questions are answered: an answer to it is never a repetition. */
  readonly asker: string | undefined
}

/** A claim in a VXLAN packet, or the question whether an address is free. */
export type VxlanClaim = {
  readonly kind: EvidenceKind
  readonly vni: number
  /** Source of the outer packet. */
  readonly vtep: string
  /** The fields `mac`, `etherSource`, `ip` and `router` are as in bindings/model.ts, Evidence. */
  readonly mac: string
  readonly etherSource: string
  readonly ip: string
  readonly router: boolean
  /** Arrival in milliseconds of CLOCK_MONOTONIC. */
  readonly at: number
}

/** `attached`: how the program is attached, '' if it is not. `error`: why it is not, '' if it is. */
export type VxlanInterface = { readonly name: string; readonly attached: string; readonly error: string }

export type VxlanStatus = {
  readonly interfaces: readonly VxlanInterface[]
  /** Packets by outcome. */
  readonly frames: Readonly<Record<string, number>>
  /** Claims that were dropped because the proxy did not read. */
  readonly dropped: number
}

/** What one request may name at most; the maps of the eBPF program have as much room (bpf/vxlan.h). */
export const WATCH_LIMITS = { interfaces: 64, udpPorts: 8, vnis: 16_384, sources: 4096, destinations: 16_384 } as const

/** IFNAMSIZ without the terminating NUL; a pattern may be longer than what it matches. */
const MAX_PATTERN = 32
const MAX_REPEAT_INTERVAL_MS = 86_400_000

/** Throws QuestionError. */
export function watchFromProto(request: proto.WatchVxlan.$Properties): WatchVxlan {
  const { repeatIntervalMs, rate, burst, totalRate, totalBurst, asker } = request
  const [first, ...udpPorts] = listed('UDP ports', request.udpPorts, WATCH_LIMITS.udpPorts).map(portFromProto)
  if (first === undefined) throw new QuestionError('a UDP port is needed')
  return {
    interfaces: interfacesFromProto(request.interfaces),
    udpPorts: [first, ...udpPorts],
    vnis: listed('VNIs', request.vnis, WATCH_LIMITS.vnis).map(vniFromProto),
    sources: listed('sources', request.sources, WATCH_LIMITS.sources).map(prefixFromProto),
    destinations: listed('destinations', request.destinations, WATCH_LIMITS.destinations).map(ipFromProto),
    repeatIntervalMs: intervalFromProto(repeatIntervalMs ?? 0),
    rate: { perSecond: rate ?? 0, burst: burst ?? 0 },
    totalRate: { perSecond: totalRate ?? 0, burst: totalBurst ?? 0 },
    asker: asker == null || asker.length === 0 ? undefined : hostMacFromProto(asker),
  }
}

function listed<T>(what: string, list: readonly T[] | null | undefined, limit: number): readonly T[] {
  if (list == null) return []
  if (list.length > limit) throw new QuestionError(`at most ${limit} ${what}, not ${list.length}`)
  return list
}

function interfacesFromProto(patterns: readonly string[] | null | undefined): readonly string[] {
  const names = listed('interfaces', patterns, WATCH_LIMITS.interfaces)
  if (names.length === 0) throw new QuestionError('an interface is needed')
  for (const name of names) {
    if (name === '' || name.length > MAX_PATTERN)
      throw new QuestionError(`the name of an interface has 1 to ${MAX_PATTERN} characters, not ${name.length}`)
  }
  return names
}

function portFromProto(port: number): number {
  if (port < 1 || port > 0xffff) throw new QuestionError(`a UDP port is from 1 to 65535, not ${port}`)
  return port
}

function vniFromProto(vni: number): number {
  if (!isVni(vni)) throw new QuestionError(`a VNI is from 1 to ${MAX_VNI}, not ${vni}`)
  return vni
}

function prefixFromProto({ ip: bytes, length: wire }: proto.VtepPrefix.$Properties): Prefix {
  const ip = ipFromProto(bytes ?? new Uint8Array(0))
  const [length, bits] = [wire ?? 0, (bytes?.length ?? 0) * 8]
  if (length > bits) throw new QuestionError(`a prefix of ${ip} has at most ${bits} bits, not ${length}`)
  return networkOf({ ip, length })
}

function ipFromProto(bytes: Uint8Array): string {
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new QuestionError(`an IP address has 4 or 16 bytes, not ${bytes.length}`)
  if (isMapped(Buffer.from(bytes))) throw new QuestionError(`${formatIp(bytes)}: an IPv4 address has 4 bytes`)
  return formatIp(bytes)
}

function intervalFromProto(ms: number): number {
  if (!(ms >= 0 && ms <= MAX_REPEAT_INTERVAL_MS))
    throw new QuestionError(`a repeat interval is from 0 to ${MAX_REPEAT_INTERVAL_MS} ms, not ${ms}`)
  return ms
}

function hostMacFromProto(bytes: Uint8Array): string {
  if (bytes.length !== 6) throw new QuestionError(`a MAC address has 6 bytes, not ${bytes.length}`)
  const mac = formatMac(bytes)
  if (!isHostMac(mac)) throw new QuestionError(`no host has the MAC address ${mac}`)
  return mac
}

export const vxlanClaimToProto = ({
  vtep,
  mac,
  ip,
  etherSource,
  ...rest
}: VxlanClaim): proto.VxlanClaim.$Properties => ({
  ...rest,
  vtep: parseIp(vtep) ?? NOTHING,
  mac: parseMac(mac) ?? NOTHING,
  ip: parseIp(ip) ?? NOTHING,
  etherSource: parseMac(etherSource) ?? NOTHING,
})

export const vxlanStatusToProto = ({ interfaces, frames, dropped }: VxlanStatus): proto.VxlanStatus.$Properties => ({
  interfaces: interfaces.map((it) => ({ ...it })),
  frames: counters(frames),
  dropped,
})

/** The other way round, for the proxy: throws RangeError if the claim is not a valid one. */
export function vxlanClaimFromProto(wire: proto.VxlanClaim.$Properties): VxlanClaim {
  const { vni = 0, vtep, mac, ip, etherSource, kind, router, at } = wire
  if (vni == null || !isVni(vni)) throw new RangeError(`a claim of VNI ${vni}`)
  if (!isKind(kind)) throw new RangeError(`a claim of unknown kind ${kind ?? ''}`)
  const addresses = { vtep: ipText(vtep), ip: ipText(ip), mac: macText(mac), etherSource: macText(etherSource) }
  return { kind, vni, router: router ?? false, at: at ?? 0, ...addresses }
}

export function watchToProto({ rate, totalRate, ...watch }: WatchVxlan): proto.WatchVxlan.$Properties {
  const { interfaces, udpPorts, vnis, sources, destinations, repeatIntervalMs, asker } = watch
  return {
    ...{ interfaces: [...interfaces], udpPorts: [...udpPorts], vnis: [...vnis], repeatIntervalMs },
    sources: sources.map(({ ip, length }) => ({ ip: parseIp(ip) ?? NOTHING, length })),
    destinations: destinations.map((ip) => parseIp(ip) ?? NOTHING),
    ...{ rate: rate.perSecond, burst: rate.burst, totalRate: totalRate.perSecond, totalBurst: totalRate.burst },
    asker: (asker === undefined ? undefined : parseMac(asker)) ?? NOTHING,
  }
}

export const vxlanStatusFromProto = ({ interfaces, frames, dropped }: proto.VxlanStatus.$Properties): VxlanStatus => ({
  interfaces: (interfaces ?? []).map(({ name, attached, error }) => ({
    ...{ name: name ?? '', attached: attached ?? '', error: error ?? '' },
  })),
  frames: Object.fromEntries((frames ?? []).map(({ name, value }) => [name ?? '', value ?? 0])),
  dropped: dropped ?? 0,
})

const KINDS: Readonly<Record<EvidenceKind, true>> = {
  ...{ 'arp-request': true, 'arp-reply': true, 'arp-probe': true },
  ...{ na: true, ns: true, ra: true, 'dad-ns': true },
}
const isKind = (kind: string | null | undefined): kind is EvidenceKind => Object.hasOwn(KINDS, kind ?? '')

function ipText(bytes: Uint8Array | null | undefined): string {
  if (bytes?.length === 4 || bytes?.length === 16) return formatIp(bytes)
  throw new RangeError(`an IP address of ${bytes?.length ?? 0} bytes`)
}

function macText(bytes: Uint8Array | null | undefined): string {
  if (bytes?.length === 6) return formatMac(bytes)
  throw new RangeError(`a MAC address of ${bytes?.length ?? 0} bytes`)
}

const NOTHING = new Uint8Array(0)
